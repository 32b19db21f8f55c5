"""How a project fares with its flags, month by month, from the entries alone."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.unit.analysis.histories import History, P, at

from flagtrail.analysis.project_health import Month, project_health
from flagtrail.model.flag import boolean_flag
from flagtrail.model.stage import FlagStage, Stage
from flagtrail.model.subject import flag_subject, stage_subject

NOW = datetime(2026, 4, 11, 12, tzinfo=UTC)


class Project(History):
    """Flags that come and go."""

    def come(self, flag: str, time: str, *, archived: bool = False) -> None:
        self.put(flag_subject(P, flag), boolean_flag(flag, archived=archived), time)

    def move(self, flag: str, stage: Stage | None, time: str) -> None:
        self.put(stage_subject(P, flag), None if stage is None else FlagStage(stage), time)

    def months(self, count: int) -> tuple[Month, ...]:
        return project_health(self.entries, P, now=NOW, months=count).months


def month(
    name: str, flags: int, created: int, removed: int, stale: int | None, share: float | None, age: int | None
) -> Month:
    return Month(
        month=name, flags=flags, created=created, removed=removed, stale=stale, share=share, median_age_days=age
    )


def test_project_health__month_by_month__counts_what_stands_at_its_end() -> None:
    project = Project()
    project.come("a", at(1, 1))
    project.come("b", at(11, 1))
    project.come("c", at(21, 1))
    project.move("a", "stale", at(10, 3))
    project.move("b", "potentially_stale", at(11, 3))
    project.come("c", at(20, 3), archived=True)
    project.move("a", "ready_to_remove", at(1, 4))
    project.move("b", "stale", at(2, 4))
    project.put(flag_subject(P, "a"), None, at(3, 4))

    assert project.months(4) == (
        month("2026-01", 3, 3, 0, None, None, 21),
        month("2026-02", 3, 0, 0, None, None, 49),
        month("2026-03", 2, 0, 1, 1, 50.0, 85),
        month("2026-04", 1, 0, 1, 1, 100.0, 90),
    )


def test_project_health__flag_that_came_and_went_within_a_month__was_removed_in_it() -> None:
    project = Project()
    project.come("a", at(2, 3))
    project.put(flag_subject(P, "a"), None, at(9, 3))
    assert [(each.created, each.removed, each.flags) for each in project.months(2)] == [(1, 1, 0), (0, 0, 0)]


def test_project_health__restored_flag__is_as_old_as_it_was_and_was_not_removed() -> None:
    project = Project()
    project.come("a", at(1, 2))
    project.come("a", at(3, 3), archived=True)
    project.come("a", at(9, 3))
    assert [(each.removed, each.median_age_days) for each in project.months(2)] == [(0, 59), (0, 69)]


def test_project_health__what_happened_before__counts_into_the_first_month() -> None:
    project = Project()
    project.come("a", at(1, 1))
    project.move("a", "stale", at(2, 1))
    project.come("b", at(3, 1))
    project.come("b", at(4, 1), archived=True)
    project.put(flag_subject(P, "b"), None, at(5, 1))
    assert project.months(1) == (month("2026-04", 1, 0, 0, 1, 100.0, 100),)


def test_project_health__stage_that_went_with_its_document__is_active() -> None:
    project = Project()
    project.come("a", at(1, 1))
    project.move("a", "stale", at(2, 1))
    project.move("a", None, at(3, 1))
    assert [each.stale for each in project.months(1)] == [0]


def test_project_health__project_without_a_flag__has_no_share_and_no_age() -> None:
    assert Project().months(13)[0] == month("2025-04", 0, 0, 0, None, None, None)


def test_project_health__entries_that_begin_in_the_middle__tell_what_they_can() -> None:
    project = Project()
    project.come("a", at(1, 1))
    project.come("a", at(2, 1), archived=True)
    project.come("a", at(5, 4))
    later = project_health(project.entries[2:], P, now=NOW, months=1)
    gone = project_health(project.entries[1:2], P, now=NOW, months=1)
    assert [(later.months[0].flags, later.months[0].median_age_days), gone.months[0].flags] == [(1, 6), 0]


def test_project_health__flag_that_was_brought_archived__is_there_from_its_return_on() -> None:
    project = Project()
    project.come("a", at(2, 3), archived=True)
    project.come("b", at(3, 3))
    project.come("a", at(2, 4))

    assert [(each.flags, each.created, each.removed) for each in project.months(2)] == [(1, 1, 0), (2, 0, 0)]
