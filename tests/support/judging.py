"""What must hold once a fault is over, read from the ledger's own surfaces: an export, entries, documents, alerts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import msgspec
from tests.support.receiver import Received
from tests.support.writing import Writer

from flagtrail.ledger.verify import verify_bundle

Entry = dict[str, Any]
PAGE = 200


def entries_of(client: httpx2.Client) -> list[Entry]:
    """The whole ledger, oldest first."""
    found: list[Entry] = []
    following: int | None = 0
    while following is not None:
        answer = client.get("/api/v1/ledger/entries", params={"from": following, "limit": PAGE})
        assert answer.is_success, answer.text
        found += answer.json()["items"]
        following = answer.json()["next"]
    return found


def unverified(client: httpx2.Client, folder: Path) -> Iterator[str]:
    """An auditor takes an export away and verifies it, every entry of it, without the server."""
    export = folder / "export.tar"
    export.write_bytes(client.get("/api/v1/ledger/export").read())
    report = verify_bundle(export, [client.get("/api/v1/ledger/key").text.strip()], deep=True)
    if report.status != "verified":
        yield f"the export does not verify: {report}"


def out_of_order(entries: Sequence[Entry]) -> Iterator[str]:
    """Seqs have no gap, time never goes back, groups are whole."""
    if [entry["seq"] for entry in entries] != list(range(len(entries))):
        yield "seqs have a gap"
    times = [entry["time"] for entry in entries]
    yield from (f"{later} follows {earlier}" for earlier, later in pairwise(times) if later < earlier)
    members = Counter(entry["group"]["id"] for entry in entries)
    halves = {entry["group"]["id"] for entry in entries if members[entry["group"]["id"]] != entry["group"]["count"]}
    yield from (f"group {group} is not whole" for group in sorted(halves))


def misrecorded(writers: Iterable[Writer], entries: Sequence[Entry]) -> Iterator[str]:
    """What was acknowledged is there, once; what was refused is not; whoever repeated a change made it once."""
    found: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        found[entry["why"]][entry["group"]["id"]].append(entry["seq"])
    for writer in writers:
        yield from writer.defects
        if not writer.acknowledged:
            yield f"{writer.name} never made a change"
        for told in writer.acknowledged:
            made = [tuple(seqs) for seqs in found[told.why].values()]
            if made != ([told.seqs] if told.seqs else []):
                yield f"{told.why}: {told.seqs} were acknowledged, but there are {made}"
        accepted = {told.why for told in writer.acknowledged}
        yield from (f"{why}: refused, but made" for why in writer.refused if why in found and why not in accepted)
        yield from (f"{why}: made twice" for why in writer.unknown if len(found[why]) > 1)


def misserved(client: httpx2.Client, entries: Sequence[Entry]) -> Iterator[str]:
    """Every flag and targeting is what its newest entry says."""
    newest: dict[str, Entry] = {}
    for entry in entries:
        subject = entry["subject"]
        if subject["kind"] in {"flag", "targeting"}:
            path = f"/api/v1/projects/{subject['project']}/flags/{subject['flag']}"
            newest[path if subject["kind"] == "flag" else f"{path}/environments/{subject['environment']}"] = entry
    for path, entry in newest.items():
        told = client.get(path).json()
        if (told.get("version"), told.get("document")) != (entry["version"], entry["after"]):
            yield f"{path} is {told}, but entry {entry['seq']} says {entry['after']}"


def alerts_due(writers: Iterable[Writer], entries: Sequence[Entry]) -> list[int]:
    """The seqs of switches of critical flags in production after they were set up."""
    watched = {writer.flag for writer in writers if writer.critical}
    return [
        entry["seq"]
        for entry in entries
        if entry["subject"]["kind"] == "targeting"
        and entry["subject"]["flag"] in watched
        and entry["subject"]["environment"] == "production"
        and entry["version"] > 1
    ]


def alerts_told(taken: Iterable[Received]) -> list[int]:
    """The seqs of the alerts that the receiver took, in their order, repetitions included."""
    return [msgspec.json.decode(request.body)["data"]["seq"] for request in list(taken)]


def misalerted(due: Sequence[int], taken: Sequence[Received], *, repeats: int) -> Iterator[str]:
    """Every alert arrives, in order, once; `repeats` of them may come again under their first `webhook-id`."""
    told = alerts_told(taken)
    if lost := set(due) - set(told):
        yield f"alerts of {sorted(lost)} were lost"
    first = list(dict.fromkeys(told))
    if first != sorted(first):
        yield "alerts came out of order"
    ids: dict[int, set[str]] = defaultdict(set)
    for request, seq in zip(taken, told, strict=False):
        ids[seq].add(request.headers["webhook-id"])
    yield from (f"alert {seq} came under {len(names)} ids" for seq, names in ids.items() if len(names) > 1)
    if len(told) - len(first) > repeats:
        again = [seq for seq, times in Counter(told).items() if times > 1]
        yield f"alerts of {again} came again after they had arrived"
