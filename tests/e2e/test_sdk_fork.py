"""A process that forks while the SDK's threads run: the child can be held up by nothing that they were about to do."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import httpx2
import pytest
from tests.support.server import RunningServer


@pytest.fixture
def place(server: RunningServer, admin: httpx2.Client, project: str) -> str:
    """What names the server and the environment, as keywords of a client's options."""
    token = {"key": f"{project}-fork", "kind": "server", "project": project, "environment": "production"}
    secret = admin.post("/api/v1/tokens", json={"token": token}).json()["secret"]
    return f"url={server.url!r}, token={secret!r}"


def run(script: str) -> str:
    """What a new process that runs the script prints."""
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, timeout=180, check=True)
    return done.stdout.decode().strip()


def test_a_clients_threads__at_work__import_nothing(place: str) -> None:
    script = f"""
        import sys, tempfile
        from flagtrail.sdk import Client, Options
        with tempfile.TemporaryDirectory() as folder:
            sampled = dict(sample_contexts=10, sample_attributes=("plan",))
            client = Client(Options({place}, cache_file=folder + "/flags.json", **sampled))
            before = set(sys.modules)
            assert client.start(60.0)
            client.get_boolean("nothing", False, {{"targetingKey": "user-1"}})
            client.close()
            print(sorted(set(sys.modules) - before))
    """
    assert run(script) == "[]"


def test_a_fork__before_the_provider_began_to_initialise__turns_it_ready_in_the_child(place: str) -> None:
    script = f"""
        import os, threading
        from flagtrail.sdk import FlagtrailProvider
        ready = threading.Event()
        provider = FlagtrailProvider({place})
        provider.attach(lambda _provider, event, _details: event.name == "PROVIDER_READY" and ready.set())
        # The SDK's thread that calls `initialize` would begin now.
        child = os.fork()
        if child == 0:
            os._exit(0 if ready.wait(50.0) else 1)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), ready.is_set())
    """
    assert run(script) == "0 False"


def test_a_fork__after_the_provider_was_shut_down__starts_nothing_in_the_child(place: str) -> None:
    script = f"""
        import os, threading
        from flagtrail.sdk import FlagtrailProvider
        provider = FlagtrailProvider({place})
        provider.attach(lambda *_: None)
        provider.shutdown()
        child = os.fork()
        if child == 0:
            os._exit(threading.active_count())
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """
    assert run(script) == "1"
