"""Reading keys out of documents that are still only JSON."""

from __future__ import annotations

from flagtrail.model.errors import Defect, InvalidDocument
from flagtrail.model.flag import Json


def key_of(value: Json) -> str:
    """The document's own key, which makes its address; raises InvalidDocument where it has none."""
    key = value.get("key") if isinstance(value, dict) else None
    if not isinstance(key, str):
        raise InvalidDocument([Defect("/key", "is missing" if key is None else "must be a text")])
    return key
