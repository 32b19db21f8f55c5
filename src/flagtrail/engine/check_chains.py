"""Defects of chains: documents that depend on themselves, or on too long a row of others."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, TypeAlias

from flagtrail.engine.references import NOTHING, References, references
from flagtrail.model.condition import Condition
from flagtrail.model.document import MAX_DEPTH
from flagtrail.model.errors import Defect
from flagtrail.model.segment import Segment
from flagtrail.model.targeting import Targeting

Node: TypeAlias = tuple[Literal["flag", "segment"], str]


class Graph:
    """What depends on what in one environment."""

    def __init__(
        self, targetings: Mapping[tuple[str, str], Targeting], segments: Mapping[str, Segment], environment: str
    ) -> None:
        self._targetings = targetings
        self._segments = segments
        self._environment = environment
        self._dependents: dict[Node, list[Node]] | None = None

    def document(self, node: Node) -> Targeting | Segment | None:
        """The targeting of a flag, or a segment; None where there is none."""
        kind, key = node
        return self._targetings.get((key, self._environment)) if kind == "flag" else self._segments.get(key)

    def dependencies(self, node: Node) -> list[Node]:
        """What the node's document names."""
        document = self.document(node)
        return [] if document is None else _nodes(references(document))

    def dependents(self, node: Node) -> list[Node]:
        """Whose documents name the node."""
        if self._dependents is None:
            self._dependents = {}
            for dependent, named in self._all_references():
                for dependency in _nodes(named):
                    self._dependents.setdefault(dependency, []).append(dependent)
        return self._dependents.get(node, [])

    def _all_references(self) -> Iterator[tuple[Node, References]]:
        for (flag, environment), targeting in self._targetings.items():
            if environment == self._environment and (named := references(targeting)) is not NOTHING:
                yield ("flag", flag), named
        for key, segment in self._segments.items():
            yield ("segment", key), references(segment)

    def route(self, start: Node, end: Node) -> list[Node]:
        """A shortest way of dependencies from `start` to `end`, both included; empty where there is none."""
        before: dict[Node, Node | None] = {start: None}
        waiting = [start]
        for node in waiting:  # grows while it is walked
            if node == end:
                return _way_back(before, end)
            for following in self.dependencies(node):
                if following not in before:
                    before[following] = node
                    waiting.append(following)
        return []

    def chain(self, node: Node) -> int:
        """How many documents stand in the longest row of dependencies through `node`, counted up to the limit."""
        return _levels(node, self.dependencies) + _levels(node, self.dependents) - 1


def chain_defects(graph: Graph, node: Node) -> Iterator[Defect]:
    """Cycles through the node's document, and rows of dependencies that are too long; paths point into it."""
    document = graph.document(node)
    if document is None or references(document) is NOTHING:
        return
    cyclic = False
    for path, named in _named(document):
        route = graph.route(named, node)
        if route:
            cyclic = True
            way = " -> ".join(f"{kind} {key}" for kind, key in [node, *route])
            yield Defect(path, f"the {node[0]} would depend on itself: {way}")
    if not cyclic and graph.chain(node) > MAX_DEPTH:
        yield Defect("", f"more than {MAX_DEPTH} flags and segments would depend on one another in a row")


def _nodes(named: References) -> list[Node]:
    return [*(("flag", key) for key in sorted(named.flags)), *(("segment", key) for key in sorted(named.segments))]


def _way_back(before: Mapping[Node, Node | None], end: Node) -> list[Node]:
    way = [end]
    while (node := before[way[-1]]) is not None:
        way.append(node)
    return way[::-1]


def _levels(node: Node, following: Callable[[Node], list[Node]]) -> int:
    """The longest way from the node in documents; it stops one beyond the limit."""
    level = {node}
    count = 0
    while level and count <= MAX_DEPTH:
        level = {reached for at in level for reached in following(at)}
        count += 1
    return count


def _named(document: Targeting | Segment) -> Iterator[tuple[str, Node]]:
    """Where the document names other documents, as JSON Pointers."""
    if isinstance(document, Segment):
        yield from _named_in(document.when, "/when")
        return
    for index, prerequisite in enumerate(document.prerequisites):
        yield f"/prerequisites/{index}/flag", ("flag", prerequisite.flag)
    for index, rule in enumerate(document.rules):
        yield from _named_in(rule.when, f"/rules/{index}/when")


def _named_in(condition: Condition, path: str) -> Iterator[tuple[str, Node]]:
    if condition.segment is not None:
        yield f"{path}/segment", ("segment", condition.segment)
    if condition.flag is not None:
        yield f"{path}/flag", ("flag", condition.flag)
    for form, parts in (("all", condition.all), ("any", condition.any)):
        for index, part in enumerate(parts or ()):
            yield from _named_in(part, f"{path}/{form}/{index}")
    if condition.not_ is not None:
        yield from _named_in(condition.not_, f"{path}/not")
