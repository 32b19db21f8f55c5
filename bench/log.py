"""The log of a million entries over HTTP: `GET changes` by flag, actor, environment and action, text; first and deep.

    python -m bench.production log

The ledger is that of `bench/questions.py`, built once and kept in the folder: 200 flags, 50 actors, two years. Each
question is asked again and again with other values, by one client that keeps its connection.
"""

from __future__ import annotations

import http.client
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec
from bench import questions
from bench.stores import place
from tests.support.server import RunningServer, running_server

from flagtrail.storage import load

Made = Callable[[Random], dict[str, object]]
_CHANGES = "/api/v1/projects/default/changes"


class Question(msgspec.Struct, frozen=True):
    """A question, how its parameters are made, our target for p99, and what Unleash 8 took (p50; 0: not measured)."""

    name: str
    made: Made
    target: float
    peer: float = 0.0


def asked(total: int) -> Iterator[Question]:
    """What the issue names."""

    def anywhere(dice: Random) -> int:
        return dice.randrange(total // 20, total)

    def flag(dice: Random) -> dict[str, object]:
        return {"flag": dice.choice(questions.FLAGS)}

    def actor(dice: Random) -> dict[str, object]:
        return {"actor": dice.choice(questions.ACTORS).email}

    def switched(_: Random) -> dict[str, object]:
        return {"environment": "staging", "action": "enabled"}

    def deep(first: Made) -> Made:
        return lambda dice: {**first(dice), "cursor": anywhere(dice)}

    yield Question("by flag", flag, 50, peer=11)
    yield Question("by flag, any page", deep(flag), 50, peer=155)
    yield Question("by flag, last page", lambda dice: {**flag(dice), "cursor": total // 500}, 50, peer=580)
    yield Question("by actor", actor, 50)
    yield Question("by actor, any page", deep(actor), 50)
    yield Question("by environment and action", switched, 50)
    yield Question("by environment and action, any page", deep(switched), 50)
    yield Question("text: a ticket", lambda dice: {"text": f"BILL-{dice.randrange(20_000)}"}, 100, peer=2600)
    yield Question("text: a sentence", lambda _: {"text": "go live on incident lower rev"}, 100, peer=2600)
    yield Question("text: in many, any page", deep(lambda _: {"text": "incident"}), 100, peer=2600)


def times(server: RunningServer, question: Question, count: int) -> list[float]:
    """Milliseconds of each answer, read to its end."""
    dice = Random(11)
    address = urlsplit(server.url)
    took = []
    with closing(http.client.HTTPConnection(str(address.hostname), address.port)) as connection:
        for _ in range(count + 5):
            query = urlencode(question.made(dice))
            began = time.perf_counter()
            connection.request("GET", f"{_CHANGES}?{query}", headers={"Authorization": f"Bearer {server.token}"})
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - began) * 1000)
            if answer.status != http.client.OK:
                raise SystemExit(f"{question.name}: status {answer.status}")
    return took[5:]


def run(folder: Path, entries: int, count: int) -> None:
    """Print p50 and p99 of each question."""
    with place("postgres", folder, f"log-{entries}") as where:
        if not _is_built(where.url, entries):
            questions.build(where, entries).close()
        settings: dict[str, Any] = {"database": where.url, "key_file": str(folder / "log.key"), "log_level": "warning"}
        with running_server(folder, fresh=True, **settings) as server:
            print(f"{'GET changes':41} {'p50 ms':>8} {'p99 ms':>8} {'target':>8}")
            for question in asked(entries):
                took = times(server, question, count)
                p50, p99 = statistics.median(took), sorted(took)[int(len(took) * 0.99)]
                verdict = "met" if p99 < question.target else "MISSED"
                peer = f"  Unleash 8: {question.peer:,.0f} ms, ratio {p50 / question.peer:.3f}" if question.peer else ""
                print(f"{question.name:41} {p50:8.1f} {p99:8.1f} {question.target:8.0f} {verdict}{peer}")


def _is_built(url: str, entries: int) -> bool:
    """Whether an earlier run left the ledger there; a server has added its own few entries since."""
    with closing(load(url)) as storage:
        return entries <= storage.head().size < entries + entries // 10
