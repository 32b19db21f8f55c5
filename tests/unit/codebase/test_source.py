"""A file after edits has the tree that it would have if it were read anew, though most of it is not read again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.corpus import cases
from tests.support.corpus import languages as spoken
from tree_sitter import Node

from flagtrail.codebase import languages
from flagtrail.codebase.source import Edit, Source, around, descendants

TEXTS = (b"", b"__FF_T__", b"(a)", b"{ }", b"\n", b"a.b(1)", b";")
FILES = {
    language: [
        (path, data)
        for case in cases(language)
        for path, data in case.before.items()
        if languages.of_path(path) is not None
    ]
    for language in spoken()
}


def source_of(path: str, data: bytes) -> Source:
    language = languages.of_path(path)
    assert language is not None
    return language.source(path, data)


def told(source: Source) -> Iterator[tuple[object, ...]]:
    for node in descendants(source.tree.root_node):
        yield node.type, node.byte_range, node.start_point, node.end_point, node.is_missing, node.is_extra


def same(one: Source, other: Source) -> bool:
    return all(first == second for first, second in zip_longest(told(one), told(other)))


@given(st.data())
@settings(max_examples=12)
@pytest.mark.parametrize("language", spoken())
def test_edited__anything_in_any_file__has_the_tree_of_a_file_read_anew(language: str, data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.sampled_from(FILES[language]), min_size=3, max_size=3))
    path, whole = picked[0][0], b"\n".join(text for _, text in picked)
    source = source_of(path, whole)
    for _ in range(3):
        nodes = list(descendants(source.tree.root_node))
        node = data.draw(st.sampled_from(nodes))
        text = data.draw(st.sampled_from([*TEXTS, *(source.text(child) for child in node.children)]))
        source = source.edited([Edit(node.start_byte, node.end_byte, text)])

        assert same(source, source_of(path, source.data))


def test_edited__into_what_can_be_read_in_two_ways__is_read_as_if_anew() -> None:
    function = "async function f%d(app, a) {\n  await app.get('/%d').expect(200).expect((found) => found);\n}\n"
    source = source_of("a.js", "".join(function % (number, number) for number in range(8)).encode())
    at = source.data.index(b"app.get('/4')")
    made = source.edited([Edit(at, at + 3, b"(a)")])

    assert same(made, source_of("a.js", made.data))


def test_around__an_edit__are_the_statements_beside_it() -> None:
    text = b"a = 1\n\nb = 2\n# of c\nc = 3\nd = 4\n\n"
    root: Node = source_of("a.py", text).tree.root_node

    def found(start: int, end: int) -> bytes:
        return text[slice(*around(root, text, start, end))]

    at = text.index(b"c =")
    assert found(at, at + 1) == b"# of c\nc = 3\nd = 4"
    assert found(0, 5) == b"a = 1\n\nb = 2"
    assert found(len(text), len(text)) == b"d = 4\n\n"
