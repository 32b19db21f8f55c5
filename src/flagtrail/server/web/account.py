"""Signing in and out, one's own account, and the choice of colours."""

from __future__ import annotations

from collections.abc import Callable

from flagtrail.app.limits import network
from flagtrail.model.errors import Defect, FlagtrailError, InvalidDocument, Unauthenticated
from flagtrail.server.identity import SESSION_COOKIE, Credentials, client_address
from flagtrail.server.web.page import (
    THEME,
    THEMES,
    YEAR,
    Flash,
    Html,
    Page,
    Refusal,
    does,
    local,
    require_own_site,
    shows,
)


@shows("/login", needs=None)
def login(page: Page) -> Html:
    """The sign-in form. A login link only asks to go on: previews of links must not use it up."""
    return _login(page)


@does("/login", needs=None)
def sign_in(page: Page) -> Html:
    """Sign in by e-mail and password, or by a login link's token."""
    require_own_site(page.request)
    form, access = page.form, page.app.access
    token = form.get("token")
    if token:
        return _start(page, lambda: access.redeem_login_link(token))
    return _start(page, lambda: access.sign_in(form.get("email"), form.raw("password")))


def _start(page: Page, sign: Callable[[], str]) -> Html:
    """Start the session; after many failures from one address nothing is looked at any more."""
    credentials: Credentials = page.request.app.state.credentials
    address = network(client_address(page.request.scope))
    try:
        credentials.failures.refuse(address)
        secret = sign()
    except Unauthenticated as error:
        credentials.failures.count(address)
        return _login(page, Refusal("login", error, page.form))
    except FlagtrailError as error:
        return _login(page, Refusal("login", error, page.form))
    page.set_cookie(SESSION_COOKIE, secret, max_age=int(page.app.settings.session_hours * 3_600))
    return page.redirect(local(page.form.get("next") or "/"))


def _login(page: Page, refused: Refusal | None = None) -> Html:
    status = 200 if refused is None else refused.status
    token = page.query.get("token") if refused is None else ""
    next_ = page.query.get("next") or page.form.get("next")
    return page.render("login.html", status=status, refused=refused, token=token, next_=local(next_) if next_ else "")


@does("/logout")
def sign_out(page: Page) -> Html:
    """End the session."""
    secret = page.request.cookies.get(SESSION_COOKIE)
    if secret:
        page.app.access.end_session(secret)
    page.set_cookie(SESSION_COOKIE, "", max_age=0)
    return page.redirect("/login", flash=Flash("You are signed out."))


@shows("/account")
def account(page: Page) -> Html:
    """Who one is, what one may do, and one's password."""
    return _account(page)


@does("/account", needs="viewer")
def set_password(page: Page) -> Html:
    """Set one's own password. That ends every session of theirs; this browser is given a new one at once."""
    form = page.form
    member = page.member_key
    try:
        if member is None:
            raise InvalidDocument([Defect("/password", "belongs to members; you are not signed in as one")])
        if form.raw("password") != form.raw("again"):
            raise InvalidDocument([Defect("", "The two passwords differ.")])
        page.app.access.set_password(member, form.raw("password"))
    except FlagtrailError as error:
        return _account(page, Refusal("password", error, form))
    page.set_cookie(
        SESSION_COOKIE, page.app.access.start_session(member), max_age=int(page.app.settings.session_hours * 3_600)
    )
    done = Flash("Your password is set. You stay signed in here, and are signed out everywhere else.")
    return page.redirect(page.link("/account"), flash=done)


def _account(page: Page, refused: Refusal | None = None) -> Html:
    status = 200 if refused is None else refused.status
    return page.render("account.html", status=status, refused=refused, identity=page.who, member=page.member_key)


@does("/theme", needs=None)
def set_theme(page: Page) -> Html:
    """Remember light, dark, or the browser's own preference."""
    require_own_site(page.request)
    chosen = page.form.get("theme")
    page.set_cookie(THEME, chosen if chosen in THEMES else "auto", max_age=YEAR)
    return page.redirect(page.form.get("next") or "/")
