"""Documents in words, for the surfaces: what `changes.diff` calls a condition, a split, a subscription."""

from flagtrail.changes.diff import condition_words, percent, serve_words, text, weights
from flagtrail.changes.subscription_words import channel_words, filter_words, time_words

__all__ = [
    "channel_words",
    "condition_words",
    "filter_words",
    "percent",
    "serve_words",
    "text",
    "time_words",
    "weights",
]
