"""A process that makes changes as fast as it can, acknowledges each, and expects to be killed."""

from __future__ import annotations

import itertools
from multiprocessing.connection import Connection

import msgspec
from tests.support.installation import ADA, ORIGIN

from flagtrail import storage as door
from flagtrail.app.change import Changes
from flagtrail.app.clock import utc_now
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import flag_subject, targeting_subject


class Acknowledged(msgspec.Struct, frozen=True):
    """What the application told its caller: these entries are durable, and the document is this."""

    seqs: tuple[int, ...]
    path: str
    after: object


def crash_course(url: str, run: int, out: Connection) -> None:
    """Create a flag of this run, then change it for ever, in ones and in groups; tell each success."""
    changes = Changes(door.load(url), origin=ORIGIN, clock=utc_now)
    flag = flag_subject("shop", f"flag{run}")
    places = [targeting_subject("shop", f"flag{run}", env) for env in ("production", "staging", "development")]
    out.send_bytes(b"ready")
    changes.apply(
        ADA, Change(operations=(Operation(action="create", subject=flag, value=encode(boolean_flag(flag.name))),))
    )
    for turn in itertools.count(1):
        wanted = places if turn % 5 == 0 else places[:1]
        operations = tuple(
            Operation(action="rollout", subject=place, value={"percent": turn % 100 + run / 1000}) for place in wanted
        )
        receipt = changes.apply(ADA, Change(operations=operations, why=f"run {run}, turn {turn}"))
        last = receipt.entries[-1]
        told = Acknowledged(tuple(entry.seq for entry in receipt.entries), last.subject.path, last.after)
        out.send_bytes(msgspec.json.encode(told))
