"""A git repository made for one test."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


class Git:
    """A repository in a folder, with nothing of the user's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.run("init", "-q", "-b", "main")

    def run(self, *arguments: str, at: str = "2026-03-07T10:16:33+00:00", name: str = "Ada") -> str:
        """What git prints."""
        identity = [
            "-c",
            f"user.name={name}",
            "-c",
            f"user.email={name.lower()}@example.com",
            "-c",
            "commit.gpgsign=false",
        ]
        environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        environment |= {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments], check=True, capture_output=True, env=environment
        )
        return done.stdout.decode(errors="replace").strip()

    def write(self, files: dict[str, str | bytes]) -> None:
        """Files by path, written."""
        for path, content in files.items():
            place = self.folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, message: str, at: str = "2026-03-07T10:16:33+00:00", name: str = "Ada") -> str:
        """Everything as it stands, committed; the commit's hash."""
        self.run("add", "--all")
        self.run("commit", "-q", "--allow-empty", "-m", message, at=at, name=name)
        return self.run("rev-parse", "HEAD")
