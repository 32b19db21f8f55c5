"""Modules that are loaded from their text, and forgotten again."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_loader
from types import ModuleType


class Texts(MetaPathFinder, Loader):
    """Finds modules among files by their paths; `loading` tells how many are being loaded right now."""

    def __init__(self, files: Mapping[str, str], world: Mapping[str, object]) -> None:
        self.files = files
        self.world = world
        self.loading = 0

    def find_spec(self, name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """A module, or a package."""
        path = name.replace(".", "/")
        for origin in (f"{path}.py", f"{path}/__init__.py"):
            if origin in self.files:
                return spec_from_loader(name, self, origin=origin, is_package=origin.endswith("__init__.py"))
        return spec_from_loader(name, self) if name == "world" else None

    def exec_module(self, module: ModuleType) -> None:
        """Runs its text; `world` holds what programs are made of."""
        spec = module.__spec__
        if spec is None or spec.origin is None:
            module.__dict__.update(self.world)
            return
        self.loading += 1
        try:
            exec(compile(self.files[spec.origin], spec.origin, "exec"), module.__dict__)  # noqa: S102 - of our own making
        finally:
            self.loading -= 1


@contextlib.contextmanager
def loadable(files: Mapping[str, str], world: Mapping[str, object]) -> Iterator[Texts]:
    """Within, `import` finds the files, and `world`."""
    known = set(sys.modules)
    texts = Texts(files, world)
    sys.meta_path.insert(0, texts)
    try:
        yield texts
    finally:
        sys.meta_path.remove(texts)
        for name in sys.modules.keys() - known:
            if isinstance(getattr(sys.modules[name], "__loader__", None), Texts):
                del sys.modules[name]
