"""A small company to look at: flags of every state, segments, an incident, two years of changes, usage; its server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import httpx2
import msgspec
import uvicorn

from flagtrail.app import stages
from flagtrail.app.bootstrap import App
from flagtrail.app.identity import Identity
from flagtrail.app.settings import Settings
from flagtrail.model.access import Member, Token
from flagtrail.model.actor import Actor
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.flag import boolean_flag
from flagtrail.model.subject import (
    Subject,
    environment_subject,
    flag_subject,
    member_subject,
    project_subject,
    segment_subject,
    targeting_subject,
)
from flagtrail.model.usage import Usage
from flagtrail.server.asgi import create

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)
PROBE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
P = "default"
ENTERPRISE = {
    "id": "enterprise",
    "description": "Enterprise first",
    "when": {"attribute": "plan", "operator": "in", "values": ["enterprise"]},
    "serve": {"variant": "on"},
}
PILOT = {
    "id": "pilot",
    "description": "Pilot of large customers",
    "when": {"any": [{"segment": "large_customers"}, {"segment": "beta"}]},
    "serve": {"variant": "on"},
}
COLLEAGUES = {"id": "colleagues", "when": {"segment": "beta"}, "serve": {"variant": "on"}}
PEOPLE = ("Ana Díaz", "Ben Okafor", "Chiara Rossi", "Dmitri Volkov", "Emi Tanaka")


class Clock:
    """A clock that the story sets; from the story's end on it goes on with real time."""

    def __init__(self) -> None:
        self._at = NOW - timedelta(days=700)
        self._lives: float | None = None

    def __call__(self) -> datetime:
        if self._lives is None:
            return self._at
        return NOW + timedelta(seconds=time.monotonic() - self._lives)

    def set(self, days_ago: float) -> None:
        self._at = max(NOW - timedelta(days=days_ago), self._at)

    def live(self) -> None:
        self._lives = time.monotonic()


class Story:
    """Tells changes through the real change flow."""

    def __init__(self, app: App, clock: Clock) -> None:
        self.app, self.clock = app, clock
        self._told: list[tuple[float, int, Change]] = []

    def tell(self, days_ago: float, who: int, why: str, *operations: Operation, ticket: str = "") -> None:
        self._told.append((days_ago, who, Change(operations=operations, why=why, ticket=ticket)))

    def happen(self) -> None:
        """Make everything that was told, oldest first."""
        for days_ago, who, change in sorted(self._told, key=lambda told: -told[0]):
            self._make(days_ago, who, change)

    def _make(self, days_ago: float, who: int, change: Change) -> None:
        self.clock.set(days_ago)
        name = PEOPLE[who % len(PEOPLE)]
        mail = f"{name.split()[0].lower()}@example.com"
        actor = Actor(kind="person", id=f"act_person{who:04d}", name=name, email=mail, auth="session", via="web")
        self.app.changes.apply(Identity(actor, role="admin"), change)


def put(subject: Subject, value: Any, action: Any = "create") -> Operation:  # noqa: ANN401 - a document's JSON
    return Operation(action=action, subject=subject, value=value)


def patch(flag: str, environment: str, value: Any) -> Operation:  # noqa: ANN401 - a document's JSON
    return put(targeting_subject(P, flag, environment), value, "patch")


def rollout(flag: str, percent: float, environment: str = "production") -> Operation:
    return put(targeting_subject(P, flag, environment), {"percent": percent}, "rollout")


def flag(key: str, **details: Any) -> Operation:  # noqa: ANN401 - a document's JSON
    return put(flag_subject(P, key), encode(boolean_flag(key, **details)))


def tell(story: Story) -> None:
    """The whole story, oldest first."""
    t = story.tell
    t(
        690,
        0,
        "people",
        *(
            put(member_subject(f"m{i}"), encode(Member(f"m{i}", n, f"{n.split()[0].lower()}@example.com", "editor")))
            for i, n in enumerate(PEOPLE)
        ),
    )
    t(
        680,
        0,
        "segments",
        put(
            segment_subject(P, "beta"),
            {
                "key": "beta",
                "when": {"attribute": "email", "operator": "ends_with", "values": ["@example.com"]},
                "description": "Colleagues and friends",
            },
        ),
    )
    t(
        679,
        1,
        "",
        put(
            segment_subject(P, "large_customers"),
            {
                "key": "large_customers",
                "when": {
                    "all": [
                        {"attribute": "plan", "operator": "in", "values": ["enterprise", "business"]},
                        {"attribute": "seats", "operator": "gte", "values": [100]},
                    ]
                },
            },
        ),
    )
    t(
        400,
        1,
        "BILL-7 billing engine behind a flag",
        flag("billing_v2", description="The new billing engine.", owner="billing", tags=("billing", "critical")),
    )
    for env in ("development", "staging", "production"):
        t(398 - len(env), 1, "BILL-7 roll out", patch("billing_v2", env, {"enabled": True}), ticket="BILL-7")
    t(
        120,
        2,
        "BILL-42 new pricing page and rules",
        flag(
            "new_pricing",
            description="Prices by seat instead of by project. Shown on the pricing page, in the cart and on invoices.",
            owner="billing",
            tags=("critical", "checkout"),
        ),
        ticket="BILL-42",
    )
    t(118, 2, "", patch("new_pricing", "development", {"enabled": True}))
    t(
        100,
        2,
        "",
        patch(
            "new_pricing",
            "staging",
            {
                "enabled": True,
                "rules": [{"id": "colleagues", "when": {"segment": "beta"}, "serve": {"variant": "on"}}],
                "fallthrough": {"variant": "off"},
            },
        ),
    )
    t(
        90,
        0,
        "Enterprise asked for it first",
        patch(
            "new_pricing",
            "production",
            {
                "enabled": True,
                "prerequisites": [{"flag": "billing_v2", "variants": ["on"]}],
                "rules": [ENTERPRISE],
                "fallthrough": {"variant": "off"},
            },
        ),
        ticket="https://tracker.example.com/browse/BILL-51",
    )
    for days, percent in ((80, 5), (72, 10), (60, 25), (44, 50), (43.9, 25), (30, 50)):
        t(days, 1, f"BILL-42 step to {percent} %", rollout("new_pricing", percent), ticket="BILL-42")
    t(
        21,
        3,
        "Invoices of large customers are wrong, see the incident channel",
        patch("new_pricing", "production", {"enabled": False}),
        ticket="INC-118",
    )
    t(20.9, 4, "Fixed in 4.18.2", patch("new_pricing", "production", {"enabled": True}), ticket="INC-118")
    t(9, 2, "Pilot with large customers", patch("new_pricing", "production", {"rules": [ENTERPRISE, PILOT]}))
    t(
        6,
        3,
        "Two more domains in the beta",
        put(
            segment_subject(P, "beta"),
            {"when": {"attribute": "email", "operator": "ends_with", "values": ["@example.com", "@friends.example"]}},
            "patch",
        ),
    )
    colours = {"blue": "#2463eb", "green": "#15803d", "amber": "#d97706"}
    t(
        70,
        4,
        "Which colour sells?",
        put(
            flag_subject(P, "checkout_colour"),
            {
                "key": "checkout_colour",
                "type": "string",
                "variants": colours,
                "description": "Colour of the button in the cart.",
                "owner": "growth",
                "tags": ["experiment"],
                "lifecycle": {"kind": "experiment", "remove_by": "2026-12-31"},
            },
        ),
    )
    t(
        69,
        4,
        "Start the experiment",
        patch(
            "checkout_colour",
            "production",
            {
                "enabled": True,
                "off_variant": "blue",
                "fallthrough": {
                    "variant": None,
                    "split": [
                        {"variant": "blue", "weight": 50_000},
                        {"variant": "green", "weight": 30_000},
                        {"variant": "amber", "weight": 20_000},
                    ],
                },
            },
        ),
    )
    t(50, 0, "probe of the pages", flag("odd_text", description=PROBE, owner=PROBE, tags=("a",)))
    t(
        49,
        0,
        PROBE,
        patch(
            "odd_text",
            "development",
            {
                "enabled": True,
                "rules": [
                    {
                        "id": "r",
                        "description": PROBE,
                        "when": {"attribute": "x", "operator": "equals", "values": [PROBE]},
                        "serve": {"variant": "on"},
                    }
                ],
            },
        ),
        ticket=PROBE,
    )
    t(
        48,
        0,
        "",
        put(
            segment_subject(P, "odd_segment"),
            {
                "key": "odd_segment",
                "description": PROBE,
                "when": {"attribute": "x", "operator": "equals", "values": [PROBE]},
            },
        ),
    )
    for index, name in enumerate(
        (
            "search_suggestions",
            "fast_export",
            "sso_enforced",
            "dark_mode",
            "mobile_push",
            "audit_webhooks",
            "invoice_pdf_v3",
            "regional_tax",
            "smart_retries",
            "team_templates",
        )
    ):
        made = 300 - index * 26
        t(
            made,
            index,
            f"PLAT-{100 + index} {name.replace('_', ' ')}",
            flag(
                name,
                description=f"{name.replace('_', ' ').capitalize()} for every workspace.",
                owner=("platform", "growth", "identity")[index % 3],
                tags=("platform",) if index % 2 else (),
            ),
        )
        t(made - 3, index + 1, "", patch(name, "development", {"enabled": True}))
        if index % 3:
            t(made - 9, index, "ready", patch(name, "production", {"enabled": True}))
            t(made - 10, index, "ready", rollout(name, (100, 20, 100)[index % 3]))
        if index == 5:
            t(made - 20, 1, "superseded", put(flag_subject(P, name), {"archived": True}, "patch"))
    t(2, 1, "Nobody misses it", put(flag_subject(P, "team_templates"), None, "delete"))
    t(
        1.2,
        0,
        "An environment for the load tests",
        put(environment_subject(P, "load"), {"key": "load", "name": "Load tests", "position": 4}),
        put(project_subject("mobile"), {"key": "mobile", "name": "Mobile app"}),
    )
    t(0.1, 1, "BILL-42 half of everybody", rollout("new_pricing", 60), ticket="BILL-42")


def settle(app: App) -> None:
    """Tokens and usage: what is no story."""
    owner = app.access.member_identity("owner")
    app.access.issue_token(owner, Token("checkout-service", "server", "Checkout service", P, "production"), why="SDK")
    rows = [
        Usage(
            P,
            env,
            key,
            "on",
            "",
            f"2026-11-{day:02d}T09:00:00.000000Z",
            count + day,
            f"2026-11-{day:02d}T09:29:00.000000Z",
        )
        for env, key, count in (
            ("production", "new_pricing", 41_200),
            ("production", "billing_v2", 39_000),
            ("staging", "new_pricing", 310),
            ("production", "sso_enforced", 5_200),
        )
        for day in range(1, 23)
    ]
    app.storage.add_usage(rows)
    app.signer.checkpoint()


class World(msgspec.Struct):
    """A running server and the app behind it."""

    app: App
    url: str

    def login_link(self) -> str:
        """A fresh one-time login link of the owner."""
        return f"{self.url}/login?token={self.app.access.login_link_secret('owner')}"

    def browser(self, member: str = "owner", **cookies: str) -> httpx2.Client:
        """A client that is signed in as this member, and follows where pages lead it."""
        given = {"flagtrail_session": self.app.access.start_session(member), **cookies}
        return httpx2.Client(base_url=self.url, cookies=given, follow_redirects=True, timeout=30.0)


@contextmanager
def served(folder: Path, *, port: int = 0, **settings: Any) -> Iterator[World]:  # noqa: ANN401 - any setting
    """The company, served on a port of this machine."""
    clock = Clock()
    with mock.patch.object(stages, "FIRST_SECONDS", 86_400.0):  # nothing is moved but by tests, however long they take
        app = App(Settings(database=f"sqlite:///{folder / 'web.db'}", **settings), clock=clock)
    app.first_start()
    story = Story(app, clock)
    tell(story)
    story.happen()
    clock.live()
    settle(app)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            create(app), interface="asgi3", log_config=None, access_log=False, lifespan="on", ws="none"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield World(app, f"http://127.0.0.1:{listening.getsockname()[1]}")
        server.should_exit = True
        thread.join(timeout=60)
