"""The bus over PostgreSQL itself, LISTEN and NOTIFY: several replicas need nothing else.

It has two connections of its own: one waits for what is told, one tells. They must reach the server itself, or a
pooler by session: one that pools by transaction hears nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flagtrail.bus import Heard
from flagtrail.bus._link import LOOK_UP_SECONDS, LinkedBus
from flagtrail.model.errors import SettingInvalid

if TYPE_CHECKING:
    import psycopg

SCHEMES = ("postgresql", "postgres")
CHANNEL = "flagtrail_moved"
_TELL = "SELECT pg_notify(%s, %s)"


def open_bus(url: str, name: str) -> LinkedBus:
    """See `flagtrail.bus.load`; nothing is connected to yet."""
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(url)
    except psycopg.Error:  # whose words may hold a password
        raise SettingInvalid("the address of the database cannot be read", setting="FLAGTRAIL_DATABASE") from None
    return LinkedBus(_Wire(url, name))


class _Wire:
    """See `flagtrail.bus._link.Wire`. What is told is the installation's name and the size."""

    name = "postgres"

    def __init__(self, url: str, installation: str) -> None:
        self._url = url
        self._installation = installation
        self._telling: psycopg.Connection[Any] | None = None

    def send(self, size: int) -> None:
        if self._telling is None:
            self._telling = self._connection()
        try:
            self._telling.execute(_TELL, (CHANNEL, f"{self._installation} {size}"))
        except Exception:
            self.close()
            raise

    def hear(self, heard: Heard, reached: Callable[[], None], stopping: threading.Event) -> None:
        with self._connection() as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            reached()
            while not stopping.is_set():
                for notice in connection.notifies(timeout=LOOK_UP_SECONDS):
                    installation, _, size = notice.payload.rpartition(" ")
                    if installation == self._installation and size.isdigit():
                        heard(int(size))

    def close(self) -> None:
        connection, self._telling = self._telling, None
        if connection is not None:
            connection.close()

    def _connection(self) -> psycopg.Connection[Any]:
        """A connection that notices within some ten seconds that the other end is gone without a word."""
        import psycopg

        return psycopg.connect(
            self._url,
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=3,
            application_name="flagtrail bus",
            keepalives_idle=4,
            keepalives_interval=2,
            keepalives_count=3,
            tcp_user_timeout=10_000,
        )
