"""Code references: what a scan brings, what is refused of it, and what is told of each flag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.installation import ADA, CHECKOUT, person

from flagtrail.app import references
from flagtrail.app.bootstrap import App
from flagtrail.app.projects import project_operations
from flagtrail.app.references import BranchReferences, FlagCounts
from flagtrail.app.settings import Settings
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.environment import Project
from flagtrail.model.errors import Forbidden, InvalidDocument, NotFound, TooLarge
from flagtrail.model.flag import boolean_flag
from flagtrail.model.reference import CodeReference, Removal, Scan
from flagtrail.model.subject import flag_subject

Json = Any
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
COMMIT = "c0ffee0"
HOST = "https://git.example.org/shop/blob/{commit}/{path}#L{line}"


class World:
    """One project with the flags `checkout` and `old_pricing`; scans come at `now`."""

    def __init__(self) -> None:
        self.now = NOW
        self.app = App(Settings(database="memory:"), clock=lambda: self.now)
        self.app.changes.apply(
            ADA,
            Change(
                operations=(
                    *project_operations(Project("shop")),
                    Operation(action="put", subject=CHECKOUT, value=encode(boolean_flag("checkout"))),
                    Operation(
                        action="put",
                        subject=flag_subject("shop", "old_pricing"),
                        value=encode(boolean_flag("old_pricing")),
                    ),
                ),
                why="a test",
            ),
        )

    def upload(self, *found: CodeReference, **parts: Json) -> references.Uploaded:
        given: dict[str, Json] = {
            "repository": "shop",
            "branch": "main",
            "commit": COMMIT,
            "at": self.now.isoformat(),
            "default": True,
            "keys": ("checkout", "old_pricing"),
            **parts,
        }
        return self.app.references.upload(ADA, "shop", Scan(references=found, **given))


def place(flag: str = "checkout", path: str = "src/cart.py", line: int = 7, **parts: Json) -> CodeReference:
    return CodeReference(flag=flag, path=path, line=line, **{"kind": "evaluation", **parts})


@pytest.fixture
def world() -> World:
    return World()


def test_upload__of_a_scan__tells_what_was_kept(world: World) -> None:
    told = world.upload(place(), place(line=9), place("never_made"), place("just_text", kind="comment"))

    assert told == references.Uploaded(kept=True, references=4, flags=3, unknown=("never_made",))


def test_upload__of_an_older_scan__is_not_kept(world: World) -> None:
    world.upload(place())

    assert not world.upload(at="2026-03-05T11:59:59Z").kept
    assert world.app.references.summary("shop").flags[0].total == 1


def test_upload__by_a_viewer__is_refused(world: World) -> None:
    scan = Scan(repository="shop", branch="main", commit=COMMIT, at="2026-03-05", keys=(), references=())
    with pytest.raises(Forbidden):
        world.app.references.upload(person("eve", "viewer"), "shop", scan)
    with pytest.raises(NotFound):
        world.app.references.upload(ADA, "other", scan)


@pytest.mark.parametrize(
    ("parts", "path"),
    [
        pytest.param({"repository": "a\x00b"}, "/repository", id="a name that nobody can show"),
        pytest.param({"at": "yesterday"}, "/at", id="no time"),
        pytest.param({"at": "2026-03-05T12:06:00Z"}, "/at", id="the future"),
        pytest.param({"keys": ("a\nb",)}, "/keys/0", id="a key that nobody can show"),
        pytest.param({"url": "javascript:alert(1)//{path}"}, "/url", id="an address that runs"),
        pytest.param({"url": "https://example.org/"}, "/url", id="an address without a path"),
        pytest.param({"url": "https://{host}/{path}"}, "/url", id="an address with another place"),
        pytest.param({"url": "https://[/{path}"}, "/url", id="an address that is none"),
        pytest.param({"removals": {"x": Removal(COMMIT, "never")}}, "/removals/x/at", id="a removal without a time"),
    ],
)
def test_upload__of_a_scan_with_a_defect__names_its_place(world: World, parts: dict[str, Json], path: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        world.upload(place(), **parts)

    assert [defect.path for defect in refused.value.defects] == [path]


@pytest.mark.parametrize("path", ["/etc/passwd", "../x.py", "a//b.py", "a/./b.py", "a\x1b.py"])
def test_upload__of_a_path_out_of_the_repository__is_refused(world: World, path: str) -> None:
    with pytest.raises(InvalidDocument) as refused:
        world.upload(place(path=path), place("a\x00", path="ok.py"))

    assert [defect.path for defect in refused.value.defects] == ["/references/0/path", "/references/1/flag"]


def test_upload__of_one_branch_too_many__is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(references, "MAX_SCANS", 2)
    for branch in ("main", "fix", "main"):
        world.upload(branch=branch)

    with pytest.raises(TooLarge):
        world.upload(branch="more")


def test_summary__of_several_repositories__counts_default_branches_alone(world: World) -> None:
    removal = Removal("abcdef0", "2026-03-01T08:00:00Z", "Remove old_pricing")
    world.upload(place(), place(line=9, kind="comment"), place("never_made"), removals={"old_pricing": removal})
    world.upload(place(kind="test_stub"), place(), repository="app", keys=("checkout",))
    world.upload(*(place(line=line) for line in range(1, 6)), branch="fix", default=False)

    told = world.app.references.summary("shop")
    assert [head.place for head in told.scans] == [("app", "main"), ("shop", "main")]
    assert told.flags == (
        FlagCounts(
            flag="checkout",
            counts={"evaluation": 2, "comment": 1, "test_stub": 1},
            repositories=("app", "shop"),
            elsewhere=5,
        ),
        FlagCounts(
            flag="old_pricing",
            counts={},
            repositories=("shop",),
            removal=Removal("abcdef0", "2026-03-01T08:00:00.000000Z", "Remove old_pricing"),
        ),
    )
    assert told.unknown == (FlagCounts(flag="never_made", counts={"evaluation": 1}, repositories=("shop",)),)


def test_summary__before_any_scan__knows_of_no_flag(world: World) -> None:
    told = world.app.references.summary("shop")

    assert (told.scans, told.flags, told.unknown) == ((), (), ())
    with pytest.raises(NotFound):
        world.app.references.summary("other")


def test_summary__a_removal_of_what_is_still_there__is_not_told(world: World) -> None:
    world.upload(place(), removals={"checkout": Removal("abcdef0", "2026-03-01")})

    assert [each.removal for each in world.app.references.summary("shop").flags] == [None, None]


def test_of_flag__of_several_branches__tells_default_branches_first_and_places_in_order(world: World) -> None:
    world.upload(place(), branch="a-fix", default=False)
    world.upload(place(line=9), place(line=2), place(path="a.py"), url=HOST)

    told = world.app.references.of_flag("shop", "checkout").branches
    assert [each.scan.branch for each in told] == ["main", "a-fix"]
    assert [(each.path, each.line) for each in told[0].found.references] == [
        ("a.py", 7),
        ("src/cart.py", 2),
        ("src/cart.py", 9),
    ]
    assert told[0].scan.url == HOST


def test_of_flag__that_no_scan_looked_for__has_no_branches(world: World) -> None:
    world.upload(keys=("old_pricing",))

    assert world.app.references.of_flag("shop", "checkout").branches == ()
    assert [each.found.total for each in world.app.references.of_flag("shop", "old_pricing").branches] == [0]


def test_of_flag__that_is_only_asked_for__is_told_and_of_nothing_is_refused(world: World) -> None:
    world.upload(place("never_made"))

    (told,) = world.app.references.of_flag("shop", "never_made").branches
    assert isinstance(told, BranchReferences)
    for project, flag in (("shop", "nothing"), ("other", "checkout")):
        with pytest.raises(NotFound):
            world.app.references.of_flag(project, flag)


def test_forget_repository__that_is_no_more__is_told_no_more(world: World) -> None:
    world.upload(place())
    world.upload(place(), branch="fix", default=False)
    with pytest.raises(Forbidden):
        world.app.references.forget_repository(person("eve", "viewer"), "shop", "shop")

    assert world.app.references.forget_repository(ADA, "shop", "shop") == references.Forgotten("shop", 2)
    assert world.app.references.summary("shop").flags == ()
    with pytest.raises(NotFound):
        world.app.references.forget_repository(ADA, "shop", "shop")


def test_forget__branches_that_were_not_scanned_for_a_month__but_no_default_branch(world: World) -> None:
    world.upload()
    world.upload(branch="fix", default=False)
    world.now += timedelta(days=31)

    assert world.app.references.forget() == 1
    assert [head.branch for head in world.app.storage.scans("shop")] == ["main"]
