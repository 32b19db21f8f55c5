"""Channels of the file: what they become, and what is refused at the start, without a word of a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from flagtrail.app.channels import Channel, channel_named, channels
from flagtrail.app.settings import Settings
from flagtrail.model.errors import SettingInvalid

SIGNING = "whsec_U0VDUkVUU0VDUkVUU0VDUkVUU0VDUkVU"
SMTP = "smtps://ops:SECRET@mail.example.com"


def settings(tmp_path: Path, text: str, **parts: object) -> Settings:
    (tmp_path / "channels.toml").write_text(text)
    return Settings(alert_channels=str(tmp_path / "channels.toml"), **parts)  # type: ignore[arg-type] # few of them


EVENTS = "https://events.pagerduty.com/v2/enqueue"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        pytest.param('"slack"\ntarget = "https://s"', Channel("a", "slack", "https://s"), id="slack"),
        pytest.param(
            '"teams"\ntarget = "https://t"\nprivate = true',
            Channel("a", "teams", "https://t", None, True),
            id="private",
        ),
        pytest.param('"pagerduty"\nsecret = "k"', Channel("a", "pagerduty", EVENTS, "k"), id="pagerduty"),
        pytest.param(
            f'"email"\ntarget = "a@b.example"\nsecret = "{SMTP}"',
            Channel("a", "email", "a@b.example", SMTP),
            id="email",
        ),
        pytest.param(
            f'"webhook"\ntarget = "https://w"\nsecret = "{SIGNING}"',
            Channel("a", "webhook", "https://w", SIGNING),
            id="signed",
        ),
        pytest.param('"webhook"\ntarget = "https://w"', Channel("a", "webhook", "https://w"), id="unsigned"),
    ],
)
def test_channels__of_the_file__are_what_it_says(tmp_path: Path, written: str, expected: Channel) -> None:
    assert channels(settings(tmp_path, f"[a]\nnotifier = {written}")) == [expected]


def test_channels__of_file_and_environment__stand_side_by_side(tmp_path: Path) -> None:
    text = '[lobby]\nnotifier = "slack"\ntarget = "https://s"'
    found = channels(settings(tmp_path, text, slack_webhook="https://e", alert_private_targets=True))

    assert [(each.name, each.private) for each in found] == [("slack", True), ("lobby", True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[lobby", "the file is no TOML"),
        ("lobby = 1", "lobby: must be a table"),
        ('["two words"]\nnotifier = "slack"', "a channel's name has"),
        ('[a]\nnotifier = "slack"\nurl = "SECRET"', "a: 'url' is not a known key; known are notifier, target"),
        ("[a]\nnotifier = 5", "a: Expected `str`, got `int` - at `$.notifier`"),
        ('[a]\ntarget = "SECRET"', "missing required field `notifier`"),
        ('[a]\nnotifier = "fax"', "no notifier is called 'fax'"),
        ('[a]\nnotifier = "slack"\ntarget = "SECRET"', "a: the target is not an http or https address"),
        ('[a]\nnotifier = "teams"', "a: the target is not an http or https address"),
        ('[a]\nnotifier = "pagerduty"', "a: there is no integration key"),
        ('[a]\nnotifier = "email"\ntarget = "a@b.example"\nsecret = "SECRET"', "the server is not smtp+starttls"),
        (f'[a]\nnotifier = "email"\ntarget = "SECRET"\nsecret = "{SMTP}"', "the recipients are not e-mail addresses"),
        ('[a]\nnotifier = "webhook"\ntarget = "https://w"\nsecret = "SECRET!"', "the signing secret is not base64"),
        ('[slack]\nnotifier = "slack"\ntarget = "https://SECRET"', "slack: is set up by other settings, too"),
        ("".join(f"[c{each}]\n" for each in range(101)), "101 channels, 100 are the most"),
    ],
)
def test_channels__of_a_file_with_a_defect__are_refused_and_nothing_secret_is_told(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(SettingInvalid) as refused:
        channels(settings(tmp_path, text, slack_webhook="https://e"))

    told = f"{refused.value} {refused.value.facts} {refused.value.__cause__}"
    assert (said in told, "SECRET" in told) == (True, False), told


def test_channels__of_a_file_with_several_defects__are_refused_with_all(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid) as refused:
        channels(settings(tmp_path, '[a]\nnotifier = "fax"\n[b]\nnotifier = "slack"'))

    assert len(refused.value.facts["defects"]) == 2  # type: ignore[arg-type] # a list


def test_channels__of_a_file_that_is_not_there__are_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match="FLAGTRAIL_ALERT_CHANNELS: the file cannot be read"):
        channels(Settings(alert_channels=str(tmp_path / "nothing.toml")))


def test_channel_named__of_no_channel__is_refused() -> None:
    with pytest.raises(SettingInvalid, match="no channel is set up for 'oncall'"):
        channel_named([], "oncall")
