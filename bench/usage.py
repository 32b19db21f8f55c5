"""Usage on the server: reports per second over HTTP, copies of counts in Redis, and reading a year of hourly rows.

Run: python -m bench.usage [SECONDS] [--flags N]. Builds a database of N flags x 3 variants x 3 clients x 8,760 hours in
a temporary folder: of 20 flags by default (1.6 million rows), of 200 it has 15.8 million and 2.2 GB.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import msgspec
from redis import Redis
from tests.support.documents import boolean_flag, enabled
from tests.support.redis_server import redis_program, running_redis
from tests.support.server import running_server

from flagtrail.app.clock import stamp, utc_now
from flagtrail.app.usage import UsageCounter
from flagtrail.app.usage_copy import UsageCopy
from flagtrail.bus import load as load_bus
from flagtrail.model.resolution import Reason, Resolution
from flagtrail.model.usage import Count, Period, Usage, UsageReport
from flagtrail.storage import Storage, load

CLIENTS = 16
ROUNDS = 20
ROWS = 50
YEAR_HOURS = 8_760
VARIANTS = ("on", "off", "half")
ASKING = (("flagtrail-python/0.1.0", "shop/1.4.2"), ("ofrep-bulk", ""), ("opentelemetry-go/1.38.0", "gateway/2.1.0"))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", nargs="?", type=float, default=5.0)
    parser.add_argument("--flags", type=int, default=20)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        reports(Path(folder), given.seconds)
    with tempfile.TemporaryDirectory() as folder:
        copies(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        year(Path(folder), given.flags)


def reports(folder: Path, seconds: float) -> None:
    """How many reports of `ROWS` counts a server takes, durably, from clients that each wait for the answer."""
    with running_server(folder, fresh=True, reports_per_minute="10000000") as server, server.client() as admin:
        for number in range(ROWS):
            body = {"flag": boolean_flag(f"flag_{number}"), "targeting": {"production": enabled()}, "why": "bench"}
            admin.post("/api/v1/projects/default/flags", json=body).raise_for_status()
        token = {"key": "bench", "kind": "server", "project": "default", "environment": "production"}
        secret = admin.post("/api/v1/tokens", json={"token": token, "why": "bench"}).json()["secret"]
        for clients in (1, CLIENTS):
            done, times = drive(server.url, secret, clients, seconds)
            middle, slow = statistics.median(times) * 1000, statistics.quantiles(times, n=100)[98] * 1000
            rate = f"{done / seconds:.0f} reports/s, p50 {middle:.1f} ms, p99 {slow:.1f} ms"
            print(f"POST /sdk/v1/usage, {ROWS} counts each, {clients} clients: {rate}")


def copies(folder: Path) -> None:
    """What a replica's copy costs each second, when so many different rows were counted since the last one."""
    if redis_program() is None:
        print("copies of counts: there is no redis-server")
        return
    with running_redis(folder) as server, Redis.from_url(server.url) as client:
        bus = load_bus(server.url, "bench")
        assert bus.shared is not None
        for rows in (10, 600, 5_000):
            storage = load("memory://")
            counter = UsageCounter(storage, utc_now)
            copy = UsageCopy(counter, bus.shared)
            served = [Resolution(f"flag_{row}", "on", value=True, reason=Reason.DEFAULT) for row in range(rows)]
            times = []
            used = float(client.info("cpu")["used_cpu_user"])
            for _ in range(ROUNDS):
                for resolution in served:
                    counter.count("default", "production", resolution, "ofrep")
                began = time.perf_counter()
                copy.step()
                times.append((time.perf_counter() - began) * 1000)
            busy = (float(client.info("cpu")["used_cpu_user"]) - used) / ROUNDS * 1000
            began = time.perf_counter()
            counter.flush()
            told = f"{statistics.median(times):.2f} ms here, {busy:.2f} ms of Redis' processor, each second"
            print(f"copy of {rows} rows: {told}; flush {(time.perf_counter() - began) * 1000:.2f} ms (memory)")
            copy.step()
        bus.close()


def drive(url: str, secret: str, clients: int, seconds: float) -> tuple[int, list[float]]:
    """Clients in threads; how many reports were taken, and how long each took."""
    end = time.perf_counter() + seconds
    times: list[float] = []

    def work(number: int) -> None:
        headers = {"Authorization": f"Bearer {secret}", "Content-Type": "application/json"}
        with httpx2.Client(base_url=url, headers=headers, timeout=30) as client:
            sent = 0
            while (began := time.perf_counter()) < end:
                sent += 1
                answer = client.post("/sdk/v1/usage", content=report(f"{number:04}-{clients:04}-{sent:010}"))
                times.append(time.perf_counter() - began)
                if answer.status_code != httpx2.codes.ACCEPTED:
                    raise AssertionError(answer.text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(times), times


def report(name: str) -> bytes:
    counts = tuple(Count(f"flag_{number}", "on", "", 100 + number) for number in range(ROWS))
    return msgspec.json.encode(UsageReport(name, "flagtrail-python/0.1.0", (Period(0.5, counts),), "shop/1.4.2"))


def year(folder: Path, flags: int) -> None:
    """The usage of one flag among a year of hourly rows of all, by the hour and by the day."""
    with running_server(folder, fresh=True) as server, server.client() as admin:
        for number in range(flags):
            body = {"flag": boolean_flag(f"flag_{number:03}"), "why": "bench"}
            admin.post("/api/v1/projects/default/flags", json=body).raise_for_status()
        began = time.perf_counter()
        storage = load(f"sqlite:///{server.database}")
        fill(storage, flags)
        storage.close()
        size = server.database.stat().st_size / 1e9
        rows = flags * len(VARIANTS) * len(ASKING) * YEAR_HOURS
        print(f"{rows:,} hourly rows, {size:.2f} GB, written at {rows / (time.perf_counter() - began):,.0f} rows/s")
        key = f"flag_{flags // 2:03}"
        api = f"/api/v1/projects/default/flags/{key}/usage"
        now = datetime.now(UTC)
        for told, address in (
            ("7 days by the hour", api),
            ("90 days by the day", f"{api}?since={stamp(now - timedelta(days=90))}"),
            ("1 year by the day", f"{api}?since={stamp(now - timedelta(days=365))}"),
            ("1 year by the hour", f"{api}?by=hour&since={stamp(now - timedelta(days=365))}"),
        ):
            print(f"API, {told}: {measured(admin, address):.1f} ms")
        with httpx2.Client(base_url=server.url, timeout=30) as browser:
            browser.post("/login", data={"token": server.login or ""})
            assert 'id="usage"' in browser.get(f"/flags/{key}").text, "the page shows no usage"
            for reach in ("day", "week", "quarter", "year"):
                page = f"/flags/{key}?environment=production&reach={reach}"
                print(f"flag page with {reach}: {measured(browser, page):.1f} ms")


def measured(client: httpx2.Client, address: str) -> float:
    """Milliseconds in the middle of eleven requests, after a first one."""
    times = []
    for _ in range(12):
        began = time.perf_counter()
        client.get(address).raise_for_status()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times[1:])


def fill(storage: Storage, flags: int) -> None:
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    stamps = [stamp(now - timedelta(hours=hour)) for hour in reversed(range(YEAR_HOURS))]
    for number in range(flags):
        storage.add_usage(_rows(f"flag_{number:03}", stamps))


def _rows(flag: str, stamps: list[str]) -> Iterator[Usage]:
    for at in stamps:
        for variant in VARIANTS:
            for client, application in ASKING:
                yield Usage("default", "production", flag, variant, "", at, 100, at, client, application)


if __name__ == "__main__":
    main()
