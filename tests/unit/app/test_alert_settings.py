"""Settings of alerts: what is refused at start, and which channels they make."""

from __future__ import annotations

import pytest

from flagtrail.app.channels import Channel, channels
from flagtrail.app.settings import Settings, read_settings
from flagtrail.model.errors import SettingInvalid

SMTP = "smtp+starttls://ops%40example.com:SECRET@mail.example.com:587"


@pytest.mark.parametrize(
    ("environ", "setting"),
    [
        ({"FLAGTRAIL_SMTP_URL": SMTP}, "FLAGTRAIL_SMTP_URL"),
        ({"FLAGTRAIL_ALERT_EMAIL": "ada@example.com"}, "FLAGTRAIL_SMTP_URL"),
        ({"FLAGTRAIL_SMTP_URL": "http://SECRET", "FLAGTRAIL_ALERT_EMAIL": "a@b.c"}, "FLAGTRAIL_SMTP_URL"),
        ({"FLAGTRAIL_SMTP_URL": "smtps://SECRET:x@h:99999", "FLAGTRAIL_ALERT_EMAIL": "a@b.c"}, "FLAGTRAIL_SMTP_URL"),
        ({"FLAGTRAIL_SMTP_URL": "smtps://", "FLAGTRAIL_ALERT_EMAIL": "a@b.c"}, "FLAGTRAIL_SMTP_URL"),
        ({"FLAGTRAIL_SMTP_URL": SMTP, "FLAGTRAIL_ALERT_EMAIL": "ada"}, "FLAGTRAIL_ALERT_EMAIL"),
        ({"FLAGTRAIL_SMTP_URL": SMTP, "FLAGTRAIL_ALERT_EMAIL": "a@b.c,"}, "FLAGTRAIL_ALERT_EMAIL"),
        ({"FLAGTRAIL_ALERT_PRIVATE_TARGETS": "perhaps"}, "FLAGTRAIL_ALERT_PRIVATE_TARGETS"),
    ],
)
def test_read_settings__that_would_lose_alerts__are_refused_and_hold_no_secret(
    environ: dict[str, str], setting: str
) -> None:
    with pytest.raises(SettingInvalid) as refused:
        read_settings(environ)
    assert (refused.value.facts["setting"], "SECRET" in str(refused.value)) == (setting, False)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (Settings(), []),
        (Settings(teams_webhook="https://t"), [Channel("teams", "teams", "https://t")]),
        (Settings(smtp_url=SMTP, alert_email="a@b.c"), [Channel("email", "email", "a@b.c", SMTP)]),
        (
            Settings(pagerduty_key="k", alert_private_targets=True),
            [Channel("pagerduty", "pagerduty", "https://events.pagerduty.com/v2/enqueue", "k", private=True)],
        ),
        (Settings(pagerduty_url="https://events.eu.pagerduty.com/v2/enqueue"), []),
    ],
    ids=["none", "teams", "email", "pagerduty", "an address without a key"],
)
def test_channels__are_those_that_the_settings_name(settings: Settings, expected: list[Channel]) -> None:
    assert channels(settings) == expected


@pytest.mark.parametrize(
    ("settings", "setting"),
    [
        (Settings(slack_webhook="SECRET"), "FLAGTRAIL_SLACK_WEBHOOK"),
        (Settings(teams_webhook="ftp://SECRET"), "FLAGTRAIL_TEAMS_WEBHOOK"),
        (Settings(apprise_url="nothing://SECRET"), "FLAGTRAIL_APPRISE_URL"),
        (Settings(pagerduty_key="k", pagerduty_url="SECRET"), "FLAGTRAIL_PAGERDUTY_URL"),
    ],
)
def test_channels__that_can_never_work__are_refused_at_start_without_the_secret(
    settings: Settings, setting: str
) -> None:
    with pytest.raises(SettingInvalid) as refused:
        channels(settings)
    assert (refused.value.facts["setting"], "SECRET" in str(refused.value)) == (setting, False)
