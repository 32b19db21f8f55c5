"""What tests say of a flag, and where one test begins and ends: a part of the door."""
# ruff: noqa: ARG002 - what is not of a shape is said without a look

from __future__ import annotations

from collections.abc import Callable

from tree_sitter import Node

from flagtrail.codebase.shapes import Call, Listed, Mock, Once, Signature, Stub, Table, Wrapping
from flagtrail.codebase.source import Source


class Tests:
    """What the clean-up of tests asks of a language."""

    def setting(self, name: Node) -> tuple[tuple[int, int], Node] | None:
        """For a flag's name in an object that sets flags (`flags: { newUi: true }`): its entry, and the value."""
        return None

    def set_to(self, member: Node) -> Stub | None:
        """For a flag's member in the place of what is given a value: the statement that does, and the value."""
        return None

    def set_by_name(self, source: Source, name: Node) -> Listed | None:
        """For the name of an argument, what a test sets members with by their names: the call, with what is set."""
        return None

    def helper(self, value: Node) -> Signature | None:
        """For what a test's function sets a flag to: the parameter of it that it is, where all its calls are known."""
        return None

    def listed(self, source: Source, key: Node) -> Listed | None:
        """For a flag's key in a list or dictionary that is written where it is used."""
        return None

    def test_case(self, node: Node) -> tuple[int, int] | None:
        """For any node within one test, the bytes of that whole test; None outside of tests."""
        return None

    def is_title(self, written: Node) -> bool:
        """Whether a text is no more than what a test, or a group of tests, is called."""
        return False

    def prepares(self, statement: Node) -> bool:
        """Whether a statement in a group of tests is there for them alone, which go with it."""
        return False

    def wrapping(self, call: Node) -> Wrapping | None:
        """For a call used as a decorator or context manager: what goes with it, and what stays."""
        return None

    def table(self, source: Source, value: Node) -> Table | None:
        """For what a test sets a flag to: the rows of a table that it runs for, which say it."""
        return None

    def of_table(self, value: Node) -> bool:
        """Whether rows of a test's table say what a value in it is."""
        return False

    def once(self, source: Source, call: Call, context: str, elsewhere: Callable[[bytes], bool]) -> Once | None:
        """How a test that a call runs for combinations of flags runs once, with what the function `context` makes.

        `elsewhere` tells whether another file has a name in it.
        """
        return None

    def mock(self, text: Node) -> Mock | None:
        """For a text: how it replaces the function that it names, in a test."""
        return None

    def passed(self, source: Source, call: Node) -> tuple[tuple[int, int], ...] | None:
        """For a call that puts a mock in a function's place: what is passed on of it, which goes with it; None where
        more is done with that.
        """
        return None

    def stub(self, node: Node) -> Stub | None:
        """For a call that is not made but described to a mock: what the mock is told to answer."""
        return None
