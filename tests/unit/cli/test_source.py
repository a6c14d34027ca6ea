"""`hookonce source --json` prints the facts of every source."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from app.cli import main
from app.intake import parse, sources
from tests.support import factories, samples


def _said(*words: str) -> Any:
    result = CliRunner().invoke(main, ["source", *words, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


def test_a_program_can_read_which_sources_there_are() -> None:
    listed = _said("list")

    assert [each["name"] for each in listed] == list(sources.names())
    assert set(listed[0]) == {"name", "its_own_id", "signed", "key_by_default"}


def test_a_program_can_read_how_a_source_proves_itself() -> None:
    shown = _said("show", "github")

    assert shown["source"] == "github"
    assert shown["documentation"].startswith("https://")


@pytest.mark.parametrize("name", sources.names())
def test_whatever_a_source_does_is_told_of_it(name: str) -> None:
    source = sources.named(name)
    told = _said("show", name)
    batched = [
        event.batched
        for of, case in samples.names()
        if of == name
        for request in [factories.request(samples.sample(of, case))]
        for event in source.events(request, parse.payload(request))
    ]

    assert (told["handshake"] != "none") == (
        source.handshake is not sources.named("custom").handshake
        or source.greeting is not None
        or source.challenge is not None
    )
    assert (told["events"] != "one for each request") == (any(batched) or name == "twilio")
    assert all(told[fact] for fact in ("signature", "its_own_id", "documentation"))
    assert told["never_stored"] == (", ".join(sorted(source.redacted)) or "-")
