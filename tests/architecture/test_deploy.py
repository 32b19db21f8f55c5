"""The files of `deploy/` and around: they parse, name what exists, run nothing as root, and pin what they use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.support.postgres import PASSWORD, binaries, shared_server
from tests.support.server import running_server

from flagtrail.app.settings import Settings, read_settings
from flagtrail.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = ROOT / "Dockerfile"
KUBERNETES = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
FILES = [DOCKERFILE, ROOT / "compose.yaml", *sorted(file for file in DEPLOY.rglob("*") if file.is_file())]
COMMAND_NAMES = {name for section in COMMANDS.values() for name in section}
Json = Any


def instructions() -> list[list[str]]:
    """The Dockerfile's instructions: a keyword and the rest, continued lines joined."""
    text = re.sub(r"\\\n", " ", DOCKERFILE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [line.split(maxsplit=1) for line in lines]


def final_stage() -> list[list[str]]:
    found = instructions()
    start = max(index for index, (keyword, _) in enumerate(found) if keyword == "FROM")
    return found[start:]


def compose() -> Json:
    return yaml.safe_load((ROOT / "compose.yaml").read_text())


def objects() -> Iterator[Json]:
    for file in KUBERNETES:
        yield from yaml.safe_load_all(file.read_text())


def kubernetes(kind: str) -> Json:
    return next(each for each in objects() if each["kind"] == kind)


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_settings__named_in_a_file__exist(file: Path) -> None:
    named = set(re.findall(r"\bFLAGTRAIL_[A-Z_]+", file.read_text()))

    assert named <= {f"FLAGTRAIL_{name.upper()}" for name in Settings.__struct_fields__}


def test_the_image__is_not_roots_and_says_how_it_fares() -> None:
    last = dict(final_stage())
    user = last["USER"].split(":")[0]

    assert user.isdigit()
    assert int(user) > 1_000
    assert "/healthz" in last["HEALTHCHECK"]


def test_the_image__starts_a_command_that_exists_with_settings_that_do() -> None:
    last = dict(final_stage())
    given = dict(re.findall(r"(FLAGTRAIL_\w+)=(\S+)", last["ENV"]))

    assert (json.loads(last["ENTRYPOINT"]), json.loads(last["CMD"])) == (["flagtrail"], ["up"])
    assert read_settings(given).port == 8080


def test_the_images_healthcheck__is_a_program_that_python_reads() -> None:
    command = json.loads(dict(final_stage())["HEALTHCHECK"].partition("CMD")[2])

    compile(command[2], "healthcheck", "exec")
    assert command[:2] == ["python", "-c"]


def images() -> list[str]:
    named = [rest.split()[0] for keyword, rest in instructions() if keyword == "FROM"]
    named += [service["image"] for service in compose()["services"].values() if "build" not in service]
    return named


@pytest.mark.parametrize("image", images())
def test_an_image__has_a_version_and_no_registrys_name(image: str) -> None:
    name, _, tag = image.partition(":")

    assert re.fullmatch(r"[a-z]+", name)
    assert re.match(r"\d+\.?\d*", tag)


def test_what_goes_into_the_image__is_listed() -> None:
    lines = (ROOT / ".dockerignore").read_text().split("\n")
    copied = {
        part
        for keyword, rest in instructions()
        if keyword == "COPY" and "--from" not in rest
        for part in rest.split()[:-1]
    }
    allowed = {line[1:] for line in lines if line.startswith("!")}

    assert "*" in lines
    assert {
        part for part in copied if not any(part == each or part.startswith(f"{each}/") for each in allowed)
    } == set()


def pins(file: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==([^\s;]+)", file.read_text(), re.MULTILINE))


@pytest.mark.parametrize("name", ["runtime", "build"])
def test_a_lock_of_the_image__has_the_versions_that_were_tested_and_a_hash_of_each(name: str) -> None:
    file, tested = DEPLOY / "image" / f"{name}.lock", pins(ROOT / "requirements.lock")
    entries = re.split(r"\n(?=\w)", file.read_text().strip())

    assert {each: version for each, version in pins(file).items() if tested.get(each) != version} == {}
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_of_the_image__has_all_that_is_needed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    named = extras["all"][0].partition("[")[2].rstrip("]").split(",")  # but what the command line alone needs
    wanted = [*project["dependencies"], *(line for extra in named for line in extras[extra])]
    names = {re.split(r"[\[><=;! ]", line)[0] for line in wanted} - {"flagtrail"}

    assert names <= pins(DEPLOY / "image" / "runtime.lock").keys()


def test_compose__has_two_replicas_that_start_when_the_schema_stands() -> None:
    services = compose()["services"]
    replicas = [service for name, service in services.items() if re.fullmatch(r"flagtrail-\d", name)]

    assert len(replicas) == 2
    assert {each["depends_on"]["migrate"]["condition"] for each in replicas} == {"service_completed_successfully"}
    assert set(services["migrate"]["command"]) <= COMMAND_NAMES


def test_compose__gives_its_replicas_settings_that_can_be_used() -> None:
    given = compose()["services"]["flagtrail-1"]["environment"]
    filled = {name: re.sub(r"\$\{(\w+)[^}]*\}", "abcdefghijklmnop", value) for name, value in given.items()}
    settings = read_settings(filled)

    assert (settings.database.partition(":")[0], settings.redis) == ("postgresql", "redis://redis")


@pytest.mark.parametrize("name", ["flagtrail-1", "flagtrail-2", "migrate"])
def test_compose__keeps_a_replica_from_all_that_it_does_not_need(name: str) -> None:
    service = compose()["services"][name]

    assert (service["read_only"], service["cap_drop"], "user" in service) == (True, ["ALL"], False)


def test_compose__mounts_files_that_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for service in compose()["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]

    assert [path for path in mounted if not (ROOT / path).is_file()] == []


def test_compose__names_only_volumes_and_services_that_it_has() -> None:
    told = compose()
    volumes = {v.split(":")[0] for s in told["services"].values() for v in s.get("volumes", []) if v[0] not in "./"}
    upstreams = re.findall(r"([\w-]+):8080", (DEPLOY / "caddy" / "Caddyfile").read_text())

    assert volumes == told["volumes"].keys()
    assert set(upstreams) == {name for name in told["services"] if name.startswith("flagtrail-")}


def test_kubernetes__lists_every_manifest() -> None:
    listed = kubernetes("Kustomization")["resources"]

    assert sorted([*listed, "kustomization.yaml"]) == [file.name for file in KUBERNETES]


def test_kubernetes__runs_nothing_as_root_and_writes_nowhere_but_where_it_must() -> None:
    pod = kubernetes("Deployment")["spec"]["template"]["spec"]
    containers = [*pod["initContainers"], *pod["containers"]]

    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == int(dict(final_stage())["USER"].split(":")[0])
    for container in containers:
        locked = container["securityContext"]
        assert (locked["readOnlyRootFilesystem"], locked["allowPrivilegeEscalation"]) == (True, False)
        assert locked["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_kubernetes__takes_no_replica_out_because_the_database_is_away() -> None:
    (container,) = kubernetes("Deployment")["spec"]["template"]["spec"]["containers"]
    asked = {
        probe: container[probe]["httpGet"]["path"] for probe in ("startupProbe", "readinessProbe", "livenessProbe")
    }

    assert asked == {"startupProbe": "/readyz", "readinessProbe": "/healthz", "livenessProbe": "/healthz"}


def test_kubernetes__starts_a_command_that_exists_with_settings_that_do() -> None:
    (container,) = kubernetes("Deployment")["spec"]["template"]["spec"]["containers"]
    from_secret = {each["name"] for each in container["env"]}
    settings = read_settings(kubernetes("ConfigMap")["data"])

    assert set(container["args"]) <= COMMAND_NAMES
    assert from_secret <= {f"FLAGTRAIL_{name.upper()}" for name in Settings.__struct_fields__}
    assert settings.key_file


def test_kubernetes__selects_the_pods_that_it_makes() -> None:
    labels = kubernetes("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        kubernetes("Deployment")["spec"]["selector"]["matchLabels"],
        kubernetes("Service")["spec"]["selector"],
        kubernetes("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        kubernetes("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
    ]

    assert all(selector.items() <= labels.items() for selector in selectors)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_kubernetes__can_be_put_together() -> None:
    made = subprocess.run(
        ["kubectl", "kustomize", str(DEPLOY / "kubernetes")], check=True, capture_output=True, text=True
    )

    assert {each["metadata"].get("namespace", "flagtrail") for each in yaml.safe_load_all(made.stdout)} == {"flagtrail"}


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit__is_not_roots_and_writes_nowhere_but_where_it_must(unit: Path) -> None:
    lines = unit.read_text().splitlines()

    assert {"User=flagtrail", "NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(lines)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit__calls_commands_that_exist(unit: Path) -> None:
    assert set(re.findall(r"/bin/flagtrail (\w+)", unit.read_text())) <= COMMAND_NAMES


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
@pytest.mark.parametrize("unit", sorted((DEPLOY / "systemd").iterdir()), ids=lambda unit: unit.name)
def test_a_unit__is_understood_by_systemd(unit: Path, tmp_path: Path) -> None:
    for each in (DEPLOY / "systemd").iterdir():
        (tmp_path / each.name).write_text(each.read_text().replace("/opt/flagtrail/bin/flagtrail", sys.executable))
    verified = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
    )

    assert (verified.returncode, [line for line in verified.stderr.splitlines() if "flagtrail" in line]) == (0, [])


@pytest.mark.slow
def test_the_roles_of_compose__let_a_replica_serve_and_alter_nothing_of_the_ledger(tmp_path: Path) -> None:
    found = binaries()
    if found is None:
        pytest.skip("PostgreSQL is not installed (make postgres)")
    server = shared_server()
    owned = server.new_database("roles")
    environ = {
        "PATH": f"{found}{os.pathsep}{os.environ['PATH']}",
        "PGHOST": "127.0.0.1",
        "PGPORT": str(server.port),
        "PGPASSWORD": PASSWORD,
        "POSTGRES_USER": "postgres",
        "POSTGRES_DB": "roles",
        "APP_PASSWORD": "it's a secret",
    }
    subprocess.run([str(DEPLOY / "postgres" / "roles.sh")], check=True, env=environ)
    migrate = [sys.executable, "-m", "flagtrail", "migrate"]
    key = str(tmp_path / "flagtrail.key")
    given = {**os.environ, "FLAGTRAIL_DATABASE": owned, "FLAGTRAIL_KEY_FILE": key}
    subprocess.run(migrate, check=True, env=given)
    url = server.url("roles", user="flagtrail", password="it's a secret")
    with running_server(tmp_path, database=url, key_file=key) as replica, replica.client() as client:
        changed = client.post("/api/v1/projects", json={"key": "shop", "why": "a test"})
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM ledger_entry")

    assert changed.status_code == 201


DASHBOARD = DEPLOY / "grafana" / "flagtrail.json"


def panels() -> list[Json]:
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all samples that there can be."""
    with running_server(tmp_path_factory.mktemp("metrics")) as server, server.client() as client:
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
    return {f"{family.name}{end}" for family in families for end in ends[family.type]}


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_of_the_dashboard__asks_for_metrics_that_exist(metrics: set[str], panel: Json) -> None:
    asked = {name for target in panel["targets"] for name in re.findall(r"(?:flagtrail|process)_\w+", target["expr"])}

    assert asked
    assert asked <= metrics


def test_the_dashboard__shows_every_metric_of_flagtrails_own(metrics: set[str]) -> None:
    asked = {name for panel in panels() for t in panel["targets"] for name in re.findall(r"flagtrail_\w+", t["expr"])}
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for name in asked}
    own = {re.sub(r"_(bucket|count|sum)$", "", name) for name in metrics if name.startswith("flagtrail_")}

    assert own - shown == set()


def test_the_deploy_guides_alarms__ask_for_metrics_that_exist(metrics: set[str]) -> None:
    page = (ROOT / "docs" / "how-to" / "deploy.md").read_text()

    assert set(re.findall(r"flagtrail_\w+", page)) - {"flagtrail_app"} <= metrics
