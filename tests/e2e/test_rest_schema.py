"""The API's description, held against the API: it is valid, complete, and generated requests find no failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.support.documents import boolean_flag
from tests.support.server import RunningServer, running_server

from flagtrail.server.rest import ROUTES

Json = Any
BULK = "/ofrep/v1/evaluate/flags"
SINGLE = f"{BULK}/{{key}}"
CHECKS = "not_a_server_error,content_type_conformance,response_schema_conformance,status_code_conformance"


@pytest.fixture
def description(server: RunningServer) -> Json:
    with server.client("") as client:
        return client.get("/api/openapi.json").json()


def test_the_description__is_valid_openapi_3_1(description: Json) -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(description).iter_errors()] == []
    assert description["openapi"].startswith("3.1")


def test_the_description__has_every_operation_of_the_api(description: Json) -> None:
    told = sum(len(item) for path, item in description["paths"].items() if path.startswith("/api/v1"))
    assert told == sum(len(handler.http_methods) * len(handler.paths) for handler in ROUTES)


def test_every_operation__tells_its_summary_role_and_problems(description: Json) -> None:
    operations = [
        (f"{method} {path}", operation)
        for path, item in description["paths"].items()
        for method, operation in item.items()
    ]
    assert [name for name, told in operations if not (told["summary"] and told["x-role"] and told["description"])] == []
    assert [name for name, told in operations if "default" not in told["responses"]] == []


def test_a_bodys_document__is_described_by_its_own_schema(description: Json) -> None:
    schemas = description["components"]["schemas"]
    assert schemas["NewFlag"]["properties"]["flag"] == {"$ref": "#/components/schemas/Flag"}
    assert set(schemas["Flag"]["required"]) == {"key", "type", "variants"}


@pytest.mark.parametrize(
    ("path", "address", "content", "status"),
    [
        pytest.param(SINGLE, "/f?{place}", b'{"context": {}}', 200, id="single"),
        pytest.param(SINGLE, "/none?{place}", b'{"context": {}}', 404, id="single, unknown"),
        pytest.param(SINGLE, "/f?{place}", b"{", 400, id="single, no JSON"),
        pytest.param(SINGLE, "/f", b'{"context": {}}', 400, id="single, nowhere"),
        pytest.param(BULK, "?{place}", b'{"context": {}}', 200, id="bulk"),
        pytest.param(BULK, "?{place}", b"{}", 400, id="bulk, no context"),
        pytest.param(BULK, "", b'{"context": {}}', 400, id="bulk, nowhere"),
    ],
)
def test_an_answer_of_ofrep__is_as_described(
    admin: httpx2.Client, project: str, description: Json, path: str, address: str, content: bytes, status: int
) -> None:
    made = admin.post(f"/api/v1/projects/{project}/flags", json={"flag": boolean_flag("f")})
    assert made.status_code == 201, made.text
    place = f"project={project}&environment=production"
    answer = admin.post(f"{BULK}{address.format(place=place)}", content=content)
    response = description["paths"][path]["post"]["responses"][str(status)]
    schema = {**response["content"]["application/json"]["schema"], "components": description["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json())
    assert answer.status_code == status


@pytest.mark.parametrize(("path", "code"), [(SINGLE, "OfrepFailure"), (BULK, "OfrepBulkFailure")])
def test_ofrep__has_its_own_form_of_refusals(description: Json, path: str, code: str) -> None:
    responses = description["paths"][path]["post"]["responses"]
    refusals = [response for status, response in responses.items() if status >= "400"]
    told = {response["content"]["application/json"]["schema"]["$ref"] for response in refusals}
    assert told == {f"#/components/schemas/{code}"}


def test_the_reference_page__has_every_path_and_error(server: RunningServer, description: Json) -> None:
    with server.client("") as client:
        page = client.get("/api/docs").text
    assert [path for path in description["paths"] if path not in page] == []
    codes = description["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]
    assert [code for code in codes if f"id='error-{code}'" not in page] == []


def test_a_problems_type__leads_to_its_place_on_the_reference_page(server: RunningServer) -> None:
    with server.client("") as client:
        address, _, place = client.get("/api/v1/me").json()["type"].partition("#")
        assert f"id='{place}'" in client.get(address).text


@pytest.mark.slow
def test_generated_requests__find_no_failure_and_no_answer_that_is_not_described(tmp_path: Path) -> None:
    program = str(Path(sys.executable).with_name("schemathesis"))
    with running_server(tmp_path) as own:
        command = [
            *(program, "run", f"{own.url}/api/openapi.json", "--no-color", "--seed", "1", "--max-examples", "3"),
            *("-H", f"Authorization: Bearer {own.token}", "--checks", CHECKS),
            *("--phases", "examples,coverage,fuzzing", "--suppress-health-check", "filter_too_much"),
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stdout[-6_000:]
