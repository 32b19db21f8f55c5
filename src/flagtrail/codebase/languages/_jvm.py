"""What Java and Kotlin have in common: packages that are folders, whose files see each other's names."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable
from typing import ClassVar

from flagtrail.codebase.languages import Language, _origins


class Jvm(Language, ABC):
    """Both languages."""

    FAMILY: ClassVar[str] = "jvm"
    SHARES_FOLDER: ClassVar[bool] = True
    NOMINAL: ClassVar[bool] = True

    def modules(self, path: str, origin: str, name: str) -> Iterable[str]:  # noqa: ARG002 - by the package alone
        """The file of a class, or any file of its package."""
        return _origins.of_jvm(origin, name)
