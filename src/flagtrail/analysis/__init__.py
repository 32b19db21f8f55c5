"""Floor 3: questions over entries, each a file; pure functions with frozen reports.

Times are stamps as the ledger writes them (RFC 3339, UTC, microseconds), which
sort as text. A question about the past orders entries by (effective time, seq).
"""
