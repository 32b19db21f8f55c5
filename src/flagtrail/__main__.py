"""The command `flagtrail`; without the extra [server] it can still verify an export."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    if arguments is not None:
        return _run(list(arguments))
    try:
        return _run(sys.argv[1:])
    finally:
        gc.freeze()  # the process ends: nothing is worth looking for any more


def _run(given: list[str]) -> int:
    try:
        from flagtrail.cli.main import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "flagtrail":
            raise
        return _light(given, error.name)
    return run(given)


def _light(arguments: list[str], missing: str) -> int:
    """What the package can do without its extras: verify."""
    if arguments[:1] == ["verify"]:
        from flagtrail.ledger.verify import main as verify

        return verify(arguments[1:])
    sys.stderr.write(
        f"The command line needs the extra [server] ({missing} is not installed).\n"
        "  > pip install 'flagtrail[server]'\n"
        "  Without it there is 'flagtrail verify PATH --key KEY': it checks an export, offline.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
