"""Which files an import could mean, by each language's conventions."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import PurePosixPath

_SCRIPTS = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".cts", ".d.ts")
_COMPILED = {".js": (".ts", ".tsx"), ".jsx": (".tsx",), ".mjs": (".mts",), ".cjs": (".cts",)}


def of_python(path: str, origin: str, name: str) -> Iterator[str]:
    """`origin` is the module, with its leading dots; a name can be a module of the package, too."""
    dots = len(origin) - len(origin.lstrip("."))
    parts = [part for part in origin[dots:].split(".") if part]
    start = ""
    if dots:
        folder = PurePosixPath(path).parent
        for _ in range(dots - 1):
            folder = folder.parent
        start = "/" if str(folder) == "." else f"/{folder}/"
    module = start + "/".join(parts)
    if parts:
        yield f"{module}.py"
        yield f"{module}/__init__.py"
    inside = f"{module}/{name}" if parts else f"{module}{name}"
    yield f"{inside}.py"
    yield f"{inside}/__init__.py"


def of_javascript(path: str, origin: str) -> Iterator[str]:
    """A path that begins with a dot is exact; of another one the first part can be an alias of a folder."""
    if origin.startswith("."):
        target = "/" + posixpath.normpath(posixpath.join(posixpath.dirname(path), origin))
        if target.startswith("/.."):
            return
        target = "" if target == "/." else target
    elif "/" in origin:
        target = origin.partition("/")[2] if origin.startswith(("@", "~", "#")) else origin.lstrip("/")
    else:
        return
    yield target
    stem, suffix = posixpath.splitext(target)
    yield from (stem + other for other in _COMPILED.get(suffix, ()))
    for suffix in _SCRIPTS:
        yield target + suffix
        yield f"{target}/index{suffix}"


def of_go(origin: str) -> Iterator[str]:
    """All files of the package's folder: the path without the module's own part, as far as that can be told."""
    parts = origin.split("/")
    yield f"{'/'.join(parts[-2:])}/*"
    yield f"/{parts[-1]}/*"


def is_of_package(path: str, origin: str) -> bool:
    """Whether a file's folder is that of the package which an import of the JVM names.

    Kotlin's folders may leave out what all packages begin with.
    """
    parts = origin.split(".")[:-1]
    while parts and parts[-1][:1].isupper():
        parts.pop()
    folder = PurePosixPath(path).parent
    if path.endswith(".kt") and parts and folder.name == parts[-1]:
        return True
    return f"/{folder}".endswith(f"/{'/'.join(parts)}")


def of_jvm(origin: str, name: str) -> Iterator[str]:
    """The file of a class, or any file of its package."""
    whole = origin.replace(".", "/")
    package = whole.rpartition("/")[0]
    for suffix in (".java", ".kt"):
        yield whole + suffix
        yield f"{package}/{name}{suffix}"
        if package:
            yield package + suffix
    yield f"{package}/*"
