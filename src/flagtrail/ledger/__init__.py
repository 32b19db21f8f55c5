"""Floor 2: bytes, hashes and proofs of the ledger; trusts nothing.

Nothing is imported here: the offline verifier runs on the standard library alone.
"""
