"""Documents in words, for the surfaces: what `changes` calls a condition, a split, a subscription; and figures."""

from flagtrail.analysis.impact import figure
from flagtrail.changes.diff import condition_words, percent, serve_words, text, weights
from flagtrail.changes.subscription_words import channel_words, filter_words, time_words

__all__ = [
    "channel_words",
    "condition_words",
    "figure",
    "filter_words",
    "percent",
    "serve_words",
    "text",
    "time_words",
    "weights",
]
