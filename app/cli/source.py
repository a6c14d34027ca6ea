"""`hookonce source`: list the senders that Hookonce can verify, and show the facts of one."""

import json

import click

from app.cli import completion, output, terminal
from app.intake import sources

_JSON_NAMES = {
    "event id": "its_own_id",
    "event id signed": "id_is_signed",
    "retries": "its_retries",
}
"""JSON names that differ from the headings: programs read the output by these."""


@click.group("source")
def group() -> None:
    """List the known sources (senders) and show the facts of one."""


@group.command("list")
@terminal.wide_option
@output.json_option
def list_sources(as_json: bool) -> None:
    """List every source and the place of its event id."""
    rows = [
        {
            "name": name,
            "event id": facts.provider_key,
            "signed": "yes" if facts.provider_key_signed else "no",
            "key by default": "event id" if sources.named(name).has_event_id else "-",
        }
        for name in sources.names()
        for facts in [sources.named(name).facts]
    ]
    if as_json:
        click.echo(json.dumps([_json_names(row) for row in rows]))
        return
    output.table(rows, ("name", "event id", "signed", "key by default"))
    for problem in filter(None, map(sources.unusable, sources.names())):
        click.echo(problem, err=True)


@group.command("show")
@click.argument("name", shell_complete=completion.sources)
@output.json_option
def show_source(name: str, as_json: bool) -> None:
    """Show the signature, key, answer and retries of a source.

    The sender's documentation is named too.
    """
    _require_usable(name)
    source = sources.named(name)
    tolerance = source.tolerance_seconds
    facts = {
        "source": name,
        "signature": source.facts.signature,
        "timestamp": "no limit" if tolerance is None else f"within {tolerance:g} s",
        "handshake": source.facts.handshake,
        "events": source.facts.events,
        "event id": source.facts.provider_key,
        "event id signed": "yes" if source.facts.provider_key_signed else "no",
        "key by default": "event id" if source.has_event_id else "the default places only",
        "answer expected": source.facts.answer,
        "retries": source.facts.retries,
        "largest body": "HOOKONCE_MAX_BODY_BYTES"
        if source.body_bytes is None
        else f"{source.body_bytes:,} bytes",
        "headers passed on": ", ".join(source.event_headers) or "-",
        "never stored": ", ".join(sorted(source.redacted)) or "-",
        "not verified": source.facts.unverified or "-",
        "documentation": source.facts.documentation,
    }
    output.record(_json_names(facts) if as_json else facts, as_json)


def _require_usable(name: str) -> None:
    known = ", ".join(sources.names())
    if not sources.known(name):
        raise click.UsageError(f"there is no source {name!r}; there are {known}")
    if problem := sources.unusable(name):
        raise click.ClickException(problem)


def _json_names(facts: dict[str, str]) -> dict[str, str]:
    """Return the facts under the names of the JSON output, which have no spaces."""
    names = {name: _JSON_NAMES.get(name, name.replace(" ", "_")) for name in facts}
    return {names[name]: fact for name, fact in facts.items()}
