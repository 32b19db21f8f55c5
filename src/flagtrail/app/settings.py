"""Settings: every environment variable that Flagtrail reads, in one place."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from flagtrail.model.document import is_key
from flagtrail.model.errors import SettingInvalid

_POSTGRES = {"postgresql", "postgres"}
_PASSWORD = re.compile(r"(//[^/?@:]*:|[?&]password=)[^@&]*")
PUBLIC_METRICS = "public"
"""In place of a token: anybody may read the metrics."""
MIN_METRICS_TOKEN = 16


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How this installation runs. Each field is `FLAGTRAIL_<NAME>` in the environment; docs/reference/settings.md."""

    database: str = "sqlite:///flagtrail.db"
    redis: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=0, le=65_535)] = 8080
    public_url: str = ""
    key_file: str = ""
    new_key: bool = False
    origin: str = ""
    slack_webhook: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""
    teams_webhook: str = ""
    smtp_url: str = ""
    alert_email: str = ""
    pagerduty_key: str = ""
    pagerduty_url: str = "https://events.pagerduty.com/v2/enqueue"
    apprise_url: str = ""
    alert_private_targets: bool = False
    alert_channels: str = ""
    log_level: str = "info"
    usage_flush_seconds: Annotated[float, msgspec.Meta(gt=0, le=3_600)] = 10.0
    max_streams: Annotated[int, msgspec.Meta(ge=0, le=100_000)] = 5_000
    max_streams_per_token: Annotated[int, msgspec.Meta(ge=0, le=100_000)] | None = None
    reports_per_minute: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] = 6_000
    metrics_token: str = ""
    prometheus_url: str = ""
    prometheus_token: str = ""
    prometheus_queries: str = ""
    metric_days: Annotated[int, msgspec.Meta(ge=1, le=400)] = 40
    session_hours: Annotated[float, msgspec.Meta(gt=0, le=8_760)] = 168.0

    @property
    def shown_database(self) -> str:
        """The database's address without a password."""
        return _PASSWORD.sub(r"\1***", self.database)

    @property
    def base_url(self) -> str:
        """Where people reach this installation, without a trailing slash."""
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @property
    def bus(self) -> str:
        """What replicas tell each other by, as a URL: Redis where it is named, else what the database offers."""
        if self.redis:
            return self.redis
        return self.database if self.database.startswith(("postgresql:", "postgres:")) else "local:"

    @property
    def key_path(self) -> Path | None:
        """The signing key's file; beside the database unless named. None for a database in memory.

        Raises SettingInvalid where it has to be named: PostgreSQL holds the ledger, but never the key that signs it,
        and a key in whatever folder a replica happens to start in would soon be lost.
        """
        if self.key_file:
            return Path(self.key_file)
        parts = urlsplit(self.database)
        if parts.scheme in _POSTGRES:
            raise SettingInvalid(
                "with PostgreSQL, FLAGTRAIL_KEY_FILE has to name the file of the key that signs the ledger: one that"
                " stays, the same for all replicas; it is made at the first start",
                setting="FLAGTRAIL_KEY_FILE",
            )
        if parts.scheme != "sqlite":
            return None
        return Path(parts.path.removeprefix("/")).with_suffix(".key")


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings named in `environ`; raises SettingInvalid for one that cannot be used.

    An unknown FLAGTRAIL_ variable is refused: a typo must not pass in silence.
    """
    prefix = "FLAGTRAIL_"
    clients = {"FLAGTRAIL_URL", "FLAGTRAIL_TOKEN", "FLAGTRAIL_APPLICATION", "FLAGTRAIL_CACHE_FILE"}
    given = {
        name.removeprefix(prefix).lower(): value
        for name, value in environ.items()
        if name.startswith(prefix) and name not in clients
    }
    unknown = sorted(given.keys() - set(Settings.__struct_fields__))
    if unknown:
        named = f"{prefix}{unknown[0].upper()}"
        raise SettingInvalid(f"{named} is not a setting", setting=named)
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        name = str(error).rpartition("$.")[2].rstrip("`").upper()
        raise SettingInvalid(f"FLAGTRAIL_{name} cannot be used: {error}", setting=f"FLAGTRAIL_{name}") from error
    for one, other in (("webhook_url", "webhook_secret"), ("smtp_url", "alert_email")):
        if bool(getattr(settings, one)) != bool(getattr(settings, other)):
            names = f"{prefix}{one.upper()}", f"{prefix}{other.upper()}"
            raise SettingInvalid(f"{names[0]} and {names[1]} belong together", setting=names[0])
    _check_mail(settings)
    _check_prometheus(settings)
    if settings.public_url and urlsplit(settings.public_url).scheme not in {"http", "https"}:
        raise SettingInvalid(f"{settings.public_url!r} is no http address", setting="FLAGTRAIL_PUBLIC_URL")
    if settings.metrics_token != PUBLIC_METRICS and 0 < len(settings.metrics_token) < MIN_METRICS_TOKEN:
        raise SettingInvalid(
            f"FLAGTRAIL_METRICS_TOKEN needs {MIN_METRICS_TOKEN} characters or more, or is {PUBLIC_METRICS!r}",
            setting="FLAGTRAIL_METRICS_TOKEN",
        )
    if settings.webhook_secret and not _is_webhook_secret(settings.webhook_secret):
        raise SettingInvalid(
            "FLAGTRAIL_WEBHOOK_SECRET must be whsec_ and 24 to 64 bytes in base64", setting="FLAGTRAIL_WEBHOOK_SECRET"
        )
    return settings


def read_queries(settings: Settings) -> dict[str, str]:
    """The metrics that are pulled from Prometheus, each with its expression: JSON itself, or the file that holds it."""
    told = settings.prometheus_queries.strip()
    if not told:
        return {}
    name = "FLAGTRAIL_PROMETHEUS_QUERIES"
    try:
        content = told.encode() if told.startswith("{") else Path(told).read_bytes()
        queries = msgspec.json.decode(content, type=dict[str, str])
    except OSError as error:
        raise SettingInvalid(f"{name}: {told!r} cannot be read: {error.strerror}", setting=name) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        raise SettingInvalid(
            f"{name} must be a JSON object of names and PromQL expressions: {error}", setting=name
        ) from error
    for key, query in queries.items():
        if not is_key(key) or not query.strip():
            raise SettingInvalid(f"{name}: {key!r} is no metric's name, or has no expression", setting=name)
    return queries


def _check_prometheus(settings: Settings) -> None:
    """Refuse at start what could never be pulled; the texts repeat nothing of the URL, which may hold a password."""
    name = "FLAGTRAIL_PROMETHEUS_URL"
    if bool(settings.prometheus_url) != bool(settings.prometheus_queries.strip()):
        raise SettingInvalid(f"{name} and FLAGTRAIL_PROMETHEUS_QUERIES belong together", setting=name)
    try:
        parts = urlsplit(settings.prometheus_url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and not parts.query
    except ValueError:  # a port that is none, half an IPv6 address
        known = False
    if settings.prometheus_url and not known:
        raise SettingInvalid(f"{name} must be an http or https address, such as http://prometheus:9090", setting=name)
    token = settings.prometheus_token
    if token and not (token.isascii() and token.isprintable()):
        name = "FLAGTRAIL_PROMETHEUS_TOKEN"
        raise SettingInvalid(f"{name} holds characters that no token has", setting=name)
    read_queries(settings)


def _check_mail(settings: Settings) -> None:
    """Refuse at start what would lose alerts later; the texts repeat nothing of the URL, which holds a password."""
    try:
        server = urlsplit(settings.smtp_url)
        known = server.scheme in {"smtp", "smtp+starttls", "smtps"} and bool(server.hostname) and server.port != 0
    except ValueError:  # a port that is none, half an IPv6 address
        known = False
    if settings.smtp_url and not known:
        raise SettingInvalid(
            "FLAGTRAIL_SMTP_URL must be smtp+starttls://user:password@host:587, smtps:// or smtp://",
            setting="FLAGTRAIL_SMTP_URL",
        )
    for address in settings.alert_email.split(","):
        name, at, domain = address.strip().rpartition("@")
        if settings.alert_email and not (name and at and domain):
            raise SettingInvalid(
                "FLAGTRAIL_ALERT_EMAIL must be e-mail addresses with commas between", setting="FLAGTRAIL_ALERT_EMAIL"
            )


def _is_webhook_secret(text: str) -> bool:
    """Whether the text is a secret as Standard Webhooks describes it."""
    try:
        return 24 <= len(b64decode(text.removeprefix("whsec_"), validate=True)) <= 64  # noqa: PLR2004 - bytes
    except ValueError:
        return False
