"""Settings: every environment variable that Flagtrail reads, in one place."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from flagtrail.model.errors import SettingInvalid


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this installation runs. Each field is `FLAGTRAIL_<NAME>` in the environment; docs/reference/settings.md."""

    database: str = "sqlite:///flagtrail.db"
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    public_url: str = ""
    key_file: str = ""
    origin: str = ""
    slack_webhook: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""
    log_level: str = "info"
    usage_flush_seconds: Annotated[float, msgspec.Meta(gt=0, le=3_600)] = 10.0
    session_hours: Annotated[float, msgspec.Meta(gt=0, le=8_760)] = 168.0

    @property
    def base_url(self) -> str:
        """Where people reach this installation, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def key_path(self) -> Path | None:
        """The signing key's file; beside the database unless named. None for a database without a file."""
        if self.key_file:
            return Path(self.key_file)
        parts = urlsplit(self.database)
        if parts.scheme != "sqlite":
            return None
        return Path(parts.path.removeprefix("/")).with_suffix(".key")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings named in `environ`; raises SettingInvalid for one that cannot be used.

    An unknown FLAGTRAIL_ variable is refused: a typo must not pass in silence.
    """
    prefix = "FLAGTRAIL_"
    client = {"FLAGTRAIL_URL", "FLAGTRAIL_TOKEN"}
    given = {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix) and name not in client
    }
    unknown = sorted(given.keys() - set(Settings.__struct_fields__))
    if unknown:
        named = f"{prefix}{unknown[0].upper()}"
        raise SettingInvalid(f"{named} is not a setting", setting=named)
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingInvalid(f"a FLAGTRAIL_ variable is wrong: {error}") from error
    if bool(settings.webhook_url) != bool(settings.webhook_secret):
        raise SettingInvalid(
            "FLAGTRAIL_WEBHOOK_URL and FLAGTRAIL_WEBHOOK_SECRET belong together", setting="FLAGTRAIL_WEBHOOK_URL"
        )
    return settings
