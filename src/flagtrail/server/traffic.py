"""What one server answered, counted by surface and class of status: on the event loop alone, so without locks."""

from __future__ import annotations

from collections import Counter
from typing import Any

from litestar.types import Message, Send

SURFACES = ("ofrep", "sync", "reports", "rest", "web", "probes")
"""OFREP; SDKs' rulesets and streams; what SDKs report; the API; pages, and whatever else is asked for; health."""
_CLASSES = ("2xx", "3xx", "4xx", "5xx")
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})


class Traffic:
    """Counts of answers by (surface, status)."""

    def __init__(self) -> None:
        self.answers: Counter[tuple[str, int]] = Counter()

    def count(self, surface: str, status: int) -> None:
        """Count one answer."""
        self.answers[surface, status] += 1

    def counted(self, surface: str, send: Send) -> Send:
        """Send, and count what is answered."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.answers[surface, message["status"]] += 1
            await send(message)

        return sending

    def by_class(self) -> Counter[tuple[str, str]]:
        """Counts by (surface, class of status: `2xx`), those of nothing too."""
        added = Counter({(where, each): 0 for where in SURFACES for each in _CLASSES})
        for (where, status), count in self.answers.items():
            added[where, f"{status // 100}xx"] += count
        return added


def surface(scope: Any) -> str:  # noqa: ANN401 - an ASGI scope
    """The surface of a request that the framework answers."""
    if scope["path"] in _PROBES:
        return "probes"
    return "rest" if scope["path"].startswith("/api/") else "web"
