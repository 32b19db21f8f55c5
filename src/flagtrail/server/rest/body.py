"""Reading a body: JSON of a declared type, strictly. Texts never become numbers, and an unknown key is refused."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import cache
from typing import Annotated, Any

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from flagtrail.model.document import MAX_INTEGER
from flagtrail.model.errors import MalformedRequest
from flagtrail.server.limits import refuse_deep
from flagtrail.server.problems import UnsupportedMediaType

Version = Annotated[int, msgspec.Meta(ge=0, le=MAX_INTEGER, description="The version that the caller has seen.")]
_JSON_TYPES = frozenset({"application/json", "application/merge-patch+json"})


class Why(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every change's reason and ticket, and the version it was made against (also: `If-Match`)."""

    why: str = ""
    ticket: str = ""
    version: Version | None = None


NO_WHY = Why()
CUT_OFF = "the body ends too early"


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded straight into the handler's declared type."""

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes; where the client goes away half-way that is its doing, and no mistake of ours."""
        try:
            async for part in super().stream():
                yield part
        except InternalServerException as error:
            raise MalformedRequest(CUT_OFF) from error

    async def json(self) -> Any:  # noqa: ANN401 - whatever the handler declares
        """The body. Raises MalformedRequest, UnsupportedMediaType, or Litestar's 413 beyond the handler's limit."""
        if self.content_type[0] not in _JSON_TYPES:
            raise UnsupportedMediaType(f"the body's type is {self.content_type[0] or 'not named'}")
        field = self.route_handler.parsed_data_field
        return decode_body(await self.body(), Any if field is None else field.annotation)


def decode_body(body: bytes, type_: Any) -> Any:  # noqa: ANN401 - any type, and what is of it
    """The body as JSON of the type; raises MalformedRequest."""
    refuse_deep(body)
    try:
        return _decoder(type_).decode(body)
    except msgspec.ValidationError as error:
        raise MalformedRequest(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise MalformedRequest(f"the body is not JSON: {error}") from error


@cache
def _decoder(type_: Any) -> msgspec.json.Decoder[Any]:  # noqa: ANN401 - any type
    return msgspec.json.Decoder(type_)
