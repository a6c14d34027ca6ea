"""`hookonce source`: who can send."""

import json

import click

from app.cli import output
from app.intake import sources


@click.group("source")
def group() -> None:
    """The senders that Hookonce knows."""


@group.command("list")
@output.json_option
def list_sources(as_json: bool) -> None:
    """Every source, with where its own id of an event stands."""
    rows = [
        {
            "name": name,
            "its own id": facts.provider_key,
            "signed": "yes" if facts.provider_key_signed else "no",
            "key by default": "its own id" if sources.named(name).keyed_by_default else "-",
        }
        for name in sources.names()
        for facts in [sources.named(name).facts]
    ]
    if as_json:
        click.echo(json.dumps([_named(row) for row in rows]))
        return
    output.table(rows, ("name", "its own id", "signed", "key by default"))


@group.command("show")
@click.argument("name", type=click.Choice(sources.names()), metavar="NAME")
@output.json_option
def show_source(name: str, as_json: bool) -> None:
    """How a source is verified, keyed and answered, and where its documentation stands."""
    shown = sources.named(name)
    tolerance = shown.tolerance_seconds
    facts = {
        "source": name,
        "signature": shown.facts.signature,
        "timestamp": "no limit" if tolerance is None else f"within {tolerance:g} s",
        "handshake": shown.facts.handshake,
        "events": shown.facts.events,
        "its own id": shown.facts.provider_key,
        "id is signed": "yes" if shown.facts.provider_key_signed else "no",
        "key by default": "its own id" if shown.keyed_by_default else "the default places only",
        "answer expected": shown.facts.answer,
        "its retries": shown.facts.retries,
        "never stored": ", ".join(sorted(shown.redacted)) or "-",
        "not verified": shown.facts.unverified or "-",
        "documentation": shown.facts.documentation,
    }
    output.record(_named(facts) if as_json else facts, as_json)


def _named(facts: dict[str, str]) -> dict[str, str]:
    """The same under names that a program can write without quotes."""
    return {name.replace(" ", "_"): said for name, said in facts.items()}
