"""`hookonce source`: who can send."""

import click

from app.cli import printing
from app.intake import sources


@click.group("source")
def group() -> None:
    """The senders that Hookonce knows."""


@group.command("list")
def list_sources() -> None:
    """Every source, with where its own id of an event stands."""
    rows = [
        {
            "name": name,
            "its own id": facts.provider_key or "none",
            "signed": "yes" if facts.provider_key_signed else "no",
            "key by default": "its own id" if sources.named(name).keyed_by_default else "-",
        }
        for name in sources.names()
        for facts in [sources.named(name).facts]
    ]
    printing.table(rows, ("name", "its own id", "signed", "key by default"))


@group.command("show")
@click.argument("name", type=click.Choice(sources.names()), metavar="NAME")
def show_source(name: str) -> None:
    """How a source is verified, keyed and answered, and where its documentation stands."""
    shown = sources.named(name)
    tolerance = shown.tolerance_seconds
    facts = {
        "source": name,
        "signature": shown.facts.signature,
        "timestamp": "no limit" if tolerance is None else f"within {tolerance:g} s",
        "its own id": shown.facts.provider_key or "none",
        "id is signed": "yes" if shown.facts.provider_key_signed else "no",
        "key by default": "its own id" if shown.keyed_by_default else "the default places only",
        "answer expected": shown.facts.answer,
        "its retries": shown.facts.retries,
        "never stored": ", ".join(sorted(shown.redacted)) or "-",
        "not verified": shown.facts.unverified or "-",
        "documentation": shown.facts.documentation,
    }
    printing.record(facts, as_json=False)
