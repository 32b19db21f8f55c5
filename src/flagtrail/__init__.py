"""Flagtrail: feature flags with a memory."""

__version__ = "0.1.0"
