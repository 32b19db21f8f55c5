"""Evaluation by walking the documents: slow, plain, and the measure of what compiled flags must answer.

It also says why: `Ruleset.explain` is this interpreter's trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from flagtrail.engine import bucketing, resolutions
from flagtrail.engine.attributes import plain, read
from flagtrail.engine.explanation import Bucket, ConditionTrace, Explanation, PrerequisiteTrace, RuleTrace
from flagtrail.engine.operators import holds
from flagtrail.engine.references import Segments, Targetings, closure, segment_closure
from flagtrail.model.condition import Condition
from flagtrail.model.context import TARGETING_KEY, Context
from flagtrail.model.flag import Flag
from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.targeting import Prerequisite, Serve, Share, Targeting


class Interpreter:
    """One environment of one project, and one context."""

    def __init__(self, flags: Mapping[str, Flag], targetings: Targetings, segments: Segments, context: Context) -> None:
        self._flags = flags
        self._targetings = targetings
        self._segments = segments
        self._context = context
        self._explained: dict[str, Explanation] = {}

    def explain(self, key: str) -> Explanation:
        """One flag's resolution and trace. Raises what reading the context raises."""
        if key not in self._explained:
            self._explained[key] = self._explain(key)
        return self._explained[key]

    def segment(self, key: str) -> ConditionTrace:
        """Whether the context is in a segment, and why. Raises what reading the context raises."""
        segment = self._segments.get(key)
        if segment is None or key in segment_closure(key, self._targetings, self._segments).segments:
            return ConditionTrace(form="segment", held=False, segment=key)
        part = self._condition(segment.when)
        return ConditionTrace(form="segment", held=part.held, segment=key, parts=(part,))

    def _explain(self, key: str) -> Explanation:
        flag = self._flags.get(key)
        if flag is None or flag.archived:
            return Explanation(resolutions.not_found(key))
        targeting = self._targetings.get(key)
        if targeting is None or not targeting.enabled:
            return Explanation(resolutions.off(flag, targeting))
        if key in closure(key, self._targetings, self._segments).flags:
            return Explanation(resolutions.cyclic(key), enabled=True)
        prerequisites = tuple(map(self._prerequisite, targeting.prerequisites))
        if not all(trace.held for trace in prerequisites):
            return Explanation(resolutions.off(flag, targeting), enabled=True, prerequisites=prerequisites)
        rules: list[RuleTrace] = []
        for rule in targeting.rules:
            condition = self._condition(rule.when)
            rules.append(RuleTrace(rule.id, rule.description, condition.held, condition))
            if condition.held:
                resolution, bucket = self._serve(flag, rule.serve, Reason.TARGETING_MATCH, rule.id)
                break
        else:
            reason = resolutions.fallthrough_reason(targeting)
            resolution, bucket = self._serve(flag, targeting.fallthrough, reason, None)
        return Explanation(resolution, True, prerequisites, tuple(rules), bucket)

    def _prerequisite(self, prerequisite: Prerequisite) -> PrerequisiteTrace:
        variant = self.explain(prerequisite.flag).resolution.variant
        return PrerequisiteTrace(prerequisite.flag, prerequisite.variants, variant, variant in prerequisite.variants)

    def _condition(self, condition: Condition) -> ConditionTrace:
        match condition.form():
            case "all":
                parts = tuple(map(self._condition, condition.parts()))
                return ConditionTrace(form="all", held=all(part.held for part in parts), parts=parts)
            case "any":
                parts = tuple(map(self._condition, condition.parts()))
                return ConditionTrace(form="any", held=any(part.held for part in parts), parts=parts)
            case "not":
                parts = tuple(map(self._condition, condition.parts()))
                return ConditionTrace(form="not", held=not parts[0].held, parts=parts)
            case "segment":
                return self.segment(str(condition.segment))
            case "flag":
                return self._flag(condition.flag or "", condition.variants or ())
            case "attribute":
                return self._attribute(condition)
            case _:
                return ConditionTrace(form="none", held=False)

    def _flag(self, key: str, variants: tuple[str, ...]) -> ConditionTrace:
        variant = self.explain(key).resolution.variant
        return ConditionTrace(form="flag", held=variant in variants, flag=key, values=variants, actual=variant)

    def _attribute(self, condition: Condition) -> ConditionTrace:
        if condition.attribute is None or condition.operator is None:
            return ConditionTrace(form="none", held=False)
        values = condition.values or ()
        actual = read(self._context, condition.attribute)
        return ConditionTrace(
            form="attribute",
            held=holds(condition.operator, values, actual, case_sensitive=condition.case_sensitive),
            attribute=condition.attribute,
            operator=condition.operator,
            values=values,
            actual=actual,
        )

    def _serve(self, flag: Flag, serve: Serve, reason: Reason, rule: str | None) -> tuple[Resolution, Bucket | None]:
        if serve.variant is not None:
            return resolutions.served(flag, serve.variant, reason, rule), None
        shares = [share for share in serve.split or () if share.weight > 0]
        strategy = bucketing.STRATEGIES.get(serve.bucketing or bucketing.NATIVE)
        if not shares or strategy is None:
            return resolutions.unusable_split(flag.key, rule), None
        if len(shares) == 1:
            return resolutions.served(flag, shares[0].variant, Reason.SPLIT, rule), None
        by = serve.by or TARGETING_KEY
        actual = plain(read(self._context, by))
        if actual is None:
            return resolutions.key_missing(flag.key, by, rule), None
        if isinstance(actual, bool) or not isinstance(actual, (str, int)):
            return resolutions.key_invalid(flag.key, by, rule), None
        key, salt = str(actual), flag.key if serve.salt is None else serve.salt
        try:
            point = strategy.point(salt, key)
        except UnicodeEncodeError:
            return resolutions.key_invalid(flag.key, by, rule), None
        variant = _share_of(shares, point, strategy).variant
        bucket = Bucket(by, key, salt, strategy.name, strategy.bucket(point))
        return resolutions.served(flag, variant, Reason.SPLIT, rule), bucket


def _share_of(shares: list[Share], point: int, strategy: bucketing.Strategy) -> Share:
    end = 0
    for share in shares:
        end += share.weight
        if strategy.within(point, end):
            return share
    return shares[-1]  # the last range reaches to the end, whatever the weights add up to


def interpret(
    flags: Mapping[str, Flag], targetings: Mapping[str, Targeting], segments: Segments, key: str, context: Context
) -> Explanation:
    """Evaluate one flag by walking its documents, with the trace. Raises what reading the context raises."""
    return Interpreter(flags, targetings, segments, context).explain(key)
