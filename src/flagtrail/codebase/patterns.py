"""How code asks for a flag: SDK call patterns as data.

Presets ship in `presets/*.toml`, one file a vendor; a repository adds its own in `.flagtrail.toml`:

```toml
presets = ["openfeature", "launchdarkly"]     # left out: all of them

[[patterns]]
call = "is_on"                                # is_on("new-ui"), client.is_on("new-ui")
key = 0                                       # where the flag's key stands: a position, or an argument's name
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from flagtrail.model.errors import SourceUnreadable

Kind = Literal["call", "override", "members"]
Returns = Literal["value", "details", "tuple", "details_tuple"]

FILE = ".flagtrail.toml"


class Pattern(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to name a flag in code.

    `call` is the name of what is called, or its last parts with dots between (`flags.isEnabled`). `kind` is `call`
    for an evaluation, `override` for what a test sets a flag with (a decorator, a context manager or a call), and
    `members` for a call whose answer has the flags as members (`useFlags().newUi`), spelled as `case` says.
    `key` is the position or name of the argument with the flag's key; `default` that of the value for the case
    that the flag cannot be evaluated. `returns` says what comes back: the value, an object with the value in
    `field`, or one of them with an error beside it (Go). `yields` is what a value is: whatever the flag's variant
    has (`value`), whether the flag is on (`enabled`), or the variant's name (`variant`). `set_to` is, for an
    override, the position or name of the argument with the value; without it `sets` is the value. `negated`: the
    answer is the opposite. `pure` are names of calls that only build an argument (`EvaluationContext`).
    """

    call: str
    kind: Kind = "call"
    languages: tuple[str, ...] = ()
    key: int | str = 0
    default: int | str | None = None
    returns: Returns = "value"
    field: str = "value"
    yields: Literal["value", "enabled", "variant"] = "value"
    negated: bool = False
    set_to: int | str | None = None
    sets: bool | str | None = None
    case: Literal["camel", "as_is"] = "as_is"
    pure: tuple[str, ...] = ()

    def names(self, language: str) -> bool:
        """Whether it is of this language."""
        return not self.languages or language in self.languages


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A repository's `.flagtrail.toml`. `ignore` has the form of `.gitignore`; `verify` is the command of its tests."""

    presets: tuple[str, ...] | None = None
    patterns: tuple[Pattern, ...] = ()
    ignore: tuple[str, ...] = ()
    verify: str | None = None

    def every(self) -> tuple[Pattern, ...]:
        """The repository's own patterns, then those of its presets. Raises SourceUnreadable for an unknown preset."""
        chosen = presets() if self.presets is None else self.presets
        return (*self.patterns, *(pattern for name in chosen for pattern in preset(name)))


class _Preset(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    patterns: tuple[Pattern, ...]


def config(text: str) -> Config:
    """Read `.flagtrail.toml`; raises SourceUnreadable, which names the place."""
    try:
        return msgspec.convert(tomllib.loads(text), Config)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as defect:
        raise SourceUnreadable(f"{FILE}: {defect}", path=FILE) from None


@cache
def presets() -> tuple[str, ...]:
    """The names of all presets."""
    folder = resources.files("flagtrail.codebase") / "presets"
    return tuple(sorted(file.name.removesuffix(".toml") for file in folder.iterdir() if file.name.endswith(".toml")))


@cache
def preset(name: str) -> tuple[Pattern, ...]:
    """The patterns of one preset; raises SourceUnreadable for an unknown one."""
    if name not in presets():
        raise SourceUnreadable(f"there is no preset {name!r}; known are {', '.join(presets())}", preset=name)
    text = (resources.files("flagtrail.codebase") / "presets" / f"{name}.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Preset).patterns


def of_language(patterns: Iterable[Pattern], language: str) -> tuple[Pattern, ...]:
    """Those that code of this language can hold."""
    return tuple(pattern for pattern in patterns if pattern.names(language))
