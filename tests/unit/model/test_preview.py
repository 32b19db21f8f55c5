"""The stored preview is read by others from its cell: what its bytes say is a contract."""

from __future__ import annotations

import msgspec

from flagtrail.model.preview import PredictedShift, StoredPreview, preview_key

SHIFT = PredictedShift(
    flag="new_pricing",
    environment="production",
    before={"off": 1.0},
    after={"off": 0.75, "on": 0.25},
    changed=0.25,
    interval=(0.23, 0.27),
    basis="sample",
    sample=2_000,
    since="2026-11-01T00:00:00.000000Z",
    until="2026-11-27T00:00:00.000000Z",
)
STORED = StoredPreview(seq=41, count=1, time="2026-11-28T12:00:00.000000Z", flags=(SHIFT,))


def test_a_stored_preview_comes_back_from_its_bytes_as_it_was() -> None:
    assert msgspec.json.decode(msgspec.json.encode(STORED), type=StoredPreview) == STORED


def test_keys_of_cells_sort_as_their_entries_do() -> None:
    assert sorted(map(preview_key, (100, 9, 10))) == [preview_key(9), preview_key(10), preview_key(100)]
