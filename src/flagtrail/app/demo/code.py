"""Where the code of Northwind Ledger names its flags: what scans of its repositories found, as they were uploaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random

import msgspec

from flagtrail.app.clock import stamp
from flagtrail.app.demo.calendar import Calendar
from flagtrail.app.demo.catalogue import Row
from flagtrail.app.demo.life import PROJECT
from flagtrail.model.reference import CodeReference, Scan
from flagtrail.model.state import State

SCANS = (timedelta(days=45), timedelta(days=12), timedelta(hours=3))
"""How long before the story's end each repository was scanned."""


class Repository(msgspec.Struct, frozen=True):
    """A repository: which teams write it, and how its code asks for a flag."""

    name: str
    teams: tuple[str, ...]
    language: str
    source: str
    test: str
    asks: str
    stubs: str


REPOSITORIES = (
    Repository(
        "northwind/ledger",
        ("billing", "payments", "accounts", "data"),
        "python",
        "ledger/{team}/{place}.py",
        "tests/{team}/test_{place}.py",
        'if flags.get_boolean_value("{key}", False, context):',
        "@pytest.mark.flagtrail_flags({key}=True)",
    ),
    Repository(
        "northwind/web",
        ("checkout", "growth", "product", "support"),
        "typescript",
        "src/{team}/{place}.tsx",
        "src/{team}/{place}.test.tsx",
        "const on = client.getBooleanValue('{key}', false);",
        "stub.set('{key}', true);",
    ),
    Repository(
        "northwind/gateway",
        ("platform",),
        "go",
        "internal/{team}/{place}.go",
        "internal/{team}/{place}_test.go",
        'on, _ := flags.BooleanValue(ctx, "{key}", false, user)',
        'provider.Set("{key}", true)',
    ),
    Repository(
        "northwind/mobile",
        ("mobile",),
        "kotlin",
        "app/src/main/java/com/northwind/{team}/{place}.kt",
        "app/src/test/java/com/northwind/{team}/{place}Test.kt",
        'if (client.getBooleanValue("{key}", false)) {{',
        'every {{ client.getBooleanValue("{key}", any()) }} returns true',
    ),
)
PLACES = ("service", "view", "rules", "summary", "job", "export", "settings", "totals")
SYMBOLS = ("render", "total", "apply", "load", "submit", "run", "prepare")


def scans(flags: Sequence[Row], state: State, calendar: Calendar, seed: int) -> Iterator[tuple[datetime, Scan]]:
    """Every upload and when it came, oldest first."""
    there = [row for row in flags if state.flag(PROJECT, row.key) is not None]
    for before in SCANS:
        for repository in REPOSITORIES:
            at = calendar.now - before
            yield at, _scan(repository, there, at, seed, oldest=before == SCANS[0])


def _scan(repository: Repository, flags: Sequence[Row], at: datetime, seed: int, *, oldest: bool) -> Scan:
    commit = hashlib.sha256(f"{seed}/{repository.name}/{stamp(at)}".encode()).hexdigest()[:40]
    references: list[CodeReference] = []
    for row in flags:
        if row.team in repository.teams:
            references += _places(repository, row, seed, oldest=oldest)
    return Scan(
        repository=repository.name,
        branch="main",
        commit=commit,
        at=stamp(at),
        keys=tuple(row.key for row in flags),
        references=tuple(references),
        default=True,
        url=f"https://git.example.com/{repository.name}/blob/{{commit}}/{{path}}#L{{line}}",
        files=1_200 + len(references),
    )


def _places(repository: Repository, row: Row, seed: int, *, oldest: bool) -> Iterator[CodeReference]:
    """A flag's places: the same in each scan, but for one more that a few had in the oldest one."""
    dice = Random(f"{seed}/code/{row.key}")  # noqa: S311 - a story needs no secrets
    asked = 1 + min(dice.randrange(4), dice.randrange(4))
    more = dice.random() < 0.3  # noqa: PLR2004 - of a few flags
    for place in dice.sample(PLACES, len(PLACES))[: asked + (more and oldest)]:
        told = {"team": row.team, "place": place, "key": row.key}
        symbol = dice.choice(SYMBOLS)
        line = dice.randint(12, 380)
        path = repository.source.format(**told)
        asks = repository.asks.format(**told)
        yield CodeReference(row.key, path, line, "evaluation", 5, asks, symbol, repository.language)
        if dice.random() < 0.5:  # noqa: PLR2004 - half of them are tested
            path, stubs = repository.test.format(**told), repository.stubs.format(**told)
            yield CodeReference(row.key, path, line // 2 + 5, "test_stub", 1, stubs, "", repository.language)
