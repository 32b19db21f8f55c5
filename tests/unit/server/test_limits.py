"""How deep JSON may nest."""

from __future__ import annotations

import pytest

from flagtrail.model.errors import MalformedRequest
from flagtrail.server.limits import MAX_DEPTH, refuse_deep

DEEPEST = b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(DEEPEST, id="as deep as may be"),
        pytest.param(b"[" + b"{}," * 10 * MAX_DEPTH + b"{}]", id="wide"),
        pytest.param(b'["' + b"[" * 2 * MAX_DEPTH + b'"]', id="brackets in a text"),
        pytest.param(b'["\\"' + b"[" * 2 * MAX_DEPTH + b'"]', id="brackets behind an escaped quote"),
    ],
)
def test_refuse_deep__no_deeper_than_the_limit__lets_it_pass(body: bytes) -> None:
    refuse_deep(body)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" + DEEPEST + b"]", id="lists"),
        pytest.param(b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), id="objects"),
        pytest.param(b"[" * (MAX_DEPTH + 1), id="never closed"),
        pytest.param(b'["\\\\",' + DEEPEST + b"]", id="behind a text that ends in a backslash"),
    ],
)
def test_refuse_deep__deeper_than_the_limit__refuses_it(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        refuse_deep(body)
