"""The page on which a targeting is edited: as a form of rules, or the whole as JSON."""

from __future__ import annotations

import msgspec
from litestar.params import FromPath

from flagtrail.model.change import Operation
from flagtrail.model.document import encode
from flagtrail.model.errors import FlagtrailError, NotFound
from flagtrail.model.flag import Flag, Json
from flagtrail.model.subject import targeting_subject
from flagtrail.server.web.editor import NOT_SEGMENT, SEGMENT, SPLIT, Draft, act, document_of, draft_from, draft_of
from flagtrail.server.web.flag import served
from flagtrail.server.web.forms import read_json
from flagtrail.server.web.guards import guarding
from flagtrail.server.web.impact import metric_names
from flagtrail.server.web.page import PREVIEW, Html, Page, Refusal, does, shows, version_seen


@shows("/flags/{key:str}/environments/{environment:str}/edit", "editor")
def edit_targeting(page: Page, key: FromPath[str], environment: FromPath[str]) -> Html:
    """The editor with what stands."""
    flag = _flag(page, key, environment)
    now = served(page.app.ask.state, page.project, flag, page.environments[environment])
    text = msgspec.json.format(msgspec.json.encode(encode(now.targeting)), indent=2).decode()
    return _show(page, flag, environment, draft_of(now.targeting, flag), text, str(now.version))


@does("/flags/{key:str}/environments/{environment:str}/edit")
def save_targeting(page: Page, key: FromPath[str], environment: FromPath[str]) -> Html:
    """Save the targeting; or do what one of the form's own buttons says and show it again."""
    flag = _flag(page, key, environment)
    form = page.form
    as_json = form.get("mode") == "json"
    if as_json:
        now = served(page.app.ask.state, page.project, flag, page.environments[environment])
        draft = draft_of(now.targeting, flag)
    else:
        draft = draft_from(form, flag)
        do = form.get("do", "save")
        if do not in {"save", PREVIEW}:
            return _show(page, flag, environment, act(draft, do, flag), "", form.get("version"))

    def again(error: FlagtrailError | None) -> Html:
        refused = Refusal("json" if as_json else "form", error, form)
        return _show(page, flag, environment, draft, form.raw("json"), version_seen(form, error), refused)

    try:
        document: Json = read_json(form.raw("json"), "the targeting") if as_json else document_of(draft)
        version = form.number("version")
        guard = guarding(page, key, environment)
    except FlagtrailError as error:
        return again(error)
    subject = targeting_subject(page.project, key, environment)
    operation = Operation(action="put", subject=subject, value=document, version=version)
    to = page.link(f"/flags/{key}", environment=environment)
    return page.edit([operation, *guard], done=f"Saved the targeting of {key} in {environment}.", to=to, again=again)


def _flag(page: Page, key: str, environment: str) -> Flag:
    """A living flag, in an environment that exists."""
    flag = page.app.ask.state.flag(page.require_project(), key)
    if flag is None:
        raise NotFound(f"there is no flag {key!r} in {page.project}", kind="flag", key=key)
    if environment not in page.environments:
        raise NotFound(
            f"there is no environment {environment!r} in {page.project}", kind="environment", key=environment
        )
    page.environment = environment
    return flag


def _show(
    page: Page, flag: Flag, environment: str, draft: Draft, text: str, version: str, refused: Refusal | None = None
) -> Html:
    """The editor; where the JSON was not being edited, it is the draft's own if it can be written."""
    state = page.app.ask.state
    if not text:
        text = _as_json(draft)
    return page.render(
        "targeting_edit.html",
        status=200 if refused is None else refused.status,
        flag=flag,
        environment=page.environments[environment],
        draft=draft,
        text=text,
        version=version,
        refused=refused,
        metric_names=metric_names(page),
        as_json=page.query.get("as") == "json" or (refused is not None and refused.form == "json"),
        segments=list(state.segments(page.project)),
        flags=[other for other in state.flags(page.project) if other != flag.key],
        SPLIT=SPLIT,
        SEGMENT=SEGMENT,
        NOT_SEGMENT=NOT_SEGMENT,
    )


def _as_json(draft: Draft) -> str:
    try:
        return msgspec.json.format(msgspec.json.encode(document_of(draft)), indent=2).decode()
    except FlagtrailError:
        return ""
