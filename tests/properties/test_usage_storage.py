"""Laws of usage: however rows come, in which order and in how many batches, every store tells the same sums."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from flagtrail.model.usage import Usage
from flagtrail.storage import ReportMark, Storage, UsageQuery, load

HOURS = [f"2026-03-0{day}T{hour:02}:00:00.000000Z" for day in (4, 5) for hour in (0, 12, 23)]
LASTS = ["2026-03-05T12:00:01.000000Z", "2026-03-05T12:59:59.000000Z", "2026-03-06T00:00:00.000000Z"]

ROWS = st.lists(
    st.builds(
        Usage,
        project=st.just("default"),
        environment=st.sampled_from(["production", "dev"]),
        flag=st.sampled_from(["a", "b"]),
        variant=st.sampled_from(["on", "off", ""]),
        rule=st.sampled_from(["", "r1"]),
        hour=st.sampled_from(HOURS),
        count=st.integers(1, 2**52),
        last=st.sampled_from(LASTS),
        client=st.sampled_from(["ofrep", "flagtrail-python/1"]),
        application=st.sampled_from(["", "shop/1"]),
    ),
    max_size=30,
)


def told(storage: Storage) -> tuple[object, ...]:
    """Everything that a store says of usage."""
    return (
        storage.usage("default"),
        storage.usage_summary("default"),
        storage.usage_reporters("default"),
        [storage.usage_clients("default", flag) for flag in "ab"],
        [
            storage.usage_counts(UsageQuery(project="default", flag=flag, since=since, by="day"))
            for flag in "ab"
            for since in (None, "2026-03-05T11:30:00Z")
        ],
    )


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, cut=st.integers(0, 30), order=st.randoms(use_true_random=False))
def test_add_usage__in_any_order_and_batches__tells_the_same_in_every_store(
    rows: list[Usage], cut: int, order: object
) -> None:
    shuffled = sorted(rows, key=lambda _: order.random())  # type: ignore[attr-defined]  # Hypothesis' Random
    with TemporaryDirectory() as folder:
        stores = [load("memory:"), load(f"sqlite:///{Path(folder) / 'usage.db'}")]
        stores[0].add_usage(rows)
        stores[1].add_usage(shuffled[:cut])
        stores[1].add_usage(shuffled[cut:])
        answers = [told(store) for store in stores]
        for store in stores:
            store.close()

    assert answers[0] == answers[1]


@settings(max_examples=60, deadline=None)
@given(reports=st.lists(st.tuples(st.sampled_from("abc"), ROWS), max_size=8))
def test_add_usage__of_reports__is_that_of_the_first_of_each_id(reports: list[tuple[str, list[Usage]]]) -> None:
    sent, plain = load("memory:"), load("memory:")
    first = dict(reversed(reports))
    for name, rows in reports:
        sent.add_usage(rows, report=ReportMark(name, 0.0))
    for rows in first.values():
        plain.add_usage(rows)

    assert told(sent) == told(plain)
