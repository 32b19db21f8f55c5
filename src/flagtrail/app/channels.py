"""Channels: where alerts go, by name. Targets and secrets come from the operator's settings and are told to nobody."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from flagtrail import notify
from flagtrail.app.settings import Settings
from flagtrail.model.document import is_key
from flagtrail.model.errors import Defect, SettingInvalid

SETTING = "FLAGTRAIL_ALERT_CHANNELS"
MAX_CHANNELS = 100
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"


class Channel(msgspec.Struct, frozen=True):
    """Where alerts go: a notifier, its target and secret."""

    name: str
    notifier: str
    target: str
    secret: str | None = None
    private: bool = False
    """Whether the target may lie within: on loopback, in a private network."""


class _Written(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A channel as the file has it."""

    notifier: str
    target: str = ""
    secret: str = ""
    private: bool | None = None


def channels(settings: Settings) -> list[Channel]:
    """The channels that the settings name: one for each notifier of the environment, and those of the file.

    Raises SettingInvalid, with every defect of the file.
    """
    found = {channel.name: channel for channel in _of_environment(settings)}
    if settings.alert_channels:
        for channel in _of_file(settings):
            if channel.name in found:
                raise _refused([Defect(channel.name, "is set up by other settings, too")])
            found[channel.name] = channel
    return list(found.values())


def channel_named(known: Sequence[Channel], name: str) -> Channel:
    """One channel; raises SettingInvalid where there is none of that name."""
    for channel in known:
        if channel.name == name:
            return channel
    raise SettingInvalid(f"no channel is set up for {name!r}", channel=name)


def _of_environment(settings: Settings) -> Iterator[Channel]:
    given = {
        "slack": ("SLACK_WEBHOOK", settings.slack_webhook, None),
        "webhook": ("WEBHOOK_URL", settings.webhook_url, settings.webhook_secret),
        "teams": ("TEAMS_WEBHOOK", settings.teams_webhook, None),
        "email": ("ALERT_EMAIL", settings.alert_email, settings.smtp_url),
        "pagerduty": ("PAGERDUTY_URL", settings.pagerduty_key and settings.pagerduty_url, settings.pagerduty_key),
        "apprise": ("APPRISE_URL", settings.apprise_url, None),
    }
    for kind, (name, target, secret) in given.items():
        if not target:
            continue
        if defect := notify.load(kind).defect(target, secret):
            raise SettingInvalid(f"FLAGTRAIL_{name}: {defect}", setting=f"FLAGTRAIL_{name}")
        yield Channel(kind, kind, target, secret, settings.alert_private_targets)


def _of_file(settings: Settings) -> list[Channel]:
    path = Path(settings.alert_channels)
    tables: object = None
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise _refused([Defect("", f"the file cannot be read: {type(error).__name__}")]) from None
    except tomllib.TOMLDecodeError as error:
        # Its text tells where, and at most one character of what: a secret is longer.
        raise _refused([Defect("", f"the file is no TOML: {error}")]) from None
    assert isinstance(tables, dict)  # noqa: S101 - what TOML is at its root
    if len(tables) > MAX_CHANNELS:
        raise _refused([Defect("", f"the file names {len(tables)} channels, {MAX_CHANNELS} are the most")])
    found: list[Channel] = []
    defects: list[Defect] = []
    for name, table in tables.items():
        made = _channel(name, table, settings)
        defects.extend([Defect(name, made)] if isinstance(made, str) else [])
        found.extend([made] if isinstance(made, Channel) else [])
    if defects:
        raise _refused(defects)
    return found


def _channel(name: str, table: object, settings: Settings) -> Channel | str:
    """The channel, or what is wrong with it, in words that hold no value of it."""
    if not is_key(name):
        return "a channel's name has 1 to 256 of the characters A-Z a-z 0-9 . _ -"
    if not isinstance(table, dict):
        return "must be a table, such as [oncall]"
    unknown = sorted(table.keys() - set(_Written.__struct_fields__))
    if unknown:
        return f"{unknown[0]!r} is not a known key; known are {', '.join(_Written.__struct_fields__)}"
    try:
        written = msgspec.convert(table, _Written)
    except msgspec.ValidationError as error:  # names the field and the types
        return str(error)
    try:
        sender = notify.load(written.notifier)
    except SettingInvalid as error:
        return error.detail
    target = written.target or (PAGERDUTY if written.notifier == "pagerduty" else "")
    private = settings.alert_private_targets if written.private is None else written.private
    defect = sender.defect(target, written.secret or None)
    return defect or Channel(name, written.notifier, target, written.secret or None, private)


def _refused(defects: list[Defect]) -> SettingInvalid:
    told = "; ".join(f"{each.path}: {each.message}" if each.path else each.message for each in defects)
    listed = [{"path": each.path, "message": each.message} for each in defects]
    return SettingInvalid(f"{SETTING}: {told}", setting=SETTING, defects=listed)
