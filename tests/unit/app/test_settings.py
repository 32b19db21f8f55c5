from __future__ import annotations

from pathlib import Path

import pytest

from flagtrail.app.settings import Settings
from flagtrail.model.errors import SettingInvalid


@pytest.mark.parametrize(
    ("database", "shown"),
    [
        pytest.param("sqlite:///flagtrail.db", "sqlite:///flagtrail.db", id="a file"),
        pytest.param("postgresql://app:hunter2@db:5432/x", "postgresql://app:***@db:5432/x", id="a password"),
        pytest.param("postgresql://app@db/x", "postgresql://app@db/x", id="a user alone"),
        pytest.param(
            "postgresql://db/x?password=hunter2&sslmode=require",
            "postgresql://db/x?password=***&sslmode=require",
            id="a parameter",
        ),
        pytest.param("postgresql://app:p%40ss:w@a,b/x", "postgresql://app:***@a,b/x", id="odd characters, two hosts"),
    ],
)
def test_shown_database__of_an_address__holds_no_password(database: str, shown: str) -> None:
    assert Settings(database=database).shown_database == shown


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param(Settings(database="sqlite:///a/b.db"), Path("a/b.key"), id="beside the file"),
        pytest.param(Settings(database="memory:"), None, id="in memory"),
        pytest.param(Settings(database="postgresql://db/x", key_file="/run/k.key"), Path("/run/k.key"), id="named"),
    ],
)
def test_key_path__of_a_database__is_where_its_key_stays(settings: Settings, expected: Path | None) -> None:
    assert settings.key_path == expected


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_key_path__with_postgresql_and_no_name__is_refused(scheme: str) -> None:
    with pytest.raises(SettingInvalid, match="FLAGTRAIL_KEY_FILE has to name") as caught:
        _ = Settings(database=f"{scheme}://app:hunter2@db/x").key_path

    assert "hunter2" not in str(caught.value)
