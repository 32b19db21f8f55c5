"""The database's disk full among sixteen writers: changes are refused, flags are served, and all goes on by itself."""

from __future__ import annotations

import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from tests.support.disk import small_disk
from tests.support.postgres import PostgresServer, binaries
from tests.support.server import DATABASE
from tests.support.world import World, until, world
from tests.support.writing import Writer

pytestmark = pytest.mark.slow


def assert_refused(company: World) -> None:
    """Changes are refused by both replicas, and both say so."""
    for place, writer in enumerate(company.writers[:2]):
        before = len(writer.refused)
        assert until(partial(_refused_more_than, writer, before + 1))
        assert until(partial(_says_so, company, place))
        assert company.metric(place, "flagtrail_changes_failed_total") > 0
        assert company.metric(place, "flagtrail_database_up") == 0.0
    assert company.serves()


def _refused_more_than(writer: Writer, count: int) -> bool:
    return len(writer.refused) > count


def _says_so(company: World, place: int) -> bool:
    return company.readiness(place)[0] == 503


def test_disk__of_a_sqlite_file_full_among_writers__refuses_until_there_is_room(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path, 16) as disk,
        world(tmp_path, f"sqlite:///{disk.folder}/{DATABASE}?timeout=5") as company,
    ):
        with company.working():
            disk.fill()
            assert_refused(company)
            disk.free()

        assert company.defects() == []


@pytest.fixture
def grown() -> Iterator[Path]:
    """A folder that PostgreSQL's own user may enter: pytest's own lie within some that it may not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        yield Path(name)


def test_disk__of_postgresql_full_among_writers__refuses_until_there_is_room(grown: Path) -> None:
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed (make postgres)")
    with small_disk(grown, 128) as disk:
        postgres = PostgresServer(disk.folder / "postgres", found)
        postgres.make()
        postgres.start()
        try:
            with world(grown, postgres.new_database()) as company:
                with company.working():
                    disk.fill()
                    assert_refused(company)
                    disk.free()

                assert company.defects() == []
        finally:
            postgres.stop()


@contextmanager
def small_files(company: World) -> Iterator[None]:
    """No process of a replica may write any file beyond its first byte: what somebody who is not root can do."""
    limits = {}
    for server in company.servers:
        limits[server.process.pid] = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (1, limits[server.process.pid][1]))
    yield
    for pid, limit in limits.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, limit)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="another process's limits can be set on Linux alone")
def test_files__of_replicas_that_may_grow_no_more__refuse_until_they_may(tmp_path: Path) -> None:
    with world(tmp_path, f"sqlite:///{tmp_path}/{DATABASE}?timeout=5") as company:
        with company.working(), small_files(company):
            assert_refused(company)

        assert company.defects() == []
