"""The demo: two years of a company that never was, made by the same change flow that real people use.

"Northwind Ledger" sells billing to other companies. Its 25 people, 200 flags,
mistakes and repairs are generated from a seed and a day; the same seed and day
tell the same story.
"""
