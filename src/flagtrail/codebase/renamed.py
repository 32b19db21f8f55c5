"""Other names that an import gives to what it takes: `FAST as Quick`, `import * as keys`, `shop.flags as keys`."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePosixPath

_AS = re.compile(rb"\s+as\s+([A-Za-z_$][\w$]*)")
_LIST = re.compile(rb"[\w\s{},.*$(\\]*")
"""What stands between `import` and a name that it takes; `(FAST as string)` of a call is no import."""
_FAR = 4_000


def local(data: bytes, start: int, end: int) -> bytes | None:
    """What a file calls the name that stands at [start, end) of one of its imports, where that is another name."""
    match = _AS.match(data, end)
    if match is None:
        return None
    found = data.rfind(b"import", max(start - _FAR, 0), start)
    listed = found >= 0 and _LIST.fullmatch(data, found, start) is not None
    return match.group(1) if listed and match.group(1) != data[start:end] else None


def is_renamed(data: bytes, name: bytes, held: bytes) -> bool:
    """Whether a file imports this name as `held`."""
    places = _whole(name).finditer(data) if name else ()
    return any(local(data, match.start(), match.end()) == held for match in places)


def is_module(data: bytes, held: bytes, path: str) -> bool:
    """Whether a file imports the module that a file is, or its folder is, as `held`."""
    pure = PurePosixPath(path)
    of_folder = pure.stem in ("__init__", "index")
    called = [pure.parent.name] if of_folder else [pure.stem]
    packages = [*called, pure.parent.name] if pure.suffix == ".go" else called
    return any(_imports(name.encode(), held).search(data) for name in packages if name)


@lru_cache(1_000)
def _whole(name: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?<![\w$])" + re.escape(name) + rb"(?![\w$])")


@lru_cache(1_000)
def _imports(module: bytes, held: bytes) -> re.Pattern[bytes]:
    """Python; JavaScript, also with `require`; Go."""
    name, quoted = re.escape(held), rb"['\"](?:[^'\"\n]*/)?" + re.escape(module) + rb"(?:/index)?(?:\.\w+)?['\"]"
    return re.compile(
        rb"import\s[\w\s,.(]*?\b" + re.escape(module) + rb"\s+as\s+" + name + rb"(?![\w$])"
        rb"|(?<![\w$])"
        + name
        + rb"\s+from\s*"
        + quoted
        + rb"|(?<![\w$])"
        + name
        + rb"\s*=\s*require\(\s*"
        + quoted
        + rb"|(?<![\w$])"
        + name
        + rb"[ \t]+"
        + quoted
    )
