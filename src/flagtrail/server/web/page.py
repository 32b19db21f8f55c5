"""One request to the web UI: who asks, for which project, with what form; and the answers it can get."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import msgspec
from litestar import Request, Response
from litestar.datastructures import Cookie, State
from litestar.di import NamedDependency
from litestar.handlers import get, post
from litestar.handlers.http_handlers import HTTPRouteHandler

from flagtrail.app.bootstrap import App
from flagtrail.app.change import Receipt
from flagtrail.app.identity import Identity
from flagtrail.app.preview import Previewed, Trial
from flagtrail.model.access import Role, role_needed
from flagtrail.model.change import Change, Operation
from flagtrail.model.entry import Entry
from flagtrail.model.environment import Environment
from flagtrail.model.errors import FlagtrailError, Forbidden, NotFound, Unauthenticated, VersionConflict
from flagtrail.model.subject import Subject
from flagtrail.server.identity import PUBLIC, SIGNED_IN, Signed
from flagtrail.server.problems import HTTP_STATUS
from flagtrail.server.web import templates, words
from flagtrail.server.web.forms import Form, read_form, read_list

WebRequest: TypeAlias = Request[Any, Any, State]
Html: TypeAlias = Response[str]

FLASH = "flagtrail_flash"
THEME = "flagtrail_theme"
ENVIRONMENT = "flagtrail_environment"
YEAR = 31_536_000
THEMES = ("auto", "light", "dark")
PREVIEW = "preview"
"""What the button Preview of a form says (`do`)."""
PREVIEWED_CONTEXTS = 2_000
"""Of the sampled ones, the newest: a page is asked for while somebody types."""


class Flash(msgspec.Struct, frozen=True):
    """One message for the next page: what was done, and the entry that tells of it."""

    text: str
    seq: int | None = None


class Refusal(msgspec.Struct, frozen=True):
    """A form that is shown again: which one, why it was refused (None: it was only previewed), and what was typed."""

    form: str
    error: FlagtrailError | None
    typed: Form

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        return 200 if self.error is None else HTTP_STATUS.get(type(self.error), 422)

    def value(self, form: str, name: str, default: str = "") -> str:
        """What the user typed into that form's field, else the default."""
        return self.typed.raw(name) if form == self.form and name in self.typed else default


class View:
    """One request and what stands behind it. Made once per request, in a worker thread."""

    def __init__(self, request: WebRequest, form: Form, *, app: App, signed: Signed | None) -> None:
        self.request = request
        self.form = form
        self.app = app
        self.identity: Identity | None = None if signed is None else signed.identity
        session = None if signed is None else signed.session
        self.csrf = "" if session is None else session.csrf
        self.member_key = None if session is None else session.member
        self.query = Form(request.query_params.multi_items())
        self.previewing = form.get("do") == PREVIEW
        self.preview: Previewed | None = None
        self.nonce = secrets.token_urlsafe(16)
        self._cookies: list[Cookie] = []
        projects = app.changes.state.projects()
        named = self.query.get("project")
        self.project = named or next((key for key in ("default", *projects) if key in projects), "default")
        self.environments: dict[str, Environment] = app.changes.state.environments(self.project)
        self.environment = self._chosen_environment()

    @property
    def who(self) -> Identity:
        """The signed-in identity; raises Unauthenticated where nobody is."""
        if self.identity is None:
            raise Unauthenticated("this page needs you to sign in")
        return self.identity

    @property
    def path(self) -> str:
        """The path of this request."""
        return self.request.url.path

    @property
    def here(self) -> str:
        """This page's address within the installation, with its query."""
        query = self.request.url.query
        return f"{self.path}?{query}" if query else self.path

    @property
    def request_id(self) -> str:
        """The request's id, as logs and entries name it."""
        return str(self.request.scope["state"].get("request_id", ""))

    @property
    def theme(self) -> str:
        """Light, dark, or (auto) whatever the browser prefers."""
        chosen = self.request.cookies.get(THEME, "auto")
        return chosen if chosen in THEMES else "auto"

    def may(self, role: Role, environment: str | None = None) -> bool:
        """Whether the identity has the role in the present project."""
        return self.identity is not None and self.identity.may(role, self.project, environment)

    @property
    def oversees(self) -> bool:
        """Whether the identity may see what belongs to no project (see `require_overseer`)."""
        return self.who.scope == (None, None) and self.who.role in {"admin", "auditor"}

    def link(self, path: str, /, **query: object) -> str:
        """An address within the installation; it names the project unless that is the default one.

        Arguments that are None or empty are left out; a trailing underscore is no part of a name.
        """
        given = {name.rstrip("_"): value for name, value in query.items() if value not in (None, "")}
        if self.project != "default" and "project" not in given:
            given["project"] = self.project
        encoded = urlencode({name: str(value) for name, value in given.items()})
        return quote(path, safe="/-._~") + (f"?{encoded}" if encoded else "")

    def again(self, **query: object) -> str:
        """This page's address with some of the query replaced; None takes a part away."""
        given: dict[str, object] = dict(self.query.pairs())
        given.pop("project", None)
        given.update(query)
        return self.link(self.path, **given)

    def link_to(self, subject: Subject) -> str:
        """Where a document's page is."""
        path, _, query = words.subject_link(subject).partition("?")
        return self.link(path, **dict(parse_qsl(query)))

    def section(self, parameter: str) -> str:
        """Where choosing another project or environment leads: the same page where it can exist there too."""
        first = "/" + self.path.split("/")[1]
        same = self.request.method == "GET" and (self.path == first or parameter == "environment")
        return self.path if same and not self.path.startswith("/changes/") else first

    def is_production(self, environment: str | None) -> bool:
        """Whether the environment is one that customers see."""
        return environment in self.environments and self.environments[environment].production

    def can_revert(self, entry: Entry) -> bool:
        """Whether a form that takes the entry back is of use: it alters a document that this identity may edit."""
        if entry.subject.kind in {"signin", "token", "member"}:
            return False
        return self.may(role_needed(entry.subject), entry.subject.environment)

    def render(self, template: str, /, *, status: int = 200, **values: object) -> Html:
        """The template as a page."""
        flash = self._take_flash()
        html = templates.render(template, page=self, flash=flash, now=self.app.clock(), **values)
        return Response(
            html, status_code=status, media_type="text/html", headers=self._headers(), cookies=self._cookies
        )

    def redirect(self, to: str, *, flash: Flash | None = None) -> Html:
        """Go there with GET (303), so that reloading repeats nothing; only within this installation."""
        if flash is not None:
            self.set_cookie(FLASH, base64.urlsafe_b64encode(msgspec.json.encode(flash)).decode(), max_age=120)
        headers = {**self._headers(), "Location": local(to)}
        return Response("", status_code=303, media_type="text/html", headers=headers, cookies=self._cookies)

    def set_cookie(self, name: str, value: str, *, max_age: int) -> None:
        """Send a cookie with the answer: HttpOnly, SameSite=Lax, and Secure where the installation has TLS."""
        secure = self.app.settings.base_url.startswith("https:")
        self._cookies.append(
            Cookie(name, path="/", value=value, max_age=max_age, httponly=True, samesite="lax", secure=secure)
        )

    def edit(
        self,
        operations: Sequence[Operation],
        *,
        done: str,
        to: str,
        again: Callable[[FlagtrailError | None], Html],
    ) -> Html:
        """As `change`; or, where the form's button Preview was pressed, show it again with what that would do."""
        if not self.previewing:
            return self.change(operations, done=done, to=to, again=again)
        change = Change(operations=tuple(operations))
        return self.look(lambda trial: self.app.previews.preview(self.who, change, trial), again=again)

    def look(self, ask: Callable[[Trial], Previewed], *, again: Callable[[FlagtrailError | None], Html]) -> Html:
        """Show the form again with a preview, tried where the page is; or with why there is none."""
        try:
            by = tuple(read_list(self.form.get("by")))
            self.preview = ask(Trial(environment=self.environment, by=by, most=PREVIEWED_CONTEXTS))
        except Unauthenticated:
            raise
        except FlagtrailError as error:
            return again(error)
        return again(None)

    def change(
        self,
        operations: Sequence[Operation],
        *,
        done: str,
        to: str,
        again: Callable[[FlagtrailError], Html],
    ) -> Html:
        """Make a change with the form's reason and ticket; then go on, or show the form again with the refusal."""
        change = Change(operations=tuple(operations), why=self.form.get("why"), ticket=self.form.get("ticket"))
        return self.attempt(
            lambda: self.app.changes.apply(self.who, change, request=self.request_id), done=done, to=to, again=again
        )

    def attempt(
        self, work: Callable[[], Receipt], *, done: str, to: str, again: Callable[[FlagtrailError], Html]
    ) -> Html:
        """Do work that may be refused; a change that altered nothing says so."""
        try:
            receipt = work()
        except Unauthenticated:
            raise
        except FlagtrailError as error:
            return again(error)
        if not receipt.changed:
            return self.redirect(to, flash=Flash("Nothing to change: it is so already."))
        return self.redirect(to, flash=Flash(done, receipt.entries[0].seq))

    def require_project(self) -> str:
        """The present project; raises NotFound where there is none."""
        if self.project not in self.app.changes.state.projects():
            raise NotFound(f"there is no project {self.project!r}", kind="project", key=self.project)
        return self.project

    def _chosen_environment(self) -> str:
        """What the address says, else what was chosen last, else `production`, else the first."""
        named, remembered = self.query.get("environment"), self.request.cookies.get(ENVIRONMENT, "")
        if named in self.environments and named != remembered:
            self.set_cookie(ENVIRONMENT, named, max_age=YEAR)
        candidates = (named, remembered, "production", *self.environments)
        return next((key for key in candidates if key in self.environments), "production")

    def _take_flash(self) -> Flash | None:
        raw = self.request.cookies.get(FLASH)
        if not raw:
            return None
        self.set_cookie(FLASH, "", max_age=0)
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(raw), type=Flash)
        except (ValueError, msgspec.DecodeError):
            return None

    def _headers(self) -> dict[str, str]:
        return security_headers(self.nonce)


def security_headers(nonce: str) -> dict[str, str]:
    """What every page is sent with: nothing runs or loads but what the page names, and nobody frames or caches it."""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
        "Vary": "Cookie",
    }


def version_seen(form: Form, error: FlagtrailError | None) -> str:
    """The version that a form shown again was made against: whoever was shown a conflict has seen the present one."""
    if isinstance(error, VersionConflict) and isinstance(error.facts.get("actual"), int):
        return str(error.facts["actual"])
    return form.get("version")


def local(to: str) -> str:
    """The address if it lies within this installation, else the dashboard: nobody is sent elsewhere by a link."""
    parts = urlsplit(to)
    safe = to.startswith("/") and not to.startswith("//") and "\\" not in to and to.isprintable()
    return to if safe and not parts.scheme and not parts.netloc else "/"


def require_own_site(request: WebRequest) -> None:
    """Raise Forbidden where the browser says that another site sent this form: for forms that need no session."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    foreign = origin is not None and origin != "null" and urlsplit(origin).netloc != request.headers.get("host")
    if site not in {"same-origin", "none"} or foreign:
        raise Forbidden("this form was sent by another site")


Page: TypeAlias = NamedDependency[View]
"""What every route handler asks for."""


async def provide_form(request: WebRequest) -> Form:
    """The form of a request; empty where it has none."""
    return read_form(await request.body()) if request.method == "POST" else Form()


def provide_page(request: WebRequest, form: NamedDependency[Form]) -> View:
    """The page of a request, where the identity has the role that the route needs in the page's project."""
    page = View(request, form, app=request.app.state.flagtrail, signed=request.scope["state"].get("signed"))
    needs: Role | None = request.route_handler.opt.get("needs")
    if needs is not None:
        project = None if request.route_handler.opt.get("everywhere") else page.project
        page.who.require(needs, project, request.path_params.get("environment"))
    return page


Answer = Callable[..., Response[Any]]


def shows(
    path: str, needs: Role | None = "viewer", *, everywhere: bool = False
) -> Callable[[Answer], HTTPRouteHandler]:
    """A page at a path; `needs` is the role in the page's project (`everywhere`: in the whole installation)."""
    return get(path, opt=_options(needs, everywhere), sync_to_thread=True, include_in_schema=False)


def does(path: str, needs: Role | None = "editor", *, everywhere: bool = False) -> Callable[[Answer], HTTPRouteHandler]:
    """What a form at a path does; see `shows`."""
    return post(path, opt=_options(needs, everywhere), sync_to_thread=True, include_in_schema=False, status_code=200)


def _options(needs: Role | None, everywhere: bool) -> dict[str, Any]:
    role = SIGNED_IN if needs is not None else PUBLIC
    return {"role": role, "needs": needs, "everywhere": everywhere, "any_query": True}
