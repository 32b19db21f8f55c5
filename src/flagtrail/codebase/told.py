"""What was left alone, told with the lines of the files as they were: also of places that edits have moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from flagtrail.codebase import sites
from flagtrail.codebase.cleanup import Refusal
from flagtrail.codebase.folding import Folded
from flagtrail.codebase.languages import Language
from flagtrail.codebase.rewrite.refused import Left
from flagtrail.codebase.source import Source, ancestors, lines_before


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
    stuck = (left for left in file.stuck if left.why != "reassigned" or left.detail.split()[0].encode() in after.data)
    told += [Refusal(path, folded(file.after.line(left.at)), left.why, left.detail) for left in stuck]
    lines = {refusal.line for refusal in told}
    was = lines_before(after.data, before.data)
    for node in sites.texts(after, language, flag):
        line = was(after.line(node.start_byte))
        if line not in lines:
            told.append(Refusal(path, line, "unclassified", "the flag's key stands here for an unknown purpose"))
    configured = {was(after.line(at)) for at in _configured(after, flag)} if language.NOMINAL else set()
    told += [Refusal(path, line, "unclassified", "the configuration says here what the flag is") for line in configured]
    lines |= {refusal.line for refusal in told}
    misread = {was(after.line(at)) for at in _misread(after, flag)} - lines
    return told + [Refusal(path, line, "unsupported", "what stands around it cannot be parsed") for line in misread]


def _configured(source: Source, flag: str) -> Iterator[int]:
    """Where a container sets what the flag's property says: `@Value("${features.new-ui:false}")`."""
    form = rb"\"\\?\$\{(?:[\w-]+\.)*%s(?::[^\"\n]*)?\}\"" % re.escape(flag.encode())
    return (match.start() for match in re.finditer(form, source.data))


def _misread(source: Source, flag: str) -> Iterator[int]:
    """Where the key stands in quotes in code that cannot be parsed, in which not even a text may be one."""
    for match in re.finditer(rb"[\"'`]%s[\"'`]" % re.escape(flag.encode()), source.data) if source.defects else ():
        inner = source.tree.root_node.descendant_for_byte_range(match.start() + 1, match.start() + 2)
        if inner is not None and any(each.is_error for each in (inner, *ancestors(inner))):
            yield match.start()
