"""The headers that describe an event are chosen by name from those that were stored."""

import pytest

from app.actions.http import OURS
from app.intake import sources
from app.masking import is_harmless_name
from app.worker.attempt import named_headers

NAMES = [name for names in sources.event_headers().values() for name in names]


@pytest.mark.parametrize("name", NAMES)
def test_no_source_passes_on_a_secret_or_a_header_that_hookonce_sets(name: str) -> None:
    assert is_harmless_name(name)  # only such a header is stored, and can be passed on
    assert name.lower() not in OURS | {"content-type", "user-agent", "accept-encoding"}


def test_the_sources_that_name_an_event_in_a_header_declare_it() -> None:
    assert {"github", "gitlab", "linear", "shopify"} <= set(sources.event_headers())


@pytest.mark.parametrize(
    "stored", [None, "", "[]", "no JSON", '{"x-github-event": 7}', '{"x-hub-signature": "a"}']
)
def test_a_header_that_was_not_stored_is_not_passed_on(stored: str | None) -> None:
    assert named_headers(stored, ("X-GitHub-Event",)) == {}


def test_a_stored_header_is_passed_on_as_its_sender_spells_it() -> None:
    stored = '{"x-github-event": "star", "authorization": "Bearer"}'

    assert named_headers(stored, ("X-GitHub-Event",)) == {"X-GitHub-Event": "star"}
