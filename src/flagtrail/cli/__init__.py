"""Floor 7: the command line. One file per command group; all of them speak HTTP to the server, or to the same
application in process.
"""
