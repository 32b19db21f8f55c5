"""The JSON Schemas of all documents: schema."""

from __future__ import annotations

import click
import msgspec

from flagtrail.cli.output import print_json
from flagtrail.model.document import STRUCTS


@click.command
@click.argument("kind", required=False, type=click.Choice(tuple(STRUCTS)))
@click.option("as_json", "--json", is_flag=True, help="It is JSON in any case.")
def schema(kind: str | None, *, as_json: bool) -> None:  # noqa: ARG001 - every command takes it
    """The JSON Schemas of all documents.

    Or of one KIND: flag, targeting, segment, environment, project, policy,
    member, token, signin.

    Example:
      flagtrail schema targeting
    """
    kinds = [kind] if kind else list(STRUCTS)
    structs = [STRUCTS[each] for each in kinds]  # type: ignore[index] # the choice knows the kinds
    found, components = msgspec.json.schema_components(structs, ref_template="#/$defs/{name}")
    told = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **(found[0] if kind else {"oneOf": list(found)}),
        "$defs": components,
    }
    print_json(msgspec.json.encode(told))


COMMANDS = {"schema": schema}
