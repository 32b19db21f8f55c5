"""What texts say that something else is put in the place of what a name means, from another file."""

from __future__ import annotations

import re


def patched(name: bytes) -> re.Pattern[bytes]:
    """`module.name = other`, `Fake(name=other)`, `{name: other}`."""
    return re.compile(rb"(?:(?<!\bself)(?<!\bcls)\.|[({,]\s*)%s\s*(?:=(?![=>])|:(?!:))" % re.escape(name))


def assigned(name: bytes) -> re.Pattern[bytes]:
    """`p.NewUI = x`, `p.Count++`, `&p.NewUI`."""
    word = re.escape(name)
    return re.compile(rb"\.%s\s*(?:[-+*/%%|&^]?=(?!=)|\+\+|--)|(?<!&)&(?!&)\s*(?:\w+\.)*%s\b" % (word, word))


def set_by_name(name: bytes) -> re.Pattern[bytes]:
    """`module.NAME = x`, `patch("module.NAME", x)`, and of what is written in capitals `override_settings(NAME=x)`."""
    form = rb"\.%s\s*(?::[^=\n]+)?=(?!=)|[\"'](?:[\w.]+\.)?%s[\"']"
    if name.isupper():
        form += rb"|[({,]\s*%s\s*=(?!=)"
    return re.compile(form.replace(b"%s", re.escape(name)))


def set_by_any_name(module: bytes) -> re.Pattern[bytes]:
    """`setattr(module, name, x)`."""
    return re.compile(rb"\bsetattr\(\s*(?:\w+\.)*%s\s*,(?!\s*[\"'])" % re.escape(module))
