"""What is stored with a change: of every change, made by whomever, by one follower, and never without bounds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.support.installation import ADA, CHECKOUT, LIVE, Shop, patch, put

from flagtrail.app import predict
from flagtrail.app.clock import stamp
from flagtrail.app.lease import TAKE_OVER_SECONDS, Leases
from flagtrail.app.predict import PreviewFollower
from flagtrail.app.preview import Previews
from flagtrail.model.change import Change, Operation
from flagtrail.model.condition import Condition
from flagtrail.model.flag import boolean_flag
from flagtrail.model.preview import PREVIEWS, StoredPreview, preview_key
from flagtrail.model.segment import Segment
from flagtrail.model.subject import flag_subject, segment_subject, targeting_subject
from flagtrail.model.targeting import Rule, Serve, Targeting
from flagtrail.model.usage import SampledContext

BETA = segment_subject("shop", "beta")
OTHER, OTHER_LIVE = flag_subject("shop", "other"), targeting_subject("shop", "other", "production")
PRO = Condition(attribute="plan", operator="equals", values=("pro",))


@pytest.fixture(params=["memory", "sqlite"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Shop]:
    made = Shop("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/flagtrail.db").set_up()
    yield made
    made.storage.close()


@pytest.fixture(autouse=True)
def unrested(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes no rest: how long it rests is no behaviour."""
    monkeypatch.setattr(predict, "IDLE", 0)


def sample(shop: Shop, size: int, environment: str = "production") -> None:
    """A quarter of them is on the plan pro."""
    people = [{"targetingKey": f"u{n}", "plan": "pro" if n % 4 == 0 else "free"} for n in range(size)]
    contexts = [SampledContext("shop", environment, stamp(shop.clock()), each) for each in people]
    shop.storage.add_usage((), contexts=contexts)


def follower(shop: Shop) -> PreviewFollower:
    """A new process, which takes the lease over. Whoever held it before was stopped, and knows of nothing."""
    seconds = [0.0]
    leases = Leases(shop.storage, shop.clock, monotonic=lambda: seconds[0])
    lease = leases.lease("previews")
    leases.tend()
    seconds[0] = TAKE_OVER_SECONDS
    leases.tend()
    assert lease.held()
    return PreviewFollower(shop.storage, shop.changes, shop.clock, lease)


def started(shop: Shop) -> PreviewFollower:
    one = follower(shop)
    one.step()
    return one


def stored(shop: Shop, seq: int) -> StoredPreview | None:
    raw = shop.storage.cell(PREVIEWS, preview_key(seq))
    return None if raw is None else msgspec.json.decode(raw, type=StoredPreview)


def shifts(shop: Shop, seq: int) -> dict[tuple[str, str], tuple[float | None, str, int]]:
    found = stored(shop, seq)
    assert found is not None
    return {(each.flag, each.environment): (each.changed, each.basis, each.sample) for each in found.flags}


def test_step__after_a_change__stores_the_shift_over_the_sampled_contexts(shop: Shop) -> None:
    sample(shop, 400)
    one = started(shop)
    rule = {"id": "pro", "when": msgspec.to_builtins(PRO), "serve": {"variant": "on"}}
    entry = shop.patch(LIVE, {"enabled": True, "rules": [rule], "fallthrough": {"variant": "off"}}).entries[0]
    one.step()

    found = stored(shop, entry.seq)
    assert found is not None
    (shift,) = found.flags
    assert (found.seq, found.count) == (entry.seq, 1)
    assert (shift.flag, shift.environment, shift.basis, shift.sample) == ("checkout", "production", "sample", 400)
    assert (shift.before, shift.after, shift.changed) == ({"off": 1.0}, {"on": 0.25, "off": 0.75}, 0.25)
    assert shift.interval is not None
    assert shift.interval[0] < 0.25 < shift.interval[1]


def test_step__no_sampled_contexts__stores_what_the_rules_say(shop: Shop) -> None:
    one = started(shop)
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    one.step()
    assert shifts(shop, entry.seq) == {("checkout", "production"): (1.0, "rules", 0)}


def test_step__a_segment__stores_the_flags_that_follow_it_in_each_environment(shop: Shop) -> None:
    sample(shop, 40)
    shop.apply(put(BETA, Segment("beta", Condition(attribute="plan", operator="equals", values=("x",)))))
    rules = (Rule("beta", Condition(segment="beta"), Serve("on")),)
    for environment in ("production", "staging"):
        subject = targeting_subject("shop", "checkout", environment)
        shop.apply(put(subject, Targeting("off", Serve("off"), enabled=True, rules=rules)))
    one = started(shop)
    entry = shop.patch(BETA, {"when": msgspec.to_builtins(PRO)}).entries[0]
    one.step()
    assert shifts(shop, entry.seq) == {
        ("checkout", "production"): (0.25, "sample", 40),
        ("checkout", "staging"): (None, "rules", 0),
    }


def test_step__several_documents_at_once__are_one_preview_by_the_first(shop: Shop) -> None:
    one = started(shop)
    receipt = shop.apply(
        put(OTHER, boolean_flag("other")), put(OTHER_LIVE, Targeting("off", Serve("on"), enabled=True))
    )
    one.step()
    first, second = (entry.seq for entry in receipt.entries)
    found = stored(shop, first)
    assert found is not None
    assert found.count == 2
    assert stored(shop, second) is None
    entry = shop.storage.entry(second)
    assert entry is not None
    predicted = Previews(shop.storage, shop.changes).stored(entry)
    assert predicted is not None
    assert predicted.words[0].startswith("other in production: 100 % get another value")


def test_step__changes_that_shift_nothing__store_nothing(shop: Shop) -> None:
    one = started(shop)
    entry = shop.patch(CHECKOUT, {"description": "said better"}).entries[0]
    one.step()
    assert stored(shop, entry.seq) is None


def test_step__many_changes_one_after_the_other__predict_each_from_where_it_began(shop: Shop) -> None:
    one = started(shop)
    seqs = [shop.patch(LIVE, {"enabled": enabled}).entries[0].seq for enabled in (True, False, True)]
    one.step()
    found = [stored(shop, seq) for seq in seqs]
    assert [each.flags[0].after for each in found if each] == [{"on": 1.0}, {"off": 1.0}, {"on": 1.0}]


def test_step__when_its_time_is_up__goes_on_with_the_rest_the_next_time(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "STEP_SECONDS", -1)
    one = started(shop)
    seqs = [shop.patch(LIVE, {"enabled": enabled}).entries[0].seq for enabled in (True, False)]
    assert one.step() == 0
    assert [stored(shop, seq) is None for seq in seqs] == [False, True]
    assert one.step() is None
    assert [stored(shop, seq) is None for seq in seqs] == [False, False]


def test_first_step__begins_with_what_comes_next(shop: Shop) -> None:
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    started(shop)
    assert stored(shop, entry.seq) is None


def test_another_process__goes_on_where_the_first_one_stopped(shop: Shop) -> None:
    started(shop)
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    follower(shop).step()
    assert stored(shop, entry.seq) is not None


def test_a_process_that_lost_the_lease__stores_nothing(shop: Shop) -> None:
    one = started(shop)
    follower(shop)  # takes the lease; the first one does not know
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    assert one.step() is None
    assert stored(shop, entry.seq) is None


def test_a_process_without_the_lease__does_nothing(shop: Shop) -> None:
    lease = Leases(shop.storage, shop.clock).lease("previews")
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    assert PreviewFollower(shop.storage, shop.changes, shop.clock, lease).step() is None
    assert stored(shop, entry.seq) is None


def test_changes_of_long_ago__are_not_predicted(shop: Shop) -> None:
    one = started(shop)
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    shop.clock.move(days=3)
    one.step()
    assert stored(shop, entry.seq) is None


def test_imported_history__is_not_predicted(shop: Shop) -> None:
    shop.clock.move(days=1)
    one = started(shop)
    at = stamp(shop.clock() - timedelta(hours=1))
    change = Change(operations=(put(OTHER, boolean_flag("other")),), why="a test", occurred_at=at)
    entry = shop.changes.apply(ADA, change).entries[0]
    one.step()
    assert stored(shop, entry.seq) is None


@pytest.mark.parametrize("batch", [1, 2, 3, 4, 100])
def test_step__in_batches_of_any_size__keeps_what_was_changed_together_together(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(predict, "BATCH", batch)
    one = started(shop)
    seqs = [shop.patch(LIVE, {"enabled": True}).entries[0].seq]
    one.step()  # from here on it holds the state at its place
    live = Targeting("off", Serve("on"), enabled=True)
    for number in range(3):
        flag = flag_subject("shop", f"f{number}")
        target = targeting_subject("shop", f"f{number}", "production")
        seqs.append(shop.apply(put(flag, boolean_flag(f"f{number}")), put(target, live)).entries[0].seq)
        seqs.append(shop.patch(LIVE, {"enabled": number == 1}).entries[0].seq)
    while one.step() is not None:
        pass
    found = [stored(shop, seq) for seq in seqs]
    assert [each.count for each in found if each] == [1, 2, 1, 2, 1, 2, 1]
    assert [each.flags[-1].after for each in found if each and each.count == 1] == [
        {"on": 1.0},
        {"off": 1.0},
        {"on": 1.0},
        {"off": 1.0},
    ]


def test_entries_of_which_a_value_was_erased__are_passed_over(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    one = started(shop)
    entries = shop.patch(LIVE, {"enabled": True}).entries
    erased = [msgspec.structs.replace(entries[0], before=None, erased=("before",))]
    monkeypatch.setattr(shop.storage, "entries_from", lambda _seq, _limit: erased)
    one.step()
    assert stored(shop, entries[0].seq) is None
    assert shop.storage.cell("place", "previews") == str(shop.changes.state.size).encode()


def test_a_follower_far_behind__leaves_out_what_is_oldest(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predict, "MAX_BEHIND", 3)
    one = started(shop)
    group = [patch(LIVE, {"enabled": True}), put(OTHER, boolean_flag("other"))]
    cut = shop.apply(*group).entries[0].seq
    seqs = [shop.patch(LIVE, {"enabled": enabled}).entries[0].seq for enabled in (False, True)]
    one.step()
    assert [stored(shop, seq) is None for seq in (cut, cut + 1, *seqs)] == [True, True, False, False]


@pytest.mark.parametrize(
    ("seconds", "sizes"), [pytest.param(60, [8, 8], id="kept"), pytest.param(-1, [8, 9], id="over")]
)
def test_sampled_contexts__are_read_anew_after_a_while(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, seconds: int, sizes: list[int]
) -> None:
    monkeypatch.setattr(predict, "CONTEXTS_SECONDS", seconds)
    one = started(shop)
    found = []
    for size, enabled in ((0, True), (8, False), (1, True)):
        sample(shop, size)
        entry = shop.patch(LIVE, {"enabled": enabled}).entries[0]
        one.step()
        found.extend([looked_at for _, _, looked_at in shifts(shop, entry.seq).values()])
    assert found == [0, *sizes]


def test_stored__of_an_entry_that_has_none__is_none(shop: Shop) -> None:
    entry = shop.patch(LIVE, {"enabled": True}).entries[0]
    assert Previews(shop.storage, shop.changes).stored(entry) is None


def test_deleted_documents__are_followed_to_their_end(shop: Shop) -> None:
    one = started(shop)
    shop.patch(LIVE, {"enabled": True})
    seq = shop.apply(Operation(action="delete", subject=CHECKOUT)).entries[0].seq
    one.step()
    found = stored(shop, seq)
    assert found is not None
    assert {(each.environment, tuple(each.after.items())) for each in found.flags} == {
        (environment, (("", 1.0),)) for environment in ("production", "staging", "development")
    }
