"""What was left alone, told with the lines of the files as they were: also of places that edits have moved."""

from __future__ import annotations

from collections.abc import Iterable

from flagtrail.codebase import sites
from flagtrail.codebase.cleanup import Refusal
from flagtrail.codebase.folding import Folded
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.refused import Left
from flagtrail.codebase.source import Source, lines_before


def of_left(before: Source, after: Source | None, left: Iterable[Left]) -> list[Refusal]:
    """Places of a file as it is now; `after` is None where it is as it was."""
    now = after or before
    was = lines_before(now.data, before.data)
    return [Refusal(before.path, was(now.line(each.at)), each.why, each.detail) for each in left]


def of_file(file: Folded, language: Language, flag: str, after: Source) -> list[Refusal]:
    """What was left alone in a file, and where its text still names the flag."""
    path, before = file.before.path, file.before
    told = [Refusal(path, before.line(left.at), left.why, left.detail) for left in file.seeded]
    folded = lines_before(file.after.data, before.data)
    told += [Refusal(path, folded(file.after.line(left.at)), left.why, left.detail) for left in file.stuck]
    lines = {refusal.line for refusal in told}
    was = lines_before(after.data, before.data)
    for node in sites.texts(after, language, flag):
        line = was(after.line(node.start_byte))
        if line not in lines:
            told.append(Refusal(path, line, "unclassified", "the flag's key stands here for an unknown purpose"))
    return told
