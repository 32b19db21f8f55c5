"""What is counted is drained once: through swaps of rulesets, through threads, and not again by a forked child."""

from __future__ import annotations

import threading
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.usage import Count
from flagtrail.sdk.usage import Group, Tallied, Tallies


def served(flag: str, variant: str = "on", rule: str | None = None) -> Resolution:
    return Resolution(flag, variant, True, Reason.STATIC, rule)


def together(group: Group, *resolutions: Resolution) -> Tallied:
    return group.setdefault(id(resolutions), Tallied(resolutions, resolutions))


def test_drain__counted_since_the_last__gives_that_alone() -> None:
    tallies = Tallies()
    tallies.of(served("a", rule="r")).n += 3
    first = tallies.drain()
    tallies.of(served("a", rule="r")).n += 2

    assert (first, tallies.drain(), tallies.drain()) == ([Count("a", "on", "r", 3)], [Count("a", "on", "r", 2)], [])


def test_drain__answers_given_together__counts_each_of_them() -> None:
    tallies = Tallies()
    tallies.of(served("a")).n += 1
    together(tallies.group(), served("a"), served("b", "off")).n += 4

    assert tallies.drain() == [Count("a", "on", "", 5), Count("b", "off", "", 4)]


def test_drain__a_retired_tally_counted_late__gives_it_once_more() -> None:
    tallies = Tallies()
    old = tallies.of(served("a"))
    old.n += 1
    tallies.retire(tallies.detach(["a"]))
    before = tallies.drain()
    old.n += 1  # a call that was under way

    assert (before, tallies.drain()) == ([Count("a", "on", "", 1)], [Count("a", "on", "", 1)])


def test_retire__again_and_again__keeps_nothing_of_what_was_drained() -> None:
    tallies = Tallies()
    for number in range(1000):
        tallies.of(served(f"flag-{number}")).n += 1
        group = tallies.group()
        together(group, served("a")).n += 1
        tallies.retire([*tallies.detach([f"flag-{number}"]), group])
        tallies.drain()
    tallies.drain()
    tallies.drain()

    assert list(tallies._all(tallies._retired, tallies._retired_before)) == []


def test_forget__in_a_forked_child__leaves_the_past_to_the_parent() -> None:
    tallies = Tallies()
    tallies.of(served("a")).n += 3
    tallies.retire(tallies.detach(["a"]))
    tallies.of(served("a")).n += 3
    together(tallies.group(), served("b")).n += 3
    tallies.forget()
    tallies.of(served("a")).n += 1

    assert tallies.drain() == [Count("a", "on", "", 1)]


@given(st.lists(st.tuples(st.sampled_from(["count", "together", "retire", "drain"]), st.sampled_from("abc"))))
def test_drain__any_order_of_counting_retiring_and_draining__adds_up(steps: list[tuple[str, str]]) -> None:
    tallies = Tallies()
    groups = [tallies.group()]
    counted: Counter[str] = Counter()
    drained: Counter[str] = Counter()
    for step, flag in [*steps, ("drain", "a")]:
        match step:
            case "count":
                tallies.of(served(flag)).n += 1
                counted[flag] += 1
            case "together":
                together(groups[-1], served(flag)).n += 1
                counted[flag] += 1
            case "retire":
                tallies.retire([*tallies.detach([flag]), groups[-1]])
                together(groups[-1], served(flag)).n += 1  # a call that was under way
                counted[flag] += 1
                groups.append(tallies.group())
            case _:
                for count in tallies.drain():
                    drained[count.flag] += count.count

    assert drained == counted


def test_drain__while_others_count_and_compile__loses_nothing() -> None:
    tallies = Tallies()
    drained: Counter[str] = Counter()

    def work() -> None:
        for number in range(20_000):
            tallies.of(served(f"flag-{number % 50}")).n += 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        drained.update({count.flag: count.count for count in tallies.drain()})
    drained.update({count.flag: count.count for count in tallies.drain()})

    assert drained.total() == 80_000
