"""One flag's evaluations, folded away in one file at a time.

`seeds` puts a placeholder where the flag is evaluated; `fold` makes one edit after another, each parsed anew, until
none is left to make: `expressions`, `statements`, `variables`. What then still stands becomes a literal. `dead` takes
out what nothing uses any more because of it.

Across files it goes on in `fallen`, round by round: `exports` (names), `parameters` (with their arguments), `modules`
(whole files). `forest` holds all files as they were and are; `names` tells what a word is in one of them.
"""
