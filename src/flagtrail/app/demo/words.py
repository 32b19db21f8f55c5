"""What people at Northwind Ledger write when they are asked why."""

from __future__ import annotations

CREATE = (
    "{ticket}: behind a flag from the first commit",
    "{ticket} starts; hidden until it is whole",
    "flag for {ticket}",
    "{ticket}: merged dark, so that the branch does not live for weeks",
    "asked for by {team}, see {ticket}",
)
TEST = ("for testing", "QA starts today", "", "end-to-end tests need it", "", "so that the team can click through it")
TESTS = (
    ("does the old path still work?", "yes, it does"),
    ("to reproduce a support case", "reproduced, back on"),
    ("", ""),
    ("demo for sales without it", "demo is over"),
)
PIPELINE = ("end-to-end suite: the path without it", "end-to-end suite: back")
TAGS = ("documented", "reviewed", "runbook", "customer-facing", "needs-cleanup")
TAGGED = ("tags as agreed in the platform guild", "found in the quarterly review of flags", "clean-up Friday")
TUNE = (
    "{ticket}: numbers of last quarter",
    "{ticket}: agreed with finance",
    "{ticket}: as the model of this month suggests",
    "{ticket}: too timid, see the graph in the ticket",
)
OURSELVES = (
    "{ticket}: only for us, for a few days",
    "{ticket}: we use it ourselves first",
    "so that {team} sees it with real data",
    "{ticket}: employees first, as always",
)
LAUNCH = (
    "{ticket}: staging is green for a week, start with {percent} %",
    "{ticket}: QA has signed off; {percent} % first",
    "{ticket}: release notes are out, {percent} % of customers",
    "{ticket}: the team was on it for ten days without a bug; {percent} %",
)
RAISE = (
    "error rate flat for three days, {percent} %",
    "{ticket}: no tickets at support, on to {percent} %",
    "{ticket}: p95 unchanged at {before} %, now {percent} %",
    "weekly review of {team}: go to {percent} %",
    "{ticket}: dashboards look fine, {percent} %",
    "{before} % over the weekend without an alarm; {percent} %",
)
FULL = (
    "{ticket}: everybody",
    "{ticket} go live",
    "{ticket}: four weeks at half without a complaint, so all of them",
    "announced in the newsletter today: 100 %",
    "{ticket}: done. Remove the flag next sprint",
)
ROLLBACK = (
    "{ticket}: timeouts in the worker, back until it is understood",
    "{ticket}: support has five complaints since noon",
    "{ticket}: 2 % more errors on this path, back",
    "{ticket}: memory of the pods grows; off for now",
    "{ticket}: wrong totals for accounts with discounts",
    "{ticket}: breaks in Safari",
)
AGAIN = (
    "{ticket}: fixed in release {release}, again from the start",
    "{ticket}: the cause was found (a missing index), once more",
    "{ticket}: fix is out and watched for a day",
)
INCIDENT = (
    "INC-{incident}: provider is down, off until their status page is green",
    "INC-{incident}: error rate at 14 %, switched off",
    "INC-{incident}: queue at 90,000 and growing",
    "INC-{incident}: duplicate messages, off while we look",
    "INC-{incident}: alarm at night, the safe side first",
    "game day: does the fallback work?",
)
RECOVERED = (
    "INC-{incident}: provider is back, error rate normal",
    "INC-{incident}: fix deployed and checked on staging",
    "INC-{incident}: queue is empty again",
    "INC-{incident}: false alarm; the probe was broken",
)
PLAN = (
    "{ticket}: part of the new packaging, agreed with sales",
    "{ticket}: sales promised it to the account",
    "{ticket}: contract of the account says so",
    "{ticket}: pricing committee of this month",
    "{ticket}: tried with pilot accounts first",
)
LIMIT = (
    "{ticket}: customers hit the limit each week",
    "{ticket}: capacity was doubled",
    "{ticket}: after the load test",
    "{ticket}: abuse by one account, tighter",
    "{ticket}: as agreed in the capacity review",
)
EXPERIMENT = (
    "{ticket}: experiment starts, four weeks, primary measure as in the ticket",
    "{ticket}: traffic to equal parts",
    "{ticket}: sample size is two weeks of traffic",
)
DECIDED = (
    "{ticket}: {winner} won (+{gain} %, p = 0.0{p}); everybody gets it",
    "{ticket}: no difference that matters, {winner} is simpler",
    "{ticket}: {winner} is better for new accounts and no worse for old ones",
)
DETAILS = (
    "description was out of date",
    "so that one finds the ticket",
    "found in the quarterly review of flags",
)
ARCHIVE = (
    "{ticket}: flag removed from the code in {release}",
    "{ticket}: no reader left according to the search over all repositories",
    "clean-up Friday: nobody reads it",
)
DELETE = ("archived for a month and nobody missed it", "{ticket}: last reference is gone")
OPERATIONS = (
    "{ticket}: to see what happens, for a few days",
    "{ticket}: only while we look into it",
    "on request of {team}, a week at most",
)
SEGMENT = (
    "{ticket}: two more accounts signed",
    "{ticket}: list from sales of this month",
    "{ticket}: as in the launch plan",
)
