"""A command's way to the server: over the network, or to the same application in process. One code path for both."""

from __future__ import annotations

import asyncio
import getpass
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx2
import msgspec

import flagtrail
from flagtrail.app.settings import Settings, read_settings
from flagtrail.cli.in_process import InProcess
from flagtrail.cli.output import print_json
from flagtrail.cli.refusals import Refused
from flagtrail.model.errors import FlagtrailError, NotFound, ServerUnreachable, SettingInvalid

if TYPE_CHECKING:
    from flagtrail.app.bootstrap import App

T = TypeVar("T")
API = "/api/v1"
DATABASE, DEMO_DATABASE = "flagtrail.db", "flagtrail-demo.db"
"""The files of `flagtrail up` and `flagtrail demo`, in the present folder."""

_IN_PROCESS = "http://in-process.invalid"
_PAGE = 500
_SECONDS = 60.0
_LONG_SECONDS = 600.0


class NoDatabase(FlagtrailError):
    """A question was asked in a folder where no database is."""

    code = "no_database"
    title = "There is no database here"
    remedy = "Start with 'flagtrail up' or 'flagtrail demo', name a server with --server, or set FLAGTRAIL_DATABASE."


class Answer:
    """What the server answered: bytes, to be printed as they are or read as a type."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self, type_: type[T]) -> T:
        """The answer as a typed value; raises ServerUnreachable where it is none: then no Flagtrail answers there."""
        try:
            return msgspec.json.decode(self.body, type=type_)
        except msgspec.DecodeError as error:
            raise ServerUnreachable(f"what answers there is no Flagtrail of this version: {error}") from error


class Session:
    """Speaks to one server as one caller, for the length of one command."""

    def __init__(
        self, *, server: str | None, token: str | None, project: str, as_json: bool, environ: Mapping[str, str]
    ) -> None:
        self.as_json = as_json
        self.project = project
        self.server = None if server is None else server.rstrip("/")
        self._token = token
        self._environ = environ
        self._app: App | None = None
        self._client: httpx2.AsyncClient | None = None
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            self._runner.run(self._client.aclose())
        self._runner.close()
        if self._app is not None:
            self._app.close()

    # Addresses

    def of_project(self, *parts: str) -> str:
        """The address of something in the project."""
        return self.of("projects", self.project, *parts)

    def of(self, *parts: str) -> str:
        """The address of something, its parts escaped."""
        for part in parts:
            if part in {"", ".", ".."}:
                raise NotFound(f"{part!r} is no key", key=part)
        return "/".join((API, *(quote(part, safe="") for part in parts)))

    # Requests

    def get(self, address: str, **parameters: object) -> Answer:
        """Ask for something. Parameters that are None are left out; a tuple is given several times."""
        return Answer(self._ask("GET", address, parameters=_given(parameters)))

    def send(self, method: str, address: str, body: Any = None, *, reads: bool = False) -> Answer:  # noqa: ANN401 - JSON
        """Send a body. `reads`: nothing is changed by it, so a database is not made for it."""
        return Answer(self._ask(method, address, body=body, reads=reads))

    def pages(self, address: str, **parameters: object) -> Answer:
        """Everything that a paged address lists, as one page."""
        items: list[msgspec.Raw] = []
        cursor: object = None
        while True:
            page = self.get(address, **parameters, limit=_PAGE, cursor=cursor).read(_Page)
            items.extend(page.items)
            cursor = page.next
            if cursor is None:
                return Answer(msgspec.json.encode({"items": items, "next": None}))

    def stream(self, address: str, into: Callable[[bytes], object], **parameters: object) -> None:
        """Pass on a long answer piece by piece; the first one may take its time."""
        self._runner.run(self._stream(address, into, _given(parameters)))

    def show(self, answer: Answer, type_: type[T], render: Callable[[T], None]) -> None:
        """Print the answer: as JSON where that was asked for, else by `render`."""
        if self.as_json:
            print_json(answer.body)
        else:
            render(answer.read(type_))

    def _ask(
        self,
        method: str,
        address: str,
        *,
        parameters: dict[str, str | list[str]] | None = None,
        body: Any = None,  # noqa: ANN401 - JSON
        reads: bool = False,
    ) -> bytes:
        client = self._connected(makes=method != "GET" and not reads)
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if content is None else {"Content-Type": "application/json"}
        request = client.build_request(method, address, params=parameters, content=content, headers=headers)
        response = self._run(client.send(request))
        if response.status_code >= 300:  # noqa: PLR2004 - redirects are not followed: a token is for one server only
            raise self._refusal(response.status_code, response.content)
        return response.content

    async def _stream(self, address: str, into: Callable[[bytes], object], given: dict[str, str | list[str]]) -> None:
        client = self._connected(makes=False)
        try:
            async with client.stream("GET", address, params=given, timeout=_LONG_SECONDS) as response:
                if response.status_code >= 300:  # noqa: PLR2004 - as above
                    raise self._refusal(response.status_code, await response.aread())
                async for chunk in response.aiter_bytes():
                    into(chunk)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error

    def _run(self, sending: Any) -> httpx2.Response:  # noqa: ANN401 - a coroutine
        try:
            response: httpx2.Response = self._runner.run(sending)
        except httpx2.HTTPError as error:
            raise self._unreachable(error) from error
        return response

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        said = str(error) or type(error).__name__
        return ServerUnreachable(f"{self.server or 'the application'} does not answer: {said}", url=self.server)

    def _refusal(self, status: int, content: bytes) -> Exception:
        try:
            members = msgspec.json.decode(content)
        except msgspec.DecodeError:
            members = None
        if not isinstance(members, dict) or "code" not in members:
            return ServerUnreachable(f"{self.server} answers {status}, but not as Flagtrail does", url=self.server)
        members.pop("request", None) if self._app is not None else None
        if self._app is not None and members["code"] == "internal_error":
            members["remedy"] = "Report it, with what FLAGTRAIL_LOG_LEVEL=error shows when you repeat it."
        return Refused(members)

    # Connections

    def _connected(self, *, makes: bool) -> httpx2.AsyncClient:
        if self._client is None:
            system = f"flagtrail-cli/{flagtrail.__version__} ({platform.system()})"
            headers = {"User-Agent": system, "Accept": "application/json, text/plain, */*"}
            if self.server is not None:
                transport, base = None, _checked(self.server)
                secret = self._token
            else:
                self._app = self._opened(makes=makes)
                transport, base = _in_process(self._app), _IN_PROCESS
                secret = self._app.access.local_credential(_user())
            if secret:
                headers["Authorization"] = f"Bearer {_printable(secret)}"
            self._client = httpx2.AsyncClient(
                base_url=base, headers=headers, transport=transport, timeout=_SECONDS, follow_redirects=False
            )
        return self._client

    def _opened(self, *, makes: bool) -> App:
        """The application on the local database; `makes`: a database that is not there is made."""
        from flagtrail.app.bootstrap import App
        from flagtrail.server.asgi import configure_logging

        settings = local_settings(self._environ)
        configure_logging(settings.log_level if "FLAGTRAIL_LOG_LEVEL" in self._environ else "critical")
        path = _file(settings)
        if path is not None and not makes and not (path.exists() and path.stat().st_size):
            raise NoDatabase(f"{path} {'is empty' if path.exists() else 'does not exist'}", path=str(path))
        app = App(settings)
        try:
            app.first_start()
        except BaseException:
            app.storage.close()
            raise
        return app


class _Page(msgspec.Struct, frozen=True):
    items: list[msgspec.Raw]
    next: int | str | None


def local_settings(environ: Mapping[str, str]) -> Settings:
    """The settings, on the database that was named, else the one in this folder: our own before the demo's."""
    settings = read_settings(environ)
    if "FLAGTRAIL_DATABASE" in environ or Path(DATABASE).exists() or not Path(DEMO_DATABASE).exists():
        return settings
    return msgspec.structs.replace(settings, database=f"sqlite:///{DEMO_DATABASE}")


def _given(parameters: Mapping[str, object]) -> dict[str, str | list[str]]:
    return {
        name: list(map(str, value)) if isinstance(value, tuple) else str(value)
        for name, value in parameters.items()
        if value not in {None, "", ()}
    }


def _file(settings: Settings) -> Path | None:
    parts = urlsplit(settings.database)
    return Path(parts.path.removeprefix("/")) if parts.scheme == "sqlite" else None


def _in_process(app: App) -> httpx2.AsyncBaseTransport:
    from flagtrail.server.asgi import create

    return InProcess(create(app, pages=False))


def _checked(server: str) -> str:
    """The server's address; raises SettingInvalid for what is none."""
    parts = urlsplit(server)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SettingInvalid(f"{server!r} is not an address such as https://flags.example.com", setting="FLAGTRAIL_URL")
    return server


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "unknown"


def _printable(secret: str) -> str:
    if not secret.isascii() or not secret.isprintable():
        raise SettingInvalid("the token holds characters that no token has", setting="FLAGTRAIL_TOKEN")
    return secret.strip()
