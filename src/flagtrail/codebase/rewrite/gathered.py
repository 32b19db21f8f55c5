"""Folders whose files a program loads without naming each: it lists the folder, or puts a module's name together.

Such a file is found by being there. So it never goes, nor does what other files could use of it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from flagtrail.codebase.rewrite import texts
from flagtrail.codebase.rewrite.forest import Forest
from flagtrail.codebase.rewrite.importing import imported

_CODE = rb"(?:py|[cm]?[jt]sx?|\{)"
_LISTS = (
    rb"(?:r?glob|iglob|glob(?:Sync|by|bySync|\.sync)?|fg(?:\.sync)?)\((?!\s*[\"'`][^\"'`\n]*\.(?!%s)\w+[\"'`])" % _CODE
)
_LOADING = {
    "python": (
        (
            b"import_module",
            b"__import__",
            b"iter_modules",
            b"walk_packages",
            b"listdir",
            b"scandir",
            b"iterdir",
            b"glob",
        ),
        re.compile(
            rb"\b(?:import_module|__import__)\((?!\s*[\"'][\w.]*[\"']\s*[,)])|\b(?:iter_modules|walk_packages)\("
            rb"|\b(?:listdir|scandir|iterdir)\(|\b%s" % _LISTS
        ),
    ),
    "typescript": (
        (b"import(", b"require(", b"require.context", b"import.meta.glob", b"readdir", b"glob", b"fg("),
        re.compile(
            rb"\b(?:import|require)\((?!\s*(?:/\*[^*]*\*/\s*)*[\"'`][^\"'`$]*[\"'`]\s*[,)])|\brequire\.context\("
            rb"|\bimport\.meta\.glob|\breaddir(?:Sync)?\(|\b%s" % _LISTS
        ),
    ),
    "jvm": (
        (b"forName", b"loadClass"),
        re.compile(rb"\b(?:Class\s*\.\s*forName|loadClass)\((?!\s*\"(?:[^\"$\n]|\$(?![a-z{]))*\"\s*[,)])"),
    ),
}
"""For each family of languages what tells of such a file at a glance, and for sure."""
_OWN = re.compile(
    rb"__file__|__path__|__package__|\b(?:import_module|__import__|iter_modules|walk_packages)\([^\n]*__name__"
    rb"|__dirname|import\.meta\.(?:url|dirname)|\bgetPackage(?:Name)?\(|\.packageName\b"
)
_PACKAGE = re.compile(rb"^\s*package\s+([\w.]+)", re.MULTILINE)
_TEXT = re.compile(rb"""(?<!from )(?<!import )(["'`])((?:(?!\1)[^\n\\])+)""")
_ENDS = re.compile(r"[*{$%(|?+\s]")


@dataclass(slots=True)
class Gathered:
    """The folders of a repository that are loaded so."""

    forest: Forest
    _folders: dict[str, frozenset[str]] = field(default_factory=dict)

    def holds(self, path: str) -> bool:
        """Whether a file lies in such a folder, at whatever depth; in the repository's own, right in it."""
        language = self.forest.language(path)
        family = language.FAMILY or language.NAME
        if family not in self._folders:
            self._folders[family] = frozenset(self._loaded(family)) if family in _LOADING else frozenset()
        folders = self._folders[family]
        return bool(folders) and any(around in folders for around in _around(posixpath.dirname(path)))

    def _loaded(self, family: str) -> Iterator[str]:
        """The folders, with those in them. A name can be put together in another file than the one that loads it."""
        tokens, loads = _LOADING[family]
        files = [path for path in self.forest.files if self._is_of(path, family)]
        loading = [
            path
            for path in files
            if any(token in (data := self.forest.files[path]) for token in tokens) and loads.search(data)
        ]
        if family == "jvm":
            yield from self._packages(files, loading)
            return
        known = {folder for path in self.forest.files for folder in _around(posixpath.dirname(path))} - {""}
        for path in loading:
            yield from self._of(path, known)
        if loading and family == "python":
            built = (texts.modules(self.forest.files[path]) for path in files)
            yield from (folder for found in built for each in found for folder in _meant(each, "", known))

    def _packages(self, files: list[str], loading: list[str]) -> Iterator[str]:
        """The folders of the JVM's packages that are named, with all of their name, by what loads classes, or built."""
        folders: dict[bytes, set[str]] = {}
        for path in files if loading else ():
            if package := _PACKAGE.search(self.forest.files[path]):
                folders.setdefault(package[1], set()).add(posixpath.dirname(path))
        for path in loading:
            if _OWN.search(self.forest.files[path]):
                yield posixpath.dirname(path)
            named = (match.group(2).decode(errors="replace") for match in _TEXT.finditer(self.forest.files[path]))
            yield from (each for text in named for each in folders.get(_package(text), ()))
        built = (text for path in files if loading for text in texts.modules(self.forest.files[path]))
        yield from (each for text in built for each in folders.get(_package(text), ()))

    def _is_of(self, path: str, family: str) -> bool:
        language = self.forest.of_path(path)
        return language is not None and (language.FAMILY or language.NAME) == family

    def _of(self, path: str, known: set[str]) -> Iterator[str]:
        """The folders that a file names: its own, one by its path or package, or a package that it imports."""
        data, own = self.forest.files[path], posixpath.dirname(path)
        if _OWN.search(data):
            yield own
            names = self.forest.then(path)
            yield from (posixpath.dirname(each) for each in imported(self.forest, path, names) if _is_package(each))
        for match in _TEXT.finditer(data):
            yield from _meant(match.group(2).decode(errors="replace"), own, known)


def _meant(text: str, own: str, known: set[str]) -> Iterator[str]:
    """The folders that a text could name, or the beginning of it up to where it is put together."""
    end = _ENDS.search(text)
    start = text[: end.start()] if end is not None else text
    separator = "/" if "/" in text else "."
    folder = start[: start.rfind(separator) + 1] if end is not None else start
    if separator == "." and not folder.startswith("./"):
        folder = ("./" if folder.startswith(".") else "") + folder.strip(".").replace(".", "/")
    if folder.startswith(("./", "../")) or folder in (".", ".."):
        yield posixpath.normpath(posixpath.join(own, folder)).removeprefix(".")
        return
    folder = folder.lstrip("@~/").rstrip("/")
    if not folder:
        return
    if "/" not in folder and end is None and not text.endswith("/"):
        yield from (joined for base in _around(own) if base and (joined := posixpath.join(base, folder)) in known)
        return
    yield from (joined for base in {*_around(own), ""} if (joined := posixpath.join(base, folder)) in known)
    if "/" in folder:
        yield from (each for each in known if each.endswith(f"/{folder}"))


def _package(text: str) -> bytes:
    """The package that a text names, which another part of a class's name may follow: `"shop.old." + name`."""
    end = _ENDS.search(text)
    start = text.replace("/", ".") if end is None else text[: end.start()].replace("/", ".").rpartition(".")[0]
    return start.strip(".").encode()


def _is_package(path: str) -> bool:
    return posixpath.basename(path) == "__init__.py"


def _around(folder: str) -> Iterator[str]:
    """A folder, and those that it lies in; the repository's own, which is empty, only where it is the one asked for."""
    yield folder
    while folder := posixpath.dirname(folder):
        yield folder
