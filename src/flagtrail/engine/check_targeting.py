"""Defects of targetings: rules, what they serve, and prerequisites."""

from __future__ import annotations

from collections.abc import Iterator

from flagtrail.engine.bucketing import STRATEGIES
from flagtrail.engine.check_condition import Project, condition_defects, unknown_variant, variants_defects
from flagtrail.model.document import is_key
from flagtrail.model.errors import Defect
from flagtrail.model.flag import Flag
from flagtrail.model.targeting import WHOLE, Serve, Share, Targeting

MAX_RULES = 1000


def targeting_defects(flag: Flag, targeting: Targeting, project: Project) -> Iterator[Defect]:
    """Everything wrong with one flag's targeting but cycles; paths are JSON Pointers into it."""
    if targeting.off_variant not in flag.variants:
        yield Defect("/off_variant", unknown_variant(flag, targeting.off_variant))
    for index, prerequisite in enumerate(targeting.prerequisites):
        yield from variants_defects(prerequisite.flag, prerequisite.variants, f"/prerequisites/{index}", project)
    if len(targeting.rules) > MAX_RULES:
        yield Defect("/rules", f"has {len(targeting.rules)} rules; {MAX_RULES} is the limit")
    seen: set[str] = set()
    for index, rule in enumerate(targeting.rules):
        path = f"/rules/{index}"
        if not is_key(rule.id):
            yield Defect(f"{path}/id", f"{rule.id!r} is not a key: 1 to 256 of the characters A-Z a-z 0-9 . _ -")
        elif rule.id in seen:
            yield Defect(f"{path}/id", f"{rule.id!r} is the id of an earlier rule")
        seen.add(rule.id)
        yield from condition_defects(rule.when, f"{path}/when", project)
        yield from _serve_defects(flag, rule.serve, f"{path}/serve")
    yield from _serve_defects(flag, targeting.fallthrough, "/fallthrough")


def _serve_defects(flag: Flag, serve: Serve, path: str) -> Iterator[Defect]:
    if (serve.variant is None) == (serve.split is None):
        yield Defect(path, "serve either a variant or a split")
    if serve.variant is not None and serve.variant not in flag.variants:
        yield Defect(f"{path}/variant", unknown_variant(flag, serve.variant))
    if serve.split is not None:
        yield from _split_defects(flag, serve.split, f"{path}/split")
    else:
        named = {"by": serve.by, "salt": serve.salt, "bucketing": serve.bucketing}
        for name in (name for name, value in named.items() if value is not None):
            yield Defect(f"{path}/{name}", "belongs to a split, and there is none")
    if serve.by == "":
        yield Defect(f"{path}/by", "name the attribute")
    if serve.bucketing is not None and serve.bucketing not in STRATEGIES:
        yield Defect(f"{path}/bucketing", f"is not a known strategy; known are {', '.join(STRATEGIES)}")


def _split_defects(flag: Flag, split: tuple[Share, ...], path: str) -> Iterator[Defect]:
    seen: set[str] = set()
    for index, share in enumerate(split):
        if share.variant not in flag.variants:
            yield Defect(f"{path}/{index}/variant", unknown_variant(flag, share.variant))
        elif share.variant in seen:
            yield Defect(f"{path}/{index}/variant", f"{share.variant!r} has an earlier share")
        seen.add(share.variant)
        if share.weight < 0:
            yield Defect(f"{path}/{index}/weight", f"is {share.weight}, which is negative")
    total = sum(share.weight for share in split)
    if total != WHOLE:
        yield Defect(path, f"the weights add up to {total}; they must add up to {WHOLE} (1 % is 1000)")
