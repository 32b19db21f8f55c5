"""How code asks for a flag: SDK call patterns as data.

Presets ship in `presets/*.toml`, one file a vendor; a repository adds its own in `.flagtrail.toml`:

```toml
presets = ["openfeature", "launchdarkly"]     # left out: all of them

[[patterns]]
call = "is_on"                                # is_on("new-ui"), client.is_on("new-ui"); or a list of names
key = 0                                       # where the flag's key stands: a position, or an argument's name
```
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

import msgspec

from flagtrail.model.errors import SourceUnreadable

Kind = Literal[
    "call", "choice", "component", "override", "combinations", "members", "decorator", "definition", "address"
]
Returns = Literal["value", "details", "tuple", "details_tuple", "flow", "opaque"]

FILE = ".flagtrail.toml"
_PRESETS = Path(__file__).with_name("presets")


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to name a flag in code.

    `call` is the name of what is called, or its last parts with dots between (`flags.isEnabled`). `kind` is `call`
    for an evaluation, `choice` for a call that answers one of its arguments (`Choose(ctx, NewUI, a, b)`), `component`
    for an element of JSX that shows its children where the flag is on, `override` for
    what a test sets a flag with (a decorator, a context manager or a call), `combinations` for what runs a test for
    each combination of the flags that it is given (`NewFeatureSets(NewUI, Search).Run(t, test)`), `members` for a call
    or an object that has the flags as members (`useFlags().newUi`, `config.flags.newUi`), spelled as `case` says,
    `decorator` for what makes a function depend on a flag (`@waffle_flag("new-ui")`), `definition` for what registers
    one (`NEW_UI = register("new-ui")`), and `address` for a text that ends with the key
    (`/ofrep/v1/evaluate/flags/new-ui`): `call` is what stands before the key.
    `key` is the position or name of the argument with the flag's key, or `receiver` where the flag is what is called
    on (`NEW_UI.isEnabled()`), and `within` says that it stands somewhere
    within that argument; `default` that of the value for the case that the flag cannot be evaluated (-1: the last).
    `arguments` are the least and the most that such a call has, where that tells it from another's.
    `returns` says what comes back: the value, an object with the value in `field`, one of them with an error beside
    it (Go), a flow of the values that it has from now on (`flow`, Kotlin), or what is no value yet (`opaque`: found,
    never rewritten). `yields` is what a value is: whatever the flag's variant has (`value`), whether the flag is on
    (`enabled`), or the variant's name (`variant`).
    `set_to` is the position or name of the argument with the value that an override sets, or that a decorator asks for
    in a text; without it `sets` is an override's value.
    `negated`: the answer is the opposite. `pure` are names of calls that only build an argument (`EvaluationContext`).
    """

    call: str
    kind: Kind = "call"
    languages: tuple[str, ...] = ()
    key: int | str = 0
    within: bool = False
    arguments: tuple[int, int] | None = None
    default: int | str | None = None
    returns: Returns = "value"
    field: str = "value"
    yields: Literal["value", "enabled", "variant"] = "value"
    negated: bool = False
    set_to: int | str | None = None
    sets: bool | str | None = None
    passes: int | None = None
    then: int | None = None
    otherwise: int | None = None
    context: str | None = None
    case: Literal["camel", "as_is"] = "as_is"
    pure: tuple[str, ...] = ()

    def names(self, language: str) -> bool:
        """Whether it is of this language."""
        return not self.languages or language in self.languages

    def takes(self, count: int) -> bool:
        """Whether a call with so many arguments can be one."""
        return self.arguments is None or self.arguments[0] <= count <= self.arguments[1]

    def spelled(self, key: str) -> str:
        """How a member is called that holds the flag's answer.

        >>> Pattern(call="useFlags", kind="members", case="camel").spelled("new-ui.v2_beta")
        'newUiV2Beta'
        """
        if self.case == "as_is":
            return key
        first, *rest = [part for part in re.split(r"[^A-Za-z0-9]+", key) if part] or [""]
        return first[:1].lower() + first[1:] + "".join(part[:1].upper() + part[1:] for part in rest)

    @property
    def last(self) -> str:
        """The name of what is called, without what stands before it."""
        return self.call.rpartition(".")[2]


class Patterns(tuple[Pattern, ...]):  # noqa: SLOT001 - it keeps its index
    """Patterns in the order in which they count, found by the name of what is called."""

    def called(self, name: bytes) -> tuple[Pattern, ...]:
        """Those that a call of this name can be."""
        return self._by_name.get(name, ())

    def of(self, language: str) -> Patterns:
        """Those that code of this language can hold."""
        return Patterns(pattern for pattern in self if pattern.names(language))

    @cached_property
    def members(self) -> tuple[Pattern, ...]:
        """Those whose answers have the flags as members."""
        return tuple(pattern for pattern in self if pattern.kind == "members")

    @cached_property
    def addresses(self) -> tuple[bytes, ...]:
        """What stands before a key in texts that name it."""
        return tuple(pattern.call.encode() for pattern in self if pattern.kind == "address")

    @cached_property
    def _by_name(self) -> dict[bytes, tuple[Pattern, ...]]:
        found: dict[bytes, list[Pattern]] = {}
        for pattern in self:
            if pattern.kind not in ("members", "address"):
                found.setdefault(pattern.last.encode(), []).append(pattern)
        return {name: tuple(patterns) for name, patterns in found.items()}


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository's `.flagtrail.toml`. `ignore` has the form of `.gitignore`; `verify` is the command of its tests."""

    presets: tuple[str, ...] | None = None
    patterns: tuple[Pattern, ...] = ()
    ignore: tuple[str, ...] = ()
    verify: str | None = None

    def every(self) -> Patterns:
        """The repository's own patterns, then those of its presets. Raises SourceUnreadable for an unknown preset."""
        chosen = presets() if self.presets is None else self.presets
        return Patterns((*self.patterns, *(pattern for name in chosen for pattern in preset(name))))


def config(text: str) -> Config:
    """Read `.flagtrail.toml`; raises SourceUnreadable, which names the place."""
    try:
        return msgspec.convert(_spread(tomllib.loads(text)), Config)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as defect:
        raise SourceUnreadable(f"{FILE}: {defect}", path=FILE) from None


def _spread(document: dict[str, Any]) -> dict[str, Any]:
    """With one pattern for each name where one has a list of names."""

    def each(patterns: Iterable[Any]) -> Iterator[Any]:
        for pattern in patterns:
            names = pattern.get("call") if isinstance(pattern, dict) else None
            yield from [{**pattern, "call": name} for name in names] if isinstance(names, list) else [pattern]

    patterns = document.get("patterns")
    return {**document, "patterns": list(each(patterns))} if isinstance(patterns, list) else document


@cache
def presets() -> tuple[str, ...]:
    """The names of all presets."""
    return tuple(sorted(file.stem for file in _PRESETS.glob("*.toml")))


@cache
def preset(name: str) -> tuple[Pattern, ...]:
    """The patterns of one preset; raises SourceUnreadable for an unknown one."""
    if name not in presets():
        raise SourceUnreadable(f"there is no preset {name!r}; known are {', '.join(presets())}", preset=name)
    text = (_PRESETS / f"{name}.toml").read_text("utf-8")
    return msgspec.convert(_spread(tomllib.loads(text))["patterns"], tuple[Pattern, ...])
