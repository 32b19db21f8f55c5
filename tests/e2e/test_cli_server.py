"""The command line against a real server, and the server that the command line starts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from tests.support.command_line import Outcome, flagtrail_in
from tests.support.server import RunningServer, free_port


def ask(server: RunningServer, project: str, folder: Path, line: str) -> Outcome:
    words = [*line.split(), "--project", project, "--server", server.url]
    return flagtrail_in(folder, *words, FLAGTRAIL_TOKEN=server.token)


SOON = f"{datetime.now(UTC) + timedelta(days=30):%Y-%m-%d}"
MAIN: list[tuple[str, str]] = [
    ("flags create checkout --owner shop", "created"),
    ('segments create beta --when {"attribute":"beta","operator":"equals","values":[true]}', "beta equals true"),
    ("enable checkout --why go", "enabled"),
    ("rollout checkout 25 --why carefully", "25 %"),
    ("eval checkout --context plan=pro --explain", "TARGETING_KEY_MISSING"),
    ("exposure checkout", "on 25 %"),
    ("history checkout", "on 25 %"),
    ("flags list", "checkout"),
    ("flags show checkout", "on 25 %"),
    ("log checkout", "why: carefully"),
    ("disable checkout --why enough", "disabled"),
    ("stale", "of 1 flags."),
    (f"stale snooze checkout --until {SOON} --owner shop --why later", "by shop: later"),
    ("stale unsnooze checkout --why now", "no longer snoozed"),
    ("flags create banner --remove-by 2024-01-31", "created"),
    ("stale ready banner --variant on --why agreed", "became ready to remove"),
    ("stale removed checkout --commit c0ffee --why merged", "removed by c0ffee"),
    ("stale stages", "code removed"),
    ("stale reopen checkout --why back", "became active"),
    (
        "stale thresholds --set one_variant=60 --set release.lifetime=90 --why w",
        "one variant: as it comes became 60 days",
    ),
    ("stale thresholds --set one_variant=default --why w", "60 days became as it comes"),
    ("stale thresholds", "Version 2."),
    ("stale lifespan checkout --permanent --set scan=9 --why w", "permanent: as it comes became yes"),
    ("stale lifespan checkout", "permanent  yes"),
    ("stale nudge --enable --day fri --zone Europe/Berlin --channel slack --why w", "created"),
    ("stale nudge --at 08:30 --why w", 'became "08:30"'),
    ("stale nudge", "fri at 08:30 (Europe/Berlin)"),
    ("stale lifespan checkout --reset --why w", "yes became as it comes"),
    ("dashboard", "Latest changes"),
    ("report soc2 --format csv", "carefully"),
    ("doctor", "All is well."),
]


def test_main_commands__over_http__do_what_they_do_in_process(
    server: RunningServer, project: str, tmp_path: Path
) -> None:
    said = [ask(server, project, tmp_path, line) for line, _ in MAIN]
    assert [(outcome.code, outcome.err) for outcome in said] == [(0, "")] * len(MAIN)
    assert [line for (line, wanted), outcome in zip(MAIN, said, strict=True) if wanted not in outcome.out] == []


def test_commands__with_a_server__make_no_database(server: RunningServer, project: str, tmp_path: Path) -> None:
    ask(server, project, tmp_path, "flags create checkout")
    assert list(tmp_path.iterdir()) == []


def test_export__over_http__verifies(server: RunningServer, project: str, tmp_path: Path) -> None:
    exported = ask(server, project, tmp_path, "export --out audit --json").json
    assert isinstance(exported, dict)
    assert flagtrail_in(tmp_path, "verify", "audit", "--key", exported["key"]).code == 0


@pytest.mark.parametrize(
    ("environ", "first"),
    [
        pytest.param({}, "Sign in first.", id="no token"),
        pytest.param({"FLAGTRAIL_TOKEN": "ft_admin_wrong"}, "Sign in first.", id="a wrong token"),
        pytest.param({"FLAGTRAIL_TOKEN": "ft\n"}, "A setting cannot be used.", id="a token that can be none"),
    ],
)
def test_command__without_a_good_token__is_refused(
    server: RunningServer, tmp_path: Path, environ: dict[str, str], first: str
) -> None:
    outcome = flagtrail_in(tmp_path, "log", "--server", server.url, **environ)
    assert outcome.err.splitlines()[0] == first


def test_command__to_something_that_is_no_flagtrail__is_refused(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as other:
        assert other.stdout is not None
        port = re.search(r"port (\d+)", other.stdout.readline())
        assert port is not None
        outcome = flagtrail_in(tmp_path, "log", "--server", f"http://127.0.0.1:{port[1]}")
        other.terminate()
    assert (outcome.code, "not as Flagtrail does" in " ".join(outcome.err.split())) == (1, True)


@contextmanager
def serving(folder: Path, command: str) -> Iterator[tuple[subprocess.Popen[str], str, str]]:
    """The process of `flagtrail up` or `demo`, its address, and what it said until it served."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "flagtrail", command, "--port", str(port)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            assert line, process.stderr and process.stderr.read()
            said += line
        url = f"http://127.0.0.1:{port}"
        try:
            with httpx2.Client(transport=httpx2.HTTPTransport(retries=10), base_url=url, timeout=30.0) as client:
                client.get("/healthz").raise_for_status()
            yield process, url, said
        finally:
            process.kill()


@pytest.mark.slow
def test_up__first_start__prints_a_login_link_that_works_once_and_its_files(tmp_path: Path) -> None:
    with serving(tmp_path, "up") as (_, url, said):
        link = re.search(rf"{url}/login/\S+", said)
        assert link is not None
        assert ("flagtrail.db" in said, "flagtrail.key" in said) == (True, True)
        assert (tmp_path / "flagtrail.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_up__interrupted__ends_in_peace_and_tells_the_way_back_in(tmp_path: Path) -> None:
    with serving(tmp_path, "up") as (process, _, _):
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, "Traceback" in err) == (0, "Stopped.\n", False)
    with serving(tmp_path, "up") as (_, _, said):
        assert "flagtrail members login-link owner" in said


@pytest.mark.slow
def test_demo__first_start__tells_the_story_and_needs_no_sign_in_here(tmp_path: Path) -> None:
    with serving(tmp_path, "demo") as (_, url, said):
        assert "flagtrail exposure new_pricing --where plan=pro" in said
        outcome = flagtrail_in(tmp_path, "log", "new_pricing", "--env", "production", "--server", url)
        assert (outcome.code, "INC-283" in outcome.out) == (0, True)
        beside = flagtrail_in(tmp_path, "flags", "show", "new_pricing")
        assert (beside.code, beside.err) == (0, "")


def test_alerts_test__channel_that_is_not_set_up__is_refused(tmp_path: Path) -> None:
    flagtrail_in(tmp_path, "flags", "create", "x")
    outcome = flagtrail_in(tmp_path, "alerts", "test", "slack")
    assert (outcome.code != 0, "Traceback" in outcome.err) == (True, False)


def test_alerts_test__receiver_that_is_not_there__is_told(tmp_path: Path) -> None:
    flagtrail_in(tmp_path, "flags", "create", "x")
    hook = f"http://127.0.0.1:{free_port()}/hook"
    outcome = flagtrail_in(tmp_path, "alerts", "test", "slack", FLAGTRAIL_SLACK_WEBHOOK=hook)
    assert (outcome.code, outcome.err.splitlines()[0]) == (1, "The test message was not delivered.")
