"""Everything an application may choose about its client, in one place; docs/reference/sdk.md tells each."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Literal, TypedDict, Unpack
from urllib.parse import urlsplit

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How a client gets its ruleset and what it tells of its use. All times are in seconds.

    `url` and `token` (of kind `server`) name the server and the environment; without a URL the client is offline.
    `application` is the application's own name and version (`shop/1.4.2`).
    `cache_file` keeps the last good ruleset, for a start while the server is away; none where it is None.
    `sync` is `stream` (server-sent events, polling where they do not get through) or `poll`.
    `stale_after` is how long the server may be away before answers are called STALE.
    `usage` counts evaluations and reports them every `flush_every`.
    `sample_contexts` is how many contexts, drawn from all that were evaluated, are reported with each flush, with
    the attributes that `sample_attributes` names and no others; with `hash_targeting_key` the targeting key is
    replaced by a prefix of its SHA-256.
    """

    url: str = ""
    token: str = ""
    application: str = ""
    cache_file: str | None = None
    sync: Literal["stream", "poll"] = "stream"
    poll_every: float = 30.0
    timeout: float = 5.0
    stale_after: float = 60.0
    usage: bool = True
    flush_every: float = 10.0
    sample_contexts: int = 0
    sample_attributes: tuple[str, ...] = ()
    hash_targeting_key: bool = False
    ca_file: str | None = None
    max_ruleset_bytes: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        """Raise ValueError for what cannot work: the one moment at which a client may refuse."""
        if self.url and urlsplit(self.url).scheme not in {"http", "https"}:
            raise ValueError("the url must begin with http:// or https://")
        if self.url and not self.token:
            raise ValueError("a server needs a token: one of kind 'server' of the environment to evaluate in")
        if not (self.token.isascii() and self.token.isprintable()) or " " in self.token:
            raise ValueError("the token holds what no token of a server holds: a space, a line end, or no ASCII")
        for name in ("poll_every", "timeout", "stale_after", "flush_every"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be more than 0 seconds")
        if self.sample_contexts and not self.sample_attributes:
            raise ValueError("sample_contexts needs sample_attributes: which attributes may be reported?")
        if not 0 <= self.sample_contexts <= 1_000:  # noqa: PLR2004 - model.usage.MAX_CONTEXTS
            raise ValueError("sample_contexts must be 0 to 1,000")

    def __repr__(self) -> str:
        """What was chosen, without the token: this ends in logs and tracebacks."""
        told = [f"{name}={'...' if name == 'token' else repr(getattr(self, name))}" for name in _chosen(self)]
        return f"Options({', '.join(told)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        """The same for rich, whose tracebacks show locals."""
        return [(name, "..." if name == "token" else getattr(self, name)) for name in _chosen(self)]


def _chosen(options: Options) -> list[str]:
    names = options.__struct_fields__
    return [
        name
        for name, default in zip(names, options.__struct_defaults__, strict=True)
        if getattr(options, name) != default
    ]


class Chosen(TypedDict, total=False):
    """The options of `Options`, as keywords."""

    url: str
    token: str
    application: str
    cache_file: str | None
    sync: Literal["stream", "poll"]
    poll_every: float
    timeout: float
    stale_after: float
    usage: bool
    flush_every: float
    sample_contexts: int
    sample_attributes: tuple[str, ...]
    hash_targeting_key: bool
    ca_file: str | None
    max_ruleset_bytes: int


_FROM_ENVIRONMENT = ("url", "token", "application", "cache_file")


def from_environment(environ: Mapping[str, str] = os.environ, **chosen: Unpack[Chosen]) -> Options:
    """Options of keywords; `FLAGTRAIL_URL`, `_TOKEN`, `_APPLICATION` and `_CACHE_FILE` for those left out."""
    told = {name: environ.get(f"FLAGTRAIL_{name.upper()}") for name in _FROM_ENVIRONMENT}
    found: dict[str, Any] = {name: value for name, value in told.items() if value}
    return Options(**{**found, **chosen})
