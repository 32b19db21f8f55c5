"""Every command, in process, on a copy of the demo's database."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.command_line import Outcome, flagtrail_in, leaves

from flagtrail.app.demo.make import ensure_demo
from flagtrail.app.settings import Settings

Run = Callable[..., Outcome]
PILOTS = '{"attribute": "account", "operator": "in", "values": ["acme"]}'
TARGETING = '{"enabled": true, "off_variant": "off", "fallthrough": {"variant": "on"}}'

READS: list[tuple[str, str]] = [
    ("flags list", "new_pricing"),
    ("flags list --tag critical --owner billing --kind release --search tiers", "new_pricing"),
    ("flags list --archived", "There are no such flags."),
    ("flags show new_pricing", "1. enterprise first: on"),
    ("segments list", "early_access"),
    ("segments show early_access", "segment pilot_accounts or plan in [pro, enterprise]"),
    ("log", "Leila Haddad"),
    ("log new_pricing --env production --action disabled", "INC-283: pro customers are billed"),
    ("log new_pricing --env production --action enabled", "BILL-412: go live, enterprise first"),
    ("log --segment early_access --limit 1", "GROW-388"),
    ("log --actor tomasz@northwind.example.com --limit 1", "Tomasz Wrona"),
    ("log --grep BILL-431", "post-mortem"),
    ("log --field /fallthrough --limit 2", "More: add --before"),
    ("log --field fallthrough --limit 2", "More: add --before"),
    ("log --everything --action signin_failed --limit 1", "failed with password"),
    ("log --since 2001-01-01 --until 2002-01-01", "No entry matches."),
    ("show 0", "address"),
    ("history new_pricing", "new_pricing in production, step by step"),
    ("eval new_pricing --context plan=enterprise --explain", "DISABLED"),
    ("eval --context plan=enterprise", "invoice_branding"),
    ("eval billing_v2 --context plan=classic_2019 --explain", "+ rule 'the plan of 2019'"),
    ("exposure new_pricing --where plan=enterprise", "on 100 %"),
    ("blame new_pricing --context plan=pro,targetingKey=acct_2", "through segment early_access -> flag new_pricing"),
    ("blame --context plan=pro,targetingKey=acct_2", "disabled"),
    ("blame dark_mode --env staging --context targetingKey=u1 --since 2001-01-01", "unknown: before the record"),
    ("blame --at 2999-01-01 --within 2d", "of 1,000 sampled contexts"),
    ("preview new_pricing --enable --by plan", "would get on instead of off"),
    ("usage mobile_ios15_support --env production --by day", "northwind-ios/5.6.0"),
    ("usage", "mobile_login_v2"),
    ("stale", "80 stale, 0 perhaps, of 200 flags."),
    ("stale --owner billing", "never_evaluated"),
    ("stale list --owner mobile", "blocked by old_version_asking"),
    ("stale stages --stage stale", "mobile_ios15_support"),
    ("stale thresholds", "never_enabled"),
    ("stale health --months 3", "median age"),
    ("stale nudge", "disabled"),
    ("stale lifespan new_pricing", "new_pricing has no days of its own"),
    ("dashboard", "Most evaluated"),
    ("report flag --flag new_pricing --format csv", "new_pricing"),
    ("report soc2", "CC8.1"),
    ("projects list", "Northwind Ledger"),
    ("projects show default", "Billing for other companies."),
    ("projects policy default", "why required"),
    ("environments list", "production"),
    ("environments show staging", "Staging (Frankfurt)"),
    ("tokens list", "warehouse-sync"),
    ("members list", "ingrid"),
    ("alerts list", "Channels: none"),
    (
        "alerts list --channel slack --subscription critical --outcome dead --entry 3 --limit 5 --before 9",
        "No delivery matches.",
    ),
    ("alerts subscriptions list", "changes of flags tagged critical, that reach production"),
    ("alerts subscriptions show critical", "built in"),
    ("schema targeting", "fallthrough"),
    ("schema", "oneOf"),
    ("doctor", "All is well."),
]
SUBSCRIBING = (
    "alerts subscriptions create own --description d --channel slack --channel oncall --tag billing --flag new_pricing "
    "--env production --production --action enabled --actor ada --kind targeting --digest daily --at 08:30 "
    "--zone Europe/Berlin --quiet 22:00-07:00 --quiet-day mon --critical-waits"
)
CHANGES: list[tuple[str, str]] = [
    ("flags create new_search --owner data --tag search --kind experiment --remove-by 2027-01-31", "created"),
    ("flags create button --type string --variant a=blue --variant b=green", "string with the variants"),
    ("flags edit dark_mode --owner data --tag x --kind permission --remove-by 2030-01-01 --why w", "owner"),
    ("flags edit max_seats --variant pro=777 --why w", "777"),
    ("flags archive dark_mode --why w", "archived"),
    ("flags delete dark_mode --why w", "deleted"),
    ("flags restore checkout_v2 --why w", "created"),
    ("enable new_pricing --why fixed", "enabled"),
    ("disable dark_mode --env staging", "disabled"),
    ("rollout quote_templates_v2 60 --why w --ticket BILL-1", "60 %"),
    ("rollout dark_mode 100 --why w", "Nothing changed: it is so already."),
    ("rollout new_pricing 35 --why w", "nobody gets this before"),
    ("target new_pricing --file targeting.json --why w", "enabled"),
    ("target new_pricing --file - --why w", "enabled"),
    ("revert {last} --why w", "done"),
    ("segments create pilots --file pilots.json --description few", "account in [acme]"),
    ("segments edit trial --file pilots.json --description other", "account in [acme]"),
    ("segments delete public_sector", "deleted"),
    (
        SUBSCRIBING,
        "on slack, oncall, together daily at 08:30 (Europe/Berlin), quiet mon from 22:00 to 07:00 (Europe/Berlin)",
    ),
    ("alerts subscriptions edit critical --channel oncall --digest hourly", "created"),
    ("alerts subscriptions edit critical --clear tags --no-production --disable --why w", "created"),
    ("alerts subscriptions delete critical", "Nothing changed"),
    ("projects create shop --name Shop --description things", "created"),
    ("projects edit default --name Northwind", "Northwind"),
    ("projects policy default --why-required always --why w", "always"),
    ("projects delete default --why w", "deleted"),
    ("environments create preview --name Preview --position 3 --no-production", "created"),
    ("environments edit staging --name S --why w", "S"),
    ("environments delete development", "deleted"),
    ("tokens create web --expires 90d", "ft_client_"),
    ("tokens create api --kind admin --role viewer --all-projects --expires 2030-01-01", "ft_admin_"),
    ("tokens revoke ci --why leaked", "revoked"),
    ("members create ada --name Ada --email ada@example.com --role editor", "created"),
    ("members edit jonas --role viewer --why w", "viewer"),
    ("members edit jonas --locked", "active"),
    ("members login-link owner", "/login/"),
    ("members password jonas", "done"),
    ("import flagd flags.json --name ours --why w", "would be appended"),
    ("import flagd flags.json --bucketing flagd_v1 --strict --why w", "would be appended"),
    ("export --out audit", "flagtrail verify"),
    ("backup --out copy.db", "Not in it: the signing key"),
]
ELSEWHERE = {"up", "demo", "verify", "alerts test", "alerts resend", "migrate", "move", "impact"}
ELSEWHERE |= {"cleanup", "references", "review", "scan"}
ELSEWHERE |= {f"stale {word}" for word in ("snooze", "unsnooze", "ready", "removed", "reopen")}
ELSEWHERE |= {"metrics list", "metrics show", "metrics push", "guards list", "guards stop"}
"""Commands that other tests of this folder run."""


@pytest.fixture(scope="session")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's database in it, as `flagtrail up` calls it."""
    folder = tmp_path_factory.mktemp("story")
    ensure_demo(Settings(database=f"sqlite:///{folder}/flagtrail.db"), now=datetime.now(UTC))
    return folder


@pytest.fixture
def copied(story: Path, tmp_path: Path) -> Path:
    """A copy of the story that a test may change, with some files to read."""
    shutil.copytree(story, tmp_path, dirs_exist_ok=True)
    (tmp_path / "targeting.json").write_text(TARGETING)
    (tmp_path / "pilots.json").write_text(PILOTS)
    flag = '{"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "on"}'
    (tmp_path / "flags.json").write_text(f'{{"flags": {{"imported": {flag}}}}}')
    return tmp_path


def words(line: str, folder: Path) -> list[str]:
    """A command line's words; `{last}` is the newest entry's number."""
    if "{last}" in line:
        page = flagtrail_in(folder, "log", "--limit", "1", "--json").json
        assert isinstance(page, dict)
        line = line.replace("{last}", str(page["items"][0]["seq"]))
    return line.split()


@pytest.mark.parametrize(("line", "said"), READS, ids=[line for line, _ in READS])
def test_question__in_process__is_answered(story: Path, line: str, said: str) -> None:
    outcome = flagtrail_in(story, *line.split())
    assert (outcome.code, outcome.err) == (0, "")
    assert said in outcome.out


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line, _ in READS if "--format" not in line])
def test_question__with_json__prints_json(story: Path, line: str) -> None:
    outcome = flagtrail_in(story, *line.split(), "--json")
    assert outcome.code == 0
    assert isinstance(outcome.json, dict)


@pytest.mark.parametrize(("line", "said"), CHANGES, ids=[line for line, _ in CHANGES])
def test_change__in_process__is_made_and_told(copied: Path, line: str, said: str) -> None:
    arguments = words(line, copied)
    if line.startswith("import"):
        arguments.append("--dry-run")
    stdin = TARGETING if "--file -" in line else "correct horse battery staple\n"
    outcome = flagtrail_in(copied, *arguments, stdin=stdin)
    assert (outcome.code, outcome.err) == (0, "")
    assert said in outcome.out


def test_secret__in_a_pipe__stands_alone_for_scripts(copied: Path) -> None:
    outcome = flagtrail_in(copied, "tokens", "create", "shop", "--kind", "server")
    assert (outcome.code, outcome.err, outcome.out.count("\n"), outcome.out[:10]) == (0, "", 1, "ft_server_")


@pytest.mark.slow
@pytest.mark.parametrize("line", [line for line, _ in CHANGES])
def test_change__with_json__prints_json(copied: Path, line: str) -> None:
    stdin = TARGETING if "--file -" in line else "correct horse battery staple\n"
    outcome = flagtrail_in(copied, *words(line, copied), "--json", stdin=stdin)
    assert outcome.code == 0
    assert isinstance(outcome.json, dict)


def test_commands__every_one__is_run_by_a_test() -> None:
    lines = [line.split() for line, _ in (*READS, *CHANGES)]
    untested = {" ".join(path) for path, _ in leaves() if not any(line[: len(path)] == list(path) for line in lines)}
    assert untested == ELSEWHERE


def test_change__in_an_empty_folder__makes_the_database(tmp_path: Path) -> None:
    outcome = flagtrail_in(tmp_path, "flags", "create", "first")
    assert outcome.code == 0
    assert (tmp_path / "flagtrail.db").exists()


def test_question__in_an_empty_folder__is_refused_and_makes_nothing(tmp_path: Path) -> None:
    outcome = flagtrail_in(tmp_path, "log")
    assert (outcome.code, outcome.err.splitlines()[0]) == (1, "There is no database here.")
    assert list(tmp_path.iterdir()) == []


def test_question__beside_the_demo_alone__is_asked_of_the_demo(story: Path, tmp_path: Path) -> None:
    for suffix in ("db", "key", "signed"):
        shutil.copy(story / f"flagtrail.{suffix}", tmp_path / f"flagtrail-demo.{suffix}")
    assert flagtrail_in(tmp_path, "flags", "show", "new_pricing").code == 0


def test_change__actor__is_the_user_of_the_computer(copied: Path) -> None:
    flagtrail_in(copied, "enable", "new_pricing", "--why", "fixed", "--ticket", "BILL-9")
    page = flagtrail_in(copied, "log", "new_pricing", "--limit", "1", "--json").json
    assert isinstance(page, dict)
    [entry] = page["items"]
    assert (entry["actor"]["auth"], entry["source"]["via"], entry["ticket"]) == ("os", "cli", "BILL-9")


def test_table__in_a_pipe__has_no_colours_and_cuts_nothing(story: Path) -> None:
    outcome = flagtrail_in(story, "flags", "list")
    assert "\x1b" not in outcome.out
    assert "invoice_numbering_per_entity" in outcome.out


def test_log__next_page__goes_on_where_the_first_ended(story: Path) -> None:
    first = flagtrail_in(story, "log", "--limit", "3", "--json").json
    assert isinstance(first, dict)
    second = flagtrail_in(story, "log", "--limit", "1", "--before", str(first["next"]), "--json").json
    assert isinstance(second, dict)
    assert second["items"][0]["seq"] == first["items"][-1]["seq"] - 1


def test_export__verified__is_verified_with_its_key_and_not_after_a_byte_changed(copied: Path) -> None:
    exported = flagtrail_in(copied, "export", "--out", "audit", "--json").json
    assert isinstance(exported, dict)
    good = flagtrail_in(copied, "verify", "audit", "--key", exported["key"], "--deep", "--json")
    assert (good.code, "VERIFIED" in flagtrail_in(copied, "verify", "audit", "--key", exported["key"]).out) == (0, True)
    largest = max(
        (path for path in (copied / "audit").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size
    )
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(content)
    assert flagtrail_in(copied, "verify", "audit", "--key", exported["key"]).code == 1


def tags_of(folder: Path, flag: str) -> list[str]:
    shown = flagtrail_in(folder, "flags", "show", flag, "--json").json
    assert isinstance(shown, dict)
    tags: list[str] = shown["flag"]["tags"]
    return tags


@pytest.mark.parametrize(
    ("options", "left"),
    [
        pytest.param("--tag critical", ["critical", "money", "slow"], id="one more"),
        pytest.param("--tag money", ["money", "slow"], id="one that it has"),
        pytest.param("--untag slow", ["money"], id="one less"),
        pytest.param("--tag critical --untag slow --untag money", ["critical"], id="both"),
        pytest.param("--patch tags.json --tag critical", ["critical", "new"], id="added to those of a patch"),
    ],
)
def test_edit__of_tags__keeps_those_that_are_not_named(tmp_path: Path, options: str, left: list[str]) -> None:
    (tmp_path / "tags.json").write_text('{"tags": ["new"]}')
    flagtrail_in(tmp_path, "flags", "create", "invoices", "--tag", "money", "--tag", "slow")
    assert flagtrail_in(tmp_path, "flags", "edit", "invoices", *options.split(), "--why", "w").code == 0
    assert tags_of(tmp_path, "invoices") == left


def test_stale__of_an_owner__is_about_its_flags_only_in_json_too(story: Path) -> None:
    report = flagtrail_in(story, "stale", "--owner", "billing", "--json").json
    assert isinstance(report, dict)
    assert {each["owner"] for each in report["flags"]} == {"billing"}
