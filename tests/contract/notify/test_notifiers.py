"""What every notifier owes: one attempt, a typed outcome, and not a word of where the message went."""

from __future__ import annotations

import email
import email.policy
import logging
import traceback
from collections.abc import Iterator
from email.message import EmailMessage

import httpx2
import msgspec
import pytest
from tests.support.mailbox import Mailbox, mailbox
from tests.support.receiver import Conduct, Receiver, receiving

from flagtrail import notify
from flagtrail.model.actor import Actor
from flagtrail.model.entry import Entry, Group, Source
from flagtrail.model.subject import targeting_subject
from flagtrail.notify import Delivered, DeliveryFailed, Digest, Message
from flagtrail.notify import _http as http
from flagtrail.notify import apprise as through_apprise
from flagtrail.notify import email as mail

SECRET = "whsec_c2VjcmV0LW9mLXRoZS1yZWNlaXZlcg=="
SIGNING = "whsec_" + "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"
TAKEN = {"email": 250, "apprise": 0}
LATER = {"email": 451}
NEVER = {"email": 554}
SECRETS = ("T0-SECRET-PATH", "127.0.0.1", "SECRET-ANSWER", SECRET[6:], "ada@example.org")
"""Words of targets and secrets, none of which may be told."""


class Stage(msgspec.Struct):
    """A notifier with a receiver of its kind."""

    kind: str
    receiver: Receiver | Mailbox

    def send(self, message: Message | Digest) -> Delivered:
        """One attempt, in the notifier's usual way."""
        if isinstance(self.receiver, Mailbox):
            target, secret = "ada@example.org", self.receiver.url
        elif self.kind == "apprise":
            target, secret = self.receiver.url.replace("http://", "json://"), None
        else:
            target, secret = self.receiver.url, SECRET
        with httpx2.Client(trust_env=False) as client:
            return notify.load(self.kind).send(client, target, message, secret=secret)

    def fail(self) -> DeliveryFailed:
        """One attempt that is bound to fail."""
        with pytest.raises(DeliveryFailed) as failure:
            self.send(_message())
        return failure.value

    def texts(self) -> list[str]:
        """What arrived, readable."""
        return [_readable(each.body) if self.kind == "email" else each.body.decode() for each in self.receiver.received]


def _readable(body: bytes) -> str:
    letter = email.message_from_bytes(body, policy=email.policy.SMTP)
    assert isinstance(letter, EmailMessage)
    parts = [str(part.get_content()) for part in letter.iter_parts() if isinstance(part, EmailMessage)]
    return "\n".join([str(letter["Subject"]), *parts])


def _message() -> Message:
    entry = Entry(
        seq=41,
        id="0199-entry",
        time="2026-11-22T07:00:00.123456Z",
        actor=Actor(kind="person", id="act_1", name="Ada", email="ada@example.com"),
        subject=targeting_subject("default", "new_pricing", "production"),
        version=7,
        actions=("enabled", "rollout_changed"),
        paths=("/enabled",),
        why="BILL-42 go live",
        ticket="BILL-42",
        group=Group("g"),
        source=Source("web"),
    )
    return notify.message(
        entry, words=["rollout 25 % to 50 %"], flags=["new_pricing"], link="http://flags.example.com/changes/41"
    )


@pytest.fixture(params=sorted(notify.kinds()))
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    kind = str(request.param)
    with mailbox() if kind == "email" else receiving() as receiver:
        yield Stage(kind, receiver)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "TIMEOUT", httpx2.Timeout(0.2))
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 0.2)
    for module in (http, mail, through_apprise):
        monkeypatch.setattr(module, "DEADLINE_SECONDS", 0.5)


def test_send__receiver_takes_it__is_delivered_once(stage: Stage) -> None:
    assert stage.send(_message()).status == TAKEN.get(stage.kind, 204)
    assert len(stage.receiver.received) == 1


def test_send__receiver_is_in_trouble__fails_for_now_after_one_attempt(stage: Stage) -> None:
    stage.receiver.status = LATER.get(stage.kind, 503)
    assert (stage.fail().permanent, len(stage.receiver.received)) == (False, 1)


def test_send__receiver_refuses__fails_for_good_after_one_attempt(stage: Stage) -> None:
    stage.receiver.status = NEVER.get(stage.kind, 404)
    assert (stage.fail().permanent, len(stage.receiver.received)) == (True, 1)


def test_send__after_a_failure__succeeds_with_the_same_body(stage: Stage) -> None:
    stage.receiver.conduct, stage.receiver.status = "fail", LATER.get(stage.kind, 503)
    stage.fail()
    stage.send(_message())
    assert stage.receiver.received[0].body == stage.receiver.received[1].body


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("conduct", ["hang", "drop", "drip"])
def test_send__receiver_misbehaves__fails_for_now(stage: Stage, conduct: Conduct) -> None:
    stage.receiver.conduct = conduct
    assert stage.fail().permanent is False


@pytest.mark.parametrize("kind", sorted(notify.kinds()))
def test_send__nobody_listens__fails_for_now(kind: str) -> None:
    with mailbox() if kind == "email" else receiving() as gone:
        stage = Stage(kind, gone)
    assert stage.fail().permanent is False


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("status", ["later", "never"])
@pytest.mark.parametrize("conduct", ["take", "hang", "drop", "drip"])
def test_send__failure__holds_neither_target_nor_secret(stage: Stage, conduct: Conduct, status: str) -> None:
    stage.receiver.conduct = conduct
    stage.receiver.status = LATER.get(stage.kind, 503) if status == "later" else NEVER.get(stage.kind, 404)
    told = _told(stage.fail())
    assert [word for word in SECRETS if word in told] == []


def _told(failure: BaseException) -> str:
    """All that a log could print of a failure, hidden causes included."""
    parts = []
    link: BaseException | None = failure
    while link is not None:
        parts += [str(link), repr(link), *map(str, link.args)]
        link = link.__cause__ or link.__context__
    return "\n".join([*parts, *traceback.format_exception(failure)]).replace(__file__, "")


@pytest.mark.parametrize("takes", [True, False])
def test_send__logs__hold_neither_target_nor_secret(
    stage: Stage, caplog: pytest.LogCaptureFixture, takes: bool
) -> None:
    with caplog.at_level(logging.DEBUG):
        if takes:
            stage.send(_message())
        else:
            stage.receiver.status = LATER.get(stage.kind, 503)
            stage.fail()
    assert [word for word in SECRETS if word in caplog.text] == []


@pytest.mark.parametrize(
    "needed",
    ["Ada", "new_pricing", "production", "rollout 25 % to 50 %", "BILL-42 go live", "/changes/41"],
)
def test_send__message__names_what_people_need(stage: Stage, needed: str) -> None:
    stage.send(_message())
    assert needed in stage.texts()[0]


def _digest(count: int = 3) -> Digest:
    changes = [
        msgspec.structs.replace(_message(), id=f"0199-{seq}", seq=seq, link=f"http://flags.example.com/changes/{seq}")
        for seq in range(41, 41 + count)
    ]
    return notify.digest(changes, project="default", subscription="billing", link="http://flags.example.com")


def test_send__digest__is_delivered_once_with_the_same_body_at_each_attempt(stage: Stage) -> None:
    stage.receiver.conduct, stage.receiver.status = "fail", LATER.get(stage.kind, 503)
    with pytest.raises(DeliveryFailed):
        stage.send(_digest())
    stage.send(_digest())
    assert stage.receiver.received[0].body == stage.receiver.received[1].body


@pytest.mark.parametrize("needed", ["3 changes", "billing", "Ada", "new_pricing", "BILL-42", "25 % to 50 %", "43"])
def test_send__digest__names_what_people_need_of_every_change(stage: Stage, needed: str) -> None:
    stage.send(_digest())
    assert needed in stage.texts()[0]


def test_send__digest_of_as_many_changes_as_there_can_be__is_delivered(stage: Stage) -> None:
    long = "\N{GRINNING FACE}" * 2_000
    change = msgspec.structs.replace(_message(), headline=long, why=long, words=(long,) * 100, flags=(long,) * 100)
    stage.send(notify.digest([change] * 200, project="default", subscription="billing", link="http://f.example"))
    assert len(stage.receiver.received) == 1


@pytest.mark.parametrize(("target", "secret"), [("nowhere", SECRET), ("ada@example", "SECRET"), ("", None)])
def test_defect__of_what_can_never_be_sent__says_so_and_tells_nothing_of_it(
    stage: Stage, target: str, secret: str | None
) -> None:
    told = notify.load(stage.kind).defect(target, secret)
    assert (bool(told), "nowhere" in told, "SECRET" in told, "\n" in told) == (True, False, False, False)


def test_defect__of_what_is_sent_usually__is_none(stage: Stage) -> None:
    usual: dict[str, tuple[str, str | None]] = {
        "email": ("ada@example.org", "smtp://h"),
        "apprise": ("json://r.example", None),
    }
    target, secret = usual.get(stage.kind, ("https://r.example", SIGNING))
    assert notify.load(stage.kind).defect(target, secret) == ""


def test_send__message_for_people__tells_how_to_take_the_change_back(stage: Stage) -> None:
    if stage.kind == "webhook":
        pytest.skip("for programs, which have the API")
    stage.send(_message())
    assert "flagtrail revert 41" in stage.texts()[0]
    assert "http://flags.example.com/changes/41#take-back" in stage.texts()[0]
