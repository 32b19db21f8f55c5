"""JSON Merge Patch (RFC 7396)."""

from __future__ import annotations

from flagtrail.model.flag import Json


def merge_patch(target: Json, patch: Json) -> Json:
    """`target` with `patch` applied (RFC 7396, section 2); neither is altered.

    >>> merge_patch({"a": 1, "b": {"c": 2}}, {"a": None, "b": {"d": 3}})
    {'b': {'c': 2, 'd': 3}}
    """
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged
