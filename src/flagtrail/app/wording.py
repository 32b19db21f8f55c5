"""Documents in words, for the surfaces: what `changes.diff` calls a condition, a split, a value."""

from flagtrail.changes.diff import condition_words, percent, serve_words, text, weights

__all__ = ["condition_words", "percent", "serve_words", "text", "weights"]
