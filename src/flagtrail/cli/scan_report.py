"""What a scan tells, and how it is written: JSON, CSV and SARIF."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec

import flagtrail
from flagtrail.codebase.origin import Origin
from flagtrail.codebase.removals import Removed
from flagtrail.codebase.scan import Result
from flagtrail.model.reference import CodeReference, ReferenceKind

SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
DOCUMENTED = "https://github.com/flagtrail/flagtrail/blob/main/docs/reference/scan.md"
COLUMNS = ("flag", "kind", "path", "line", "column", "symbol", "language", "snippet", "known")


class FlagPlaces(msgspec.Struct, frozen=True, kw_only=True):
    """Where code names one flag. `removed` is the commit that took the last reference away, where it was looked for."""

    flag: str
    archived: bool
    counts: dict[ReferenceKind, int]
    references: tuple[CodeReference, ...]
    removed: Removed | None = None


class UnknownKey(msgspec.Struct, frozen=True):
    """What code asks for that is no flag; `near` is the flag that was meant, perhaps."""

    flag: str
    near: str
    references: tuple[CodeReference, ...]


class ScanReport(msgspec.Struct, frozen=True, kw_only=True):
    """All that a scan of one worktree found. `history_complete`: all of it was read for the removals that are told."""

    repository: str
    branch: str
    commit: str
    files: int
    skipped: dict[str, int]
    flags: tuple[FlagPlaces, ...]
    unknown: tuple[UnknownKey, ...]
    doubtful: dict[str, int]
    history_complete: bool = True

    @property
    def archived(self) -> tuple[FlagPlaces, ...]:
        """Archived flags that code still asks for."""
        return tuple(each for each in self.flags if each.archived and each.counts.get("evaluation"))

    @property
    def unreferenced(self) -> tuple[FlagPlaces, ...]:
        """Flags that nothing names."""
        return tuple(each for each in self.flags if not each.references)


def report(
    result: Result,
    archived: frozenset[str],
    origin: Origin | None,
    skipped: dict[str, int],
    removed: dict[str, Removed],
    *,
    complete: bool,
) -> ScanReport:
    """Put together by flag."""
    by_flag: dict[str, list[CodeReference]] = {key: [] for key in result.keys}
    for reference in result.references:
        by_flag[reference.flag].append(reference)
    return ScanReport(
        repository=origin.repository if origin else "",
        branch=origin.branch if origin else "",
        commit=origin.commit if origin else "",
        files=result.files,
        skipped=skipped,
        flags=tuple(
            FlagPlaces(
                flag=flag,
                archived=flag in archived,
                counts=dict(Counter(each.kind for each in references)),
                references=tuple(references),
                removed=removed.get(flag),
            )
            for flag, references in sorted(by_flag.items())
        ),
        unknown=tuple(UnknownKey(each.flag, each.near, each.references) for each in result.unknown),
        doubtful=result.doubtful,
        history_complete=complete,
    )


def as_json(found: ScanReport) -> bytes:
    """The report as it is."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def as_csv(found: ScanReport) -> bytes:
    """One line for each reference."""
    import csv
    import io

    from flagtrail.reports._cells import neutral

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for each, known in _all(found):
        row = (each.flag, each.kind, each.path, each.line, each.column, each.symbol, each.language, each.snippet)
        writer.writerow([neutral(str(cell)) for cell in (*row, "yes" if known else "no")])
    return text.getvalue().encode()


def _all(found: ScanReport) -> Iterator[tuple[CodeReference, bool]]:
    references = [(each, True) for flag in found.flags for each in flag.references]
    references += [(each, False) for key in found.unknown for each in key.references]
    return iter(sorted(references, key=lambda pair: (pair[0].path, pair[0].line, pair[0].column)))


_RULES = {
    "unknown-flag": ("warning", "Code asks for a flag that does not exist", "It gets its own default, always."),
    "archived-flag": ("warning", "Code asks for an archived flag", "It gets its own default, always."),
    "flag-reference": ("none", "Code names a flag", "Where a flag is named, and as what."),
}


def as_sarif(found: ScanReport) -> bytes:
    """As static analysis tells its results (SARIF 2.1.0, OASIS): warnings, and each reference for information."""
    archived = {flag.flag for flag in found.archived}
    results = [
        _result("unknown-flag", each, f"{key.flag} is no flag{_meant(key.near)}.")
        for key in found.unknown
        for each in key.references
    ]
    for flag in found.flags:
        for each in flag.references:
            if flag.flag in archived and each.kind == "evaluation":
                results.append(_result("archived-flag", each, f"{flag.flag} is archived."))
            else:
                results.append(_result("flag-reference", each, f"{each.kind.replace('_', ' ')} of {flag.flag}"))
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "flagtrail scan",
                "version": flagtrail.__version__,
                "informationUri": DOCUMENTED,
                "rules": [
                    {
                        "id": name,
                        "shortDescription": {"text": short},
                        "fullDescription": {"text": f"{short}. {full}"},
                        "helpUri": DOCUMENTED,
                        "defaultConfiguration": {"level": level},
                    }
                    for name, (level, short, full) in _RULES.items()
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The root of the repository."}}},
        "results": results,
    }
    whole = {"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def _result(rule: str, each: CodeReference, text: str) -> dict[str, Any]:
    from urllib.parse import quote

    level = _RULES[rule][0]
    region = {"startLine": each.line, "startColumn": each.column, "snippet": {"text": each.snippet}}
    logical = {"logicalLocations": [{"fullyQualifiedName": each.symbol}]} if each.symbol else {}
    place = {"artifactLocation": {"uri": quote(each.path), "uriBaseId": "ROOT"}, "region": region}
    return {
        "ruleId": rule,
        "ruleIndex": list(_RULES).index(rule),
        "level": level,
        "kind": "informational" if level == "none" else "fail",
        "message": {"text": text},
        "locations": [{"physicalLocation": place, **logical}],
        "properties": {"flag": each.flag, "kind": each.kind},
    }


def _meant(near: str) -> str:
    return f"; {near} is" if near else ""
