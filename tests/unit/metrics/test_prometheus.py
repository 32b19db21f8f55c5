"""Prometheus as it may answer, and as it may not: each failure is told, bounded, and silent about the address."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import msgspec
import pytest
from tests.support.prometheus import prometheus_program, running_prometheus

from flagtrail.app.settings import read_queries, read_settings
from flagtrail.metrics import Setup, load
from flagtrail.metrics.prometheus import MAX_BYTES, REST_SECONDS, Prometheus
from flagtrail.model.errors import MetricUnreadable, SettingInvalid
from flagtrail.model.metric import Point, PointsQuery
from flagtrail.notify import guarded
from flagtrail.storage import load as load_storage

URL = "http://ada:secret@prometheus.internal:9090/base"
QUERY = PointsQuery(
    project="default", metric="errors", environment="production", since=600_000, until=780_000, step=60_000
)


class Server(httpx2.BaseTransport):
    """Answers what the test wants, and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[httpx2.Request] = []

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def form(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(self.asked[-1].content.decode()).items()}


def matrix(*series: list[tuple[float, str]]) -> httpx2.Response:
    result = [{"metric": {}, "values": values} for values in series]
    return httpx2.Response(200, json={"status": "success", "data": {"resultType": "matrix", "result": result}})


def source(server: Server, query: str = 'sum(rate(errors{env="$environment"}[$step]))') -> Prometheus:
    return Prometheus(URL, {"errors": query}, token="s3cret", transport=server)


def test_points__asks_at_the_end_of_each_bucket_with_the_environment_filled_in() -> None:
    server = Server(matrix([(660.0, "1"), (720.0, "2.5"), (780.0, "3")]))
    found = source(server).points(QUERY)

    assert found == [Point(600_000, 1.0), Point(660_000, 2.5), Point(720_000, 3.0)]
    assert server.form() == {
        "query": 'sum(rate(errors{env="production"}[60s]))',
        "start": "660.000",
        "end": "780.000",
        "step": "60.000",
    }
    assert server.asked[0].url.path == "/base/api/v1/query_range"


@pytest.mark.parametrize(
    ("url", "credential"),
    [
        pytest.param("http://prometheus", "Bearer s3cret", id="a token"),
        pytest.param("http://ada:pw@prometheus", "Basic YWRhOnB3", id="a password in the address"),
    ],
)
def test_points__with_a_credential__show_it(url: str, credential: str) -> None:
    server = Server(matrix())
    Prometheus(url, {"errors": "up"}, token="s3cret", transport=server).points(QUERY)

    assert server.asked[0].headers["authorization"] == credential


def test_points__of_several_series__are_their_mean() -> None:
    assert source(Server(matrix([(660.0, "1")], [(660.0, "2")]))).points(QUERY) == [Point(600_000, 1.5, 2)]


def test_points__that_are_no_numbers__are_left_out() -> None:
    answer = matrix([(660.0, "NaN"), (720.0, "+Inf"), (780.0, "3")])
    assert source(Server(answer)).points(QUERY) == [Point(720_000, 3.0)]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        pytest.param(
            httpx2.Response(400, json={"status": "error", "errorType": "bad_data", "error": "parse error: x"}),
            "refuses the query: parse error: x",
            id="a wrong query",
        ),
        pytest.param(httpx2.Response(422, json={"status": "error"}), "it does not say why", id="without a reason"),
        pytest.param(
            httpx2.Response(200, json={"status": "success", "data": {"resultType": "scalar", "result": [1, "2"]}}),
            "answers a scalar, not a series",
            id="a scalar",
        ),
        pytest.param(httpx2.Response(200, text="<html>"), "the answer cannot be read", id="no JSON"),
        pytest.param(matrix([(660.0, "many")]), "the answer cannot be read", id="no number"),
        pytest.param(matrix(*([(660.0, "1")] for _ in range(101))), "101 series; aggregate it", id="too many series"),
        pytest.param(httpx2.Response(200, content=b" " * (MAX_BYTES + 1)), "more than 8 MiB", id="too much"),
        pytest.param(httpx2.Response(401), "answers 401", id="not let in"),
        pytest.param(httpx2.Response(302, headers={"location": "http://127.0.0.1/"}), "answers 302", id="redirected"),
        pytest.param(httpx2.Response(503), "answers 503", id="broken"),
        pytest.param(httpx2.ReadTimeout(URL), "does not answer within 5 s", id="silent"),
        pytest.param(httpx2.ConnectError(URL), "cannot be reached (ConnectError)", id="not there"),
    ],
)
def test_points__of_an_answer_that_is_none__say_why_and_not_where(answer: httpx2.Response, told: str) -> None:
    with pytest.raises(MetricUnreadable) as refused:
        source(Server(answer)).points(QUERY)

    assert told in refused.value.detail
    assert "secret" not in refused.value.detail


def test_points__after_no_answer__are_not_asked_for_again_at_once() -> None:
    now = [100.0]
    server = Server(httpx2.ConnectError("no"), matrix([(660.0, "1")]))
    asking = Prometheus(URL, {"errors": "up"}, transport=server, monotonic=lambda: now[0])
    for _ in range(3):
        with pytest.raises(MetricUnreadable):
            asking.points(QUERY)
    assert len(server.asked) == 1

    now[0] += REST_SECONDS
    assert asking.points(QUERY) == [Point(600_000, 1.0)]


def test_points__that_trickle_in__end_at_the_deadline() -> None:
    now = [0.0]

    class Slow(httpx2.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            while True:
                now[0] += 2.0
                yield b" "

    server = Server(httpx2.Response(200, stream=Slow()))
    with pytest.raises(MetricUnreadable, match="does not answer within"):
        Prometheus(URL, {"errors": "up"}, transport=server, monotonic=lambda: now[0]).points(QUERY)


@pytest.mark.parametrize(
    "address",
    ["http://169.254.169.254", "http://[fd00:ec2::254]", "http://168.63.129.16", "http://0.0.0.0:9090"],
)
def test_points__where_clouds_keep_their_secrets__are_never_asked_for(address: str) -> None:
    transport = guarded(permitted=frozenset({"loopback", "private", "shared"}))
    asking = Prometheus(address, {"errors": "up"}, transport=transport)
    with pytest.raises(MetricUnreadable, match="TargetRefused"):
        asking.points(QUERY)
    asking.close()


def test_points__of_a_real_prometheus_within__are_reached_through_the_guard(tmp_path: Path) -> None:
    if prometheus_program() is None:
        pytest.skip("needs Prometheus: make prometheus")
    samples = [("errors_ratio", 1_772_712_000.0 + minute * 60, 0.5) for minute in range(5)]
    at = 1_772_712_000_000
    with running_prometheus(tmp_path, samples) as prometheus:
        url = prometheus.url.replace("127.0.0.1", "localhost")
        transport = guarded(permitted=frozenset({"loopback"}))
        asking = Prometheus(url, {"errors": "errors_ratio", "wrong": "sum("}, transport=transport)
        query = msgspec.structs.replace(QUERY, since=at, until=at + 120_000)

        assert [point.value for point in asking.points(query)] == [0.5, 0.5]
        with pytest.raises(MetricUnreadable, match="refuses the query"):
            asking.points(msgspec.structs.replace(query, metric="wrong"))
        asking.close()


def test_load__without_an_address__knows_pushed_metrics_alone() -> None:
    (pushed,) = load(Setup(held=load_storage("memory:"), queries={"errors": "up"}))
    assert type(pushed).__name__ == "Pushed"


def test_queries__in_a_file__are_as_good_as_in_the_setting(tmp_path: Path) -> None:
    file = tmp_path / "queries.json"
    file.write_text('{"errors": "up"}')
    given = {"FLAGTRAIL_PROMETHEUS_URL": "http://prometheus:9090"}
    settings = [
        read_settings({**given, "FLAGTRAIL_PROMETHEUS_QUERIES": told}) for told in (str(file), '{"errors": "up"}')
    ]

    assert [read_queries(each) for each in settings] == [{"errors": "up"}] * 2


@pytest.mark.parametrize(
    ("given", "named"),
    [
        pytest.param({"URL": "http://p:9090"}, "URL", id="no queries"),
        pytest.param({"QUERIES": '{"a": "b"}'}, "URL", id="no address"),
        pytest.param({"URL": "ftp://p", "QUERIES": '{"a": "b"}'}, "URL", id="no http"),
        pytest.param({"URL": "http://p:0", "QUERIES": '{"a": "b"}'}, "URL", id="no port"),
        pytest.param({"URL": "http://[p", "QUERIES": '{"a": "b"}'}, "URL", id="no host"),
        pytest.param({"URL": "http://p", "QUERIES": "{"}, "QUERIES", id="no JSON"),
        pytest.param({"URL": "http://p", "QUERIES": '{"a": 1}'}, "QUERIES", id="no text"),
        pytest.param({"URL": "http://p", "QUERIES": '{"a b": "up"}'}, "QUERIES", id="no name"),
        pytest.param({"URL": "http://p", "QUERIES": '{"a": " "}'}, "QUERIES", id="no expression"),
        pytest.param({"URL": "http://p", "QUERIES": "/no/such/file"}, "QUERIES", id="no file"),
        pytest.param({"URL": "http://p", "QUERIES": '{"a": "b"}', "TOKEN": "a\nb"}, "TOKEN", id="no token"),
    ],
)
def test_settings__that_could_never_be_used__are_refused_at_start(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingInvalid) as refused:
        read_settings({f"FLAGTRAIL_PROMETHEUS_{name}": value for name, value in given.items()})

    assert refused.value.facts["setting"] == f"FLAGTRAIL_PROMETHEUS_{named}"
