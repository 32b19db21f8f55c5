"""The command `flagtrail`: which commands there are, and what becomes of their errors."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Sequence

import click

import flagtrail
from flagtrail.cli.refusals import EXIT_DONE, EXIT_REFUSED, tell_refusal, tell_usage, wants_json
from flagtrail.model.errors import ExtraMissing, FlagtrailError

EXIT_INTERRUPTED = 130
_OF_CODE = ("ahocorasick", "pathspec", "tree_sitter")
"""What the extra [code] brings."""
COMMANDS: dict[str, dict[str, tuple[str, str]]] = {
    "Serve": {
        "up": ("serve", "Serve on this machine; the first start makes everything."),
        "demo": ("serve", "Serve the story of a company: two years, 200 flags."),
    },
    "Flags": {
        "flags": ("flags", "List, show, create, edit, archive, restore, delete."),
        "enable": ("targeting", "Turn a flag on in one environment."),
        "disable": ("targeting", "Turn a flag off in one environment."),
        "rollout": ("targeting", "Set the percentage that gets a flag."),
        "target": ("targeting", "Set how a flag is served, from a file."),
        "guards": ("guards", "What watches over changes, and calling it off."),
        "segments": ("segments", "List, show, create, edit, delete segments."),
    },
    "Questions": {
        "log": ("log", "Who changed what, when and why."),
        "show": ("log", "One entry of the ledger, in full."),
        "history": ("history", "A flag's rollout, step by step."),
        "eval": ("evaluate", "What a context gets, now or at any past time."),
        "preview": ("preview", "What a change would do, before it is made."),
        "blame": ("blame", "Which changes altered what a context got."),
        "exposure": ("exposure", "When a flag was on, and for whom."),
        "usage": ("usage", "How often a flag is evaluated, and who asks for it."),
        "impact": ("impact", "What came of a change; or with which changes a metric moved."),
        "metrics": ("metrics", "List, show and push the metrics that changes are judged by."),
        "stale": ("stale", "Flags that could go, with the evidence; their stages, snoozes and thresholds."),
        "dashboard": ("dashboard", "The project at a glance."),
        "report": ("report", "Reports for auditors: what was changed, by whom, why, and what is missing."),
    },
    "Code": {
        "scan": ("scan", "Find where source code names flags, and what it asks for that is none."),
        "references": ("references", "Where source code names a flag, by the newest scan of each branch."),
        "review": ("review", "What a branch adds to the places that name flags, and takes away."),
        "cleanup": ("cleanup", "Remove a flag from source code, and prove that nothing else changed."),
    },
    "Ledger": {
        "revert": ("log", "Take a change back."),
        "import": ("imports", "Bring in flags and their history."),
        "export": ("export", "Write the ledger to a folder, for an auditor."),
        "verify": ("verify", "Check an export or a report, offline."),
    },
    "Administration": {
        "projects": ("projects", "List, show, create, edit, delete projects."),
        "environments": ("environments", "List, show, create, edit, delete environments."),
        "tokens": ("tokens", "List, create, revoke tokens."),
        "members": ("members", "List, create, edit members; login links."),
        "alerts": ("alerts", "Channels, subscriptions and deliveries; try one."),
        "backup": ("backup", "Copy the database while it serves, and read the copy through."),
        "schema": ("schema", "The JSON Schemas of all documents."),
        "migrate": ("database", "Bring the database's schema up to date, as its owner."),
        "move": ("database", "Move an installation to another database, all of it."),
        "doctor": ("doctor", "Check this installation, and say what is wrong."),
    },
}
"""Every command by section: the file it lives in, and its summary (a test holds it against the command's own)."""

_FILES = {name: file for section in COMMANDS.values() for name, (file, _) in section.items()}


class Commands(click.Group):
    """Imports a command's file only when it is called: `flagtrail --help` needs none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command's name, in the order of the help."""
        return list(_FILES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command, or None where there is none of this name."""
        file = _FILES.get(cmd_name)
        if file is None:
            return None
        module = importlib.import_module(f"flagtrail.cli.{file}")
        command: click.Command = module.COMMANDS[cmd_name]
        return with_examples(command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """The commands by section."""
        for title, section in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl([(name, summary) for name, (_, summary) in section.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, naming what a typo may have meant."""
        if args and args[0] not in _FILES and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], _FILES, n=1)
            meant = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"There is no command {args[0]!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96})
@click.version_option(flagtrail.__version__, prog_name="flagtrail", message="%(prog)s %(version)s")
def cli() -> None:
    """Feature flags with a memory: who changed what, when, why, for whom, with proof.

    Without --server (or FLAGTRAIL_URL) a command works on the database in this
    folder, as the user of this computer.

    Example:
      flagtrail demo
      flagtrail log new_pricing --env production
    """


def with_examples(command: click.Command) -> click.Command:
    """The command, and those inside it, with the lines of their examples kept as they are (click would fill them)."""
    command.help = inspect.cleandoc(command.help or "").replace("\n\nExample:\n", "\n\n\b\nExample:\n")
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        with_examples(inner)
    return command


with_examples(cli)


def run(arguments: Sequence[str]) -> int:
    """Run one command line; the exit code: 0 done, 1 refused, 2 wrong usage."""
    try:
        # Not `cli.main`: it would end the process itself where a pipe is closed.
        with cli.make_context("flagtrail", list(arguments)) as context:
            outcome = cli.invoke(context)
    except click.exceptions.Exit as leaving:
        return leaving.exit_code
    except click.ClickException as error:
        return tell_usage(error)
    except FlagtrailError as error:
        return tell_refusal(error, as_json=wants_json(arguments))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "flagtrail":
            raise
        extra = "code" if error.name.startswith(_OF_CODE) else "server"
        missing = ExtraMissing(f"this needs {error.name}, which comes with the extra [{extra}]", extra=extra)
        return tell_refusal(missing, as_json=wants_json(arguments))
    except BrokenPipeError:
        # Whoever read has had enough (`flagtrail log | head`). What is still buffered must not fail at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_DONE
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        return EXIT_INTERRUPTED
    except OSError as error:
        click.echo(f"The operating system refused: {error}", err=True)
        return EXIT_REFUSED
    return outcome if isinstance(outcome, int) else EXIT_DONE
