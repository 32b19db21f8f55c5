"""Segments: named conditions that the targeting of many flags uses."""

from __future__ import annotations

import json
from typing import cast

from litestar.params import FromPath

from flagtrail.app.answers import EntryQuery
from flagtrail.app.wording import condition_words
from flagtrail.model.change import Operation
from flagtrail.model.errors import Defect, FlagtrailError, InvalidDocument, NotFound
from flagtrail.model.flag import Json
from flagtrail.model.segment import Segment
from flagtrail.model.state import State, Versioned
from flagtrail.model.subject import segment_subject
from flagtrail.server.web.editor import When, condition_of, when_from, when_of, with_test
from flagtrail.server.web.forms import Form
from flagtrail.server.web.page import Html, Page, Refusal, does, shows, version_seen


@shows("/segments")
def segment_list(page: Page) -> Html:
    """The segments of the project."""
    project = page.require_project()
    state = page.app.ask.state
    rows = [
        (each, condition_words(each.when), len(users(state, project, key)))
        for key, each in state.segments(project).items()
    ]
    return page.render("segments.html", rows=rows)


def users(state: State, project: str, key: str) -> list[Versioned]:
    """The targetings and segments that name the segment, by address."""
    found = [*state.of_kind("targeting", project), *state.of_kind("segment", project)]
    return sorted((held for held in found if ("segment", key) in held.mentions), key=lambda held: held.subject.path)


@shows("/segments/new", "editor")
def new_segment(page: Page) -> Html:
    """The form that makes a segment."""
    return _edit(page, "", When(), "", "0")


@shows("/segments/{key:str}")
def segment_page(page: Page, key: FromPath[str]) -> Html:
    """A segment: whom it holds, who uses it, its history."""
    project = page.require_project()
    state = page.app.ask.state
    held = state.held(segment_subject(project, key))
    if held is None:
        raise NotFound(f"there is no segment {key!r} in {project}", kind="segment", key=key)
    segment = cast("Segment | None", held.document)
    found = page.app.ask.log(EntryQuery(project=project, segment=key, before=page.query.number("before"), limit=20))
    return page.render(
        "segment.html",
        key=key,
        segment=segment,
        held=held,
        users=users(state, project, key),
        entries=found.entries,
        older=found.next,
    )


@shows("/segments/{key:str}/edit", "editor")
def edit_segment(page: Page, key: FromPath[str]) -> Html:
    """The form with what stands."""
    held = _held(page, key)
    segment = cast("Segment", held.document)
    return _edit(page, key, when_of(segment.when), segment.description, str(held.version))


@does("/segments/new")
def create_segment(page: Page) -> Html:
    """Make a segment."""
    return _save(page, "")


@does("/segments/{key:str}/edit")
def save_segment(page: Page, key: FromPath[str]) -> Html:
    """Save a segment."""
    _held(page, key)
    return _save(page, key)


@does("/segments/{key:str}/delete")
def delete_segment(page: Page, key: FromPath[str]) -> Html:
    """Delete a segment; refused while others use it."""
    held = _held(page, key)
    segment = cast("Segment", held.document)
    operation = Operation(action="delete", subject=held.subject, version=page.form.number("version"))
    return page.change(
        [operation],
        done=f"Deleted the segment {key}.",
        to=page.link("/segments"),
        again=lambda error: _edit(
            page,
            key,
            when_of(segment.when),
            segment.description,
            str(held.version),
            Refusal("delete", error, page.form),
        ),
    )


def _save(page: Page, key: str) -> Html:
    form = page.form
    when = when_from(form, "s")
    named = key or form.get("key")

    def shown(lines: When, refused: Refusal | None = None) -> Html:
        version = version_seen(form, None if refused is None else refused.error)
        return _edit(page, key, lines, form.raw("description"), version, refused)

    if form.get("do") == "add-test":
        return shown(with_test(when))
    if form.get("do") == "as-json":
        return shown(_as_json(when))
    defects: list[Defect] = []
    condition = condition_of(when, "/when", defects)
    if defects:
        return shown(when, Refusal("segment", InvalidDocument(defects), form))
    value: Json = {"key": named, "description": form.get("description"), "when": condition}
    subject = segment_subject(page.require_project(), named)
    operation = Operation(
        action="put" if key else "create", subject=subject, value=value, version=form.number("version") if key else None
    )

    def again(error: FlagtrailError | None) -> Html:
        return shown(when, Refusal("segment", error, form))

    return page.edit([operation], done=f"Saved the segment {named}.", to=page.link(f"/segments/{named}"), again=again)


def _as_json(when: When) -> When:
    """The same condition, to be edited as JSON from here on."""
    held = condition_of(when, "", [])
    compound = {"all": [held if held is not None else {"attribute": "plan", "operator": "in", "values": []}]}
    return When(when.join, (), json.dumps(compound, indent=2, ensure_ascii=False))


def _held(page: Page, key: str) -> Versioned:
    held = page.app.ask.state.held(segment_subject(page.require_project(), key))
    if held is None or held.document is None:
        raise NotFound(f"there is no segment {key!r} in {page.project}", kind="segment", key=key)
    return held


def _edit(page: Page, key: str, when: When, description: str, version: str, refused: Refusal | None = None) -> Html:
    state = page.app.ask.state
    used = users(state, page.project, key) if key else []
    flags = sorted({held.subject.flag for held in used if held.subject.flag})
    live = any(page.is_production(held.subject.environment) for held in used)
    return page.render(
        "segment_edit.html",
        status=200 if refused is None else refused.status,
        key=key,
        form=page.form if page.request.method == "POST" else Form(),
        when=when,
        description=description,
        version=version,
        refused=refused,
        flags=flags,
        live=live,
        segments=[other for other in state.segments(page.project) if other != key],
    )
