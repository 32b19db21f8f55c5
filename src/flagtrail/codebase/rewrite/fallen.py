"""What fell because of the clean-up: names within a file, names across files, whole files; round by round."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from flagtrail.codebase.rewrite.exports import MOST_ROUNDS, Exports
from flagtrail.codebase.rewrite.forest import Forest, OfPath
from flagtrail.codebase.rewrite.gathered import Gathered
from flagtrail.codebase.rewrite.idle import Idle
from flagtrail.codebase.rewrite.importing import imported, stem
from flagtrail.codebase.rewrite.lookups import Lookups
from flagtrail.codebase.rewrite.modules import Modules
from flagtrail.codebase.rewrite.parameters import Parameters
from flagtrail.codebase.rewrite.properties import Properties
from flagtrail.codebase.rewrite.refused import Left
from flagtrail.codebase.source import Source


@dataclass(frozen=True, slots=True)
class Fallen:
    """What files become, None where they go; and names that stay though nothing is sure to use them, by path."""

    files: Mapping[str, Source | None]
    left: Mapping[str, tuple[Left, ...]]


def fallen(
    files: Mapping[str, bytes],
    changed: Mapping[str, Source],
    of_path: OfPath,
    key: str,
    spared: Collection[str] = (),
    registers: Collection[str] = (),
    answering: Collection[str] = (),
) -> Fallen:
    """After a clean-up that made of some of the repository's files what is in `changed`.

    `files` are all as they were, also those of no known language: a name in a template or a configuration counts.
    `key` is the flag's: what lists other flags beside it stays, and so does what is called as in `spared`, which asks
    for flags.
    What a function in `registers` makes of the key goes with its last use. What is called as in `answering` asked for
    this flag, and answers the same for everybody now.
    """
    forest = Forest(files, of_path, dict(changed))
    methods, makers = (frozenset(name.encode() for name in names) for names in (spared, registers))
    gathered = Gathered(forest)
    asking = methods | {name.encode() for name in answering}
    exports = Exports(forest, key.encode(), Lookups(forest), gathered, methods, makers, asking)
    modules, parameters = Modules(forest, key.encode(), gathered, methods), Parameters(forest, exports)
    properties, idle = Properties(forest, exports, parameters), Idle(forest, exports)
    rounds = (exports.round, parameters.round, properties.round, idle.round, modules.round)
    loaded = {target for path in changed for target in imported(forest, path, forest.then(path))}
    forest.search({stem(path) for path in loaded})
    exports.swept(sorted(changed))
    for _ in range(MOST_ROUNDS):
        if not any(each() for each in rounds):
            break
    gone = {path for path, source in forest.changed.items() if source is None}
    left = {path: exports.told(path) for path in {*exports.left, *(path for path, _ in exports.kept)} - gone}
    return Fallen(forest.changed, {path: found for path, found in left.items() if found})
