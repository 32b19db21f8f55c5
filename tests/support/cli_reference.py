"""Writes docs/reference/cli.md from the commands' own help: `python -m tests.support.cli_reference`."""

from __future__ import annotations

import click
from tests.support.command_line import REPOSITORY, leaves

from flagtrail.cli.main import COMMANDS, cli

PAGE = REPOSITORY / "docs" / "reference" / "cli.md"
PREFACE = """# The command line

`flagtrail` is a client of the server's API. With `--server URL` (or `FLAGTRAIL_URL`) and `--token` (or
`FLAGTRAIL_TOKEN`) it asks that server. Without, it runs the same application in process on the local database, as
the user of this computer: `FLAGTRAIL_DATABASE`, else `./flagtrail.db`, else the demo's `./flagtrail-demo.db`. A
change makes the database where there is none; a question is refused (`no_database`).

- **Output** is for people; `--json` prints what the API answered. In a pipe nothing is cut, wrapped or coloured:
  one line is one record. Progress is shown on standard error, where that is a terminal.
- **Exit codes**: 0 done (also where nothing had to be changed), 1 refused, 2 wrong usage (an option, a time, a
  setting); 130 interrupted. `verify`: 0 verified, 1 tampered with, 2 cannot be decided.
- **Refusals** stand on standard error: what was refused, the facts (every defect with its path), the remedy after
  `>`; with `--json` as one JSON object with `code`, `title`, `detail`, `remedy` and the facts. Beside the server's
  codes there are `no_database`, `not_delivered` (the receiver of `alerts test` did not take the message),
  `population_unreadable` (the file of `preview --population`, with each line that is wrong) and
  `scan_not_uploadable` (a scan of a part, or of no branch).
- **Times** are RFC 3339 (`2026-11-22T07:00:00Z`) or dates (their midnight, UTC). `--at` takes an entry's number too.
- **Contexts** are JSON or `plan=pro,seats=25`; values that are JSON numbers, `true`, `false` or "quoted texts" are
  read as JSON, all others are texts.
- **Reasons**: `--why` is required by the project's policy, at first for whatever reaches a production environment.

"""


def reference() -> str:
    """The whole page."""
    files = {name: title for title, section in COMMANDS.items() for name in section}
    parts = [PREFACE.rstrip()]
    title = ""
    for path, command in leaves():
        if files[path[0]] != title:
            title = files[path[0]]
            parts.append(f"## {title}")
        parts.append(f"### flagtrail {' '.join(path)}\n\n```text\n{_help(path, command)}\n```")
    return "\n\n".join(parts) + "\n"


def _help(path: tuple[str, ...], command: click.Command) -> str:
    settings = {"terminal_width": 96, "help_option_names": ["-h", "--help"]}
    context = click.Context(cli, info_name="flagtrail", **settings)  # type: ignore[arg-type] # a dict of both kinds
    for name in path[:-1]:
        context = click.Context(click.Group(name), parent=context, info_name=name)
    inner = click.Context(command, parent=context, info_name=path[-1])
    return "\n".join(line.rstrip() for line in command.get_help(inner).splitlines())


if __name__ == "__main__":
    PAGE.write_text(reference(), "utf-8")
