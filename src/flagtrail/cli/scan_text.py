"""What a scan tells to people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from flagtrail.cli.output import emit, indented, say
from flagtrail.cli.scan_report import FlagPlaces, ScanReport, UnknownKey
from flagtrail.model.reference import CodeReference, ReferenceKind

MOST_PLACES = 20
"""Of one flag: whoever wants all takes another format."""
MOST_GONE = 50

_KINDS: dict[ReferenceKind, tuple[str, str, str]] = {
    "evaluation": ("evaluation", "evaluations", "green"),
    "definition": ("definition", "definitions", "cyan"),
    "test_stub": ("test stub", "test stubs", "magenta"),
    "unknown": ("unknown", "unknown", "yellow"),
    "configuration": ("configuration", "in configuration", "blue"),
    "comment": ("comment", "in comments and texts", "dim"),
}
_SKIPPED = {
    "ignored": "ignored",
    "binary": "binary",
    "too_large": "larger than 1 MiB",
    "link": "symbolic links",
    "submodule": "submodules",
    "unreadable": "unreadable",
}


def tell(found: ScanReport) -> None:
    """Flag by flag; then what is wrong; then the figures."""
    for flag in found.flags:
        if flag.references:
            _tell_flag(flag)
    for key in found.unknown:
        _tell_unknown(key)
    for preset, count in sorted(found.doubtful.items()):
        say(
            f"note: {count:,} calls look like {preset}'s, but none of them asks for a known flag."
            f' If it is in use, say so in .flagtrail.toml: presets = ["{preset}"]',
            "yellow",
        )
    _tell_gone(found)
    for flag in found.archived:
        say(f"{flag.flag} is archived, and code still asks for it.", "red")
    if not found.files:
        told = "git tracks no file here" if found.commit else "there is no file that could be read"
        say(f"note: {told}, so that nothing was looked at.", "yellow")
    skipped = ", ".join(f"{count:,} {_SKIPPED[why]}" for why, count in found.skipped.items())
    named = sum(bool(flag.references) for flag in found.flags)
    say(
        f"{named:,} of {len(found.flags):,} flags are named in {found.files:,} files"
        f"{f' (skipped: {skipped})' if skipped else ''}; {len(found.unknown):,} unknown keys.",
        "bold",
    )


def _tell_flag(flag: FlagPlaces) -> None:
    counts = [
        f"{flag.counts[kind]} {words[flag.counts[kind] != 1]}" for kind, words in _KINDS.items() if kind in flag.counts
    ]
    emit(Text.assemble((flag.flag, "bold"), f"  {', '.join(counts)}", ("  archived" if flag.archived else "", "red")))
    _tell_places(flag.references)


def _tell_places(references: Sequence[CodeReference]) -> None:
    order = list(_KINDS)
    shown = sorted(references, key=lambda each: (order.index(each.kind), each.path, each.line))
    for each in shown[:MOST_PLACES]:
        word, _, style = _KINDS[each.kind]
        line = Text.assemble(f"  {each.path}:{each.line}", (f"  {word}", style))
        line.append(f"  {each.symbol}" if each.symbol else "", style="bold")
        line.append(f"  {each.snippet}", style="dim")
        emit(line)
    if len(shown) > MOST_PLACES:
        indented(f"and {len(shown) - MOST_PLACES:,} more: --format json tells all", 2, "dim")


def _tell_unknown(key: UnknownKey) -> None:
    meant = f"  did you mean {key.near}?" if key.near else ""
    emit(Text.assemble((key.flag, "bold red"), "  is asked for, and is no flag", (meant, "green")))
    _tell_places(key.references)


def _tell_gone(found: ScanReport) -> None:
    gone = found.unreferenced
    if not gone:
        return
    say(f"No code names {len(gone):,} flags:", "bold")
    told = sorted(gone, key=lambda flag: (flag.removed is None, flag.flag))
    for flag in told[:MOST_GONE]:
        removed = flag.removed
        by = f"  since {removed.commit[:10]} {removed.at[:10]} {removed.author}: {removed.subject}" if removed else ""
        emit(Text.assemble(f"  {flag.flag}", (by, "dim")))
    if len(told) > MOST_GONE:
        indented(f"and {len(told) - MOST_GONE:,} more", 2, "dim")
    if not found.history_complete:
        say(
            "note: not all of history was read; --history takes more seconds, and a shallow clone has but a part of it"
            " (git fetch --unshallow).",
            "yellow",
        )
