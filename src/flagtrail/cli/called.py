"""How this program can be called: what a hint must print so that it works when it is typed."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

NAME = "flagtrail"


def command_name() -> str:
    """`flagtrail` where the shell finds this very one, else its path from the present folder, or by way of Python."""
    script = Path(sys.argv[0])
    if script.name != NAME or not script.is_file():  # python -m flagtrail
        script = Path(sys.executable).with_name(NAME)
    if not script.is_file():
        return f"{_typed(Path(sys.executable))} -m {NAME}"
    found = shutil.which(NAME)
    return NAME if found is not None and Path(found).samefile(script) else _typed(script)


def _typed(path: Path) -> str:
    """A path as a shell takes it: relative where the file lies below the present folder."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow a virtual environment's links
    if not whole.is_relative_to(Path.cwd()):
        return shlex.quote(str(whole))
    below = whole.relative_to(Path.cwd())
    return shlex.quote(str(below) if len(below.parts) > 1 else f"./{below}")
