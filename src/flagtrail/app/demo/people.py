"""Who works at Northwind Ledger."""

from __future__ import annotations

import msgspec

from flagtrail.model.access import Grant, Member, Role

DOMAIN = "northwind.example.com"


class Person(msgspec.Struct, frozen=True):
    """One colleague: `joined` and `left` in days after the story's first day (0: founded it, None: still there)."""

    key: str
    name: str
    team: str
    role: Role
    joined: int = 0
    left: int | None = None

    @property
    def member(self) -> Member:
        """The account that this person gets."""
        grants = (Grant("default", "approver", "production"),) if self.key in _ON_CALL else ()
        return Member(self.key, self.name, f"{self.key}@{DOMAIN}", role=self.role, grants=grants)


_ON_CALL = {"tomasz", "leila", "marcus"}

STAFF: tuple[Person, ...] = (
    Person("ingrid", "Ingrid Halvorsen", "platform", "admin"),
    Person("tomasz", "Tomasz Wrona", "platform", "admin"),
    Person("maya", "Maya Lindqvist", "billing", "approver"),
    Person("jonas", "Jonas Albrecht", "growth", "editor"),
    Person("priya", "Priya Raman", "payments", "approver"),
    Person("leila", "Leila Haddad", "billing", "editor"),
    Person("oluwaseun", "Oluwaseun Adeyemi", "accounts", "approver"),
    Person("chiara", "Chiara Bellini", "checkout", "editor"),
    Person("marcus", "Marcus Feld", "platform", "editor"),
    Person("hana", "Hana Novotná", "billing", "editor", 18),
    Person("diego", "Diego Fuentes", "payments", "editor", 30),
    Person("emma", "Emma Kowalczyk", "product", "editor", 41),
    Person("samir", "Samir Qureshi", "data", "editor", 62),
    Person("yuki", "Yuki Tanabe", "mobile", "editor", 75),
    Person("beatriz", "Beatriz Sousa", "checkout", "approver", 96),
    Person("noah", "Noah Stenberg", "accounts", "editor", 120),
    Person("farah", "Farah Osman", "growth", "approver", 154),
    Person("viktor", "Viktor Petrov", "data", "editor", 190),
    Person("aoife", "Aoife Brennan", "support", "editor", 222),
    Person("kwame", "Kwame Mensah", "mobile", "editor", 260),
    Person("lotte", "Lotte de Wit", "product", "viewer", 301),
    Person("arjun", "Arjun Pillai", "platform", "editor", 355),
    Person("sofia", "Sofia Marchetti", "support", "viewer", 410),
    Person("elias", "Elias Korhonen", "payments", "editor", 480),
    Person("grace", "Grace Okoro", "compliance", "auditor", 540),
)
"""The twenty-five of today."""

LEAVERS: tuple[Person, ...] = (
    Person("dmitri", "Dmitri Volkov", "checkout", "editor", 0, 430),
    Person("nadia", "Nadia Rahimi", "growth", "editor", 12, 575),
)
"""Two who left; their entries still say what they did, and some of their flags were left behind."""

AUDITOR = Person("audit", "Helena Brandt (Brandt & Partner)", "external audit", "auditor", 365)
"""The external auditor: reads everything, changes nothing."""

EVERYBODY = (*STAFF, *LEAVERS, AUDITOR)
BY_KEY = {person.key: person for person in EVERYBODY}


def at_work(team: str, day: int) -> list[Person]:
    """Those of a team who may change flags on a day; the platform team stands in where there is nobody."""
    for group in (team, "platform"):
        found = [
            person
            for person in EVERYBODY
            if person.team == group
            and person.role in {"editor", "approver", "admin"}
            and person.joined < day
            and (person.left is None or day < person.left)
        ]
        if found:
            return found
    return [BY_KEY["ingrid"]]
