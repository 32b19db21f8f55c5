"""The wiring: settings in, a running app out. The only place that knows all the parts."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from flagtrail import bus as bus_door
from flagtrail import metrics as metrics_door
from flagtrail import storage as storage_door
from flagtrail.app import deliveries, predict
from flagtrail.app.access import Access
from flagtrail.app.alerts import alert_followers
from flagtrail.app.anomaly import Anomalies
from flagtrail.app.as_of import Past
from flagtrail.app.ask import Ask
from flagtrail.app.blame import Blames
from flagtrail.app.bus_watch import BusWatch
from flagtrail.app.change import Changes
from flagtrail.app.channels import channels
from flagtrail.app.clock import Clock, utc_now
from flagtrail.app.evaluate import Evaluation
from flagtrail.app.evidence import EvidenceReports
from flagtrail.app.follow import Follower, Followers, Periodic
from flagtrail.app.guards import GuardFollower, Guards
from flagtrail.app.health import Health
from flagtrail.app.identity import SYSTEM_IDENTITY
from flagtrail.app.impact import Impacts
from flagtrail.app.investigate import Investigations
from flagtrail.app.lease import Leases
from flagtrail.app.limits import Limits, LimitTeller
from flagtrail.app.metrics import Metrics
from flagtrail.app.move import MoveRefused, unfinished
from flagtrail.app.nudges import NudgeFollower
from flagtrail.app.preview import Previews
from flagtrail.app.projects import DEFAULT_PROJECT, project_operations
from flagtrail.app.references import References
from flagtrail.app.settings import Settings, read_queries
from flagtrail.app.sign import CheckpointSigner
from flagtrail.app.stages import StageFollower, Stages
from flagtrail.app.sync import Sync
from flagtrail.app.trace_storage import watched
from flagtrail.app.transfer import Transfer
from flagtrail.app.usage import UsageCounter
from flagtrail.app.usage_copy import COPY_SECONDS, DRAIN_SECONDS, UsageCopy, UsageDrain
from flagtrail.app.usage_reports import UsageReports
from flagtrail.app.watched import Watched
from flagtrail.ledger.checkpoint import verifier_key
from flagtrail.ledger.ed25519 import KEY_BYTES
from flagtrail.metrics import Source
from flagtrail.model.access import Member
from flagtrail.model.change import Change, Operation
from flagtrail.model.document import encode
from flagtrail.model.environment import Project
from flagtrail.model.errors import AlreadyExists, FlagtrailError, SettingInvalid
from flagtrail.model.subject import member_subject
from flagtrail.notify import guarded
from flagtrail.storage import Cell, Storage, Transaction

OWNER = "owner"
CATCH_UP = "catch_up"
CATCH_UP_SECONDS = 1.0
"""How late a change of another replica may be seen where the bus is lost."""


class App:
    """One installation: its flows, wired. Close it when done."""

    def __init__(self, settings: Settings, *, clock: Clock = utc_now) -> None:
        self.settings = settings
        self.clock = clock
        self.channels = channels(settings)
        key_path = settings.key_path
        self.storage: Storage = watched(storage_door.load(settings.database))
        _refuse_half_moved(self.storage)
        self.origin = _origin(self.storage, settings)
        self.signer = CheckpointSigner(self.storage, origin=self.origin, key_path=key_path, new_key=settings.new_key)
        self.changes = Changes(self.storage, origin=self.origin, clock=clock)
        self.bus = bus_door.load(settings.bus, self.origin)
        self.limits = Limits(settings.reports_per_minute)
        self.usage = UsageCounter(self.storage, clock)
        shared = self.bus.shared
        self.copy = None if shared is None else UsageCopy(self.usage, shared)
        self.drain = None if shared is None else UsageDrain(self.storage, shared, clock)
        self.reports = UsageReports(self.storage, lambda: self.changes.state, clock)
        self.evaluation = Evaluation(lambda: self.changes.state, self.usage)
        self.sync = Sync(self.evaluation)
        self.access = Access(self.storage, self.changes, clock, session_hours=settings.session_hours)
        self.ask = Ask(self.storage, self.changes, clock, self.signer)
        self.previews = Previews(self.storage, self.changes)
        self.past, self.blames, self.investigations, self.references = (
            Past(self.storage, lambda: self.changes.state, clock),
            Blames(self.storage, lambda: self.changes.state, clock),
            Investigations(self.storage, clock),
            References(self.storage, lambda: self.changes.state, clock),
        )
        self.watched = Watched(
            self.storage,
            _metric_sources(self.storage, settings),
            lambda: self.changes.state,
            clock,
            days=settings.metric_days,
        )
        self.impacts = Impacts(self.storage, self.ask, self.watched, clock)
        self.anomalies = Anomalies(self.blames, self.impacts, clock)
        self.guards, self.stages = (
            Guards(self.storage, self.changes, self.watched, clock),
            Stages(self.storage, self.changes, clock),
        )
        self.evidence = EvidenceReports(self.storage, self.changes, clock, self.signer)
        self.transfer = Transfer(self.storage, self.changes, self.signer)
        self.leases = Leases(self.storage, clock)
        self.followers = Followers(self._following())
        if shared is not None:
            self.limits.on_counted(lambda: self.followers.wake(LimitTeller.name))
        self.changes.on_moved(self.followers.moved)
        self.leases.on_taken(self.followers.wake)
        self.changes.on_made(self.bus.publish)
        self.watch = BusWatch(self.bus, clock)
        self.changes.on_moved(self.watch.moved)
        self.changes.on_made(self.watch.made)
        self.health = Health(self.storage, self.changes, self.followers, clock, self.watch)
        self.metrics = Metrics(self.storage, self.changes, clock, channels=[channel.name for channel in self.channels])

    def start(self) -> None:
        """Begin to follow the ledger, and to hear of what other replicas did."""
        self.followers.start()
        self.leases.start()
        self.bus.listen(self._heard)

    def ready(self) -> bool:
        """Whether a first start has happened: there is an owner."""
        return self.changes.state.held(member_subject(OWNER)) is not None

    def first_start(self, *, project: str = DEFAULT_PROJECT) -> str | None:
        """Make the owner and the first project; returns the secret of a one-time login link, None if done before."""
        if self.ready():
            return None
        owner = Member(OWNER, "Owner", "owner@localhost", role="admin")
        operations = [
            Operation(action="create", subject=member_subject(OWNER), value=encode(owner)),
            *project_operations(Project(project, project.capitalize())),
        ]
        try:
            self.changes.apply(SYSTEM_IDENTITY, Change(operations=tuple(operations), why="first start"))
        except AlreadyExists:  # another process was first
            self.changes.catch_up()
            return None
        return self.access.login_link_secret(OWNER)

    def _sharing(self) -> Iterator[Follower]:
        """What keeps limits together and copies counts, where replicas share anything."""
        if self.bus.shared is not None and self.copy is not None and self.drain is not None:
            lease = self.leases.lease("usage-drain")
            yield LimitTeller(self.limits.all, self.bus.shared)
            yield Periodic("usage-copy", self.copy.step, COPY_SECONDS)
            yield Periodic("usage-drain", self.drain.step, DRAIN_SECONDS, lease=lease)

    def close(self) -> None:
        """Stop following, write down what is only in memory, close the storage."""
        self.followers.stop()
        self.leases.stop()
        tasks: tuple[Callable[[], object], ...] = (
            lambda: self.access.record_failures(all_of_them=True),
            self.usage.flush,
            self.signer.checkpoint,
            *([] if self.copy is None else [self.copy.step]),
        )
        failed: FlagtrailError | None = None
        for task in tasks:
            try:
                task()
            except FlagtrailError as error:
                failed = failed or error
        self.bus.close()
        self.watched.close()
        self.storage.close()
        if failed is not None:
            raise failed

    def _following(self) -> list[Follower]:
        """What happens after changes, and by the clock."""
        lease = self.leases.lease
        return [
            Periodic(CATCH_UP, self.changes.catch_up, CATCH_UP_SECONDS),
            Periodic(
                "checkpoint", self.signer.checkpoint, 1.0, lease=lease("checkpoint"), otherwise=self.signer.follow
            ),
            Periodic("usage", self.usage.flush, self.settings.usage_flush_seconds),
            Periodic("signins", self.access.record_failures, 15.0),
            predict.PreviewFollower(self.storage, self.changes, self.clock, lease(predict.FOLLOWER)),
            Periodic("expiry", self._expire, 600.0, lease=lease("expiry")),
            NudgeFollower(
                self.storage,
                self.changes,
                self.stages,
                [channel.name for channel in self.channels],
                self.clock,
                lease(NudgeFollower.name),
            ),
            StageFollower(self.stages, self.changes, lease(StageFollower.name)),
            GuardFollower(self.guards, lease(GuardFollower.name)),
            *self._sharing(),
            *alert_followers(
                self.channels,
                self.storage,
                lambda: self.changes.state,
                base_url=self.settings.base_url,
                clock=self.clock,
                leases=self.leases,
            ),
        ]

    def _heard(self, size: int) -> None:
        """Another replica told of a ledger of this size."""
        self.watch.heard(size)
        if size > self.changes.state.size:
            self.followers.wake(CATCH_UP)

    def _expire(self) -> None:
        now = self.clock().timestamp()
        self.storage.delete_expired_cells(now)
        self.storage.delete_old_usage(now)
        deliveries.trim(self.storage)
        self.watched.forget()
        self.references.forget()


def _metric_sources(storage: Storage, settings: Settings) -> list[Source]:
    """Where watched metrics come from. The operator's Prometheus may lie within, but not where clouds keep secrets."""
    setup = metrics_door.Setup(
        held=storage,
        url=settings.prometheus_url,
        token=settings.prometheus_token,
        queries=read_queries(settings),
        transport=guarded(permitted=frozenset({"loopback", "private", "shared"})) if settings.prometheus_url else None,
    )
    return metrics_door.load(setup)


def _refuse_half_moved(storage: Storage) -> None:
    """Raise MoveRefused for a database that an interrupted move left half full."""
    if unfinished(storage):
        storage.close()
        raise MoveRefused("a move into this database was interrupted; call 'flagtrail move' again to finish it")


def _origin(storage: Storage, settings: Settings) -> str:
    """The log's name, chosen at first start and then never changed."""
    chosen = settings.origin or f"flagtrail.local/{secrets.token_hex(4)}"
    try:
        verifier_key(chosen, bytes(KEY_BYTES))
    except ValueError as error:
        raise SettingInvalid(f"{chosen!r} cannot name a log: {error}", setting="FLAGTRAIL_ORIGIN") from error

    def work(tx: Transaction) -> str:
        stored = tx.cell("installation", "origin")
        if stored is not None:
            return stored.decode()
        tx.put_cell("installation", Cell("origin", chosen.encode()))
        return chosen

    stored = storage.cell("installation", "origin")
    return storage.write(work) if stored is None else stored.decode()
