"""A source of another package is used as a whole; its errors are not blamed on the sender."""

from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from app.errors import SourceFailed, Unverified
from app.intake import sources
from app.intake.message import Event, Request, Source
from app.intake.sources import plugins

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REQUEST = Request("1", {}, b"{}")


def accept(_request: Request, _secret: str, _now: datetime, _tolerance: float | None) -> None:
    return None


def one(_request: Request, payload: Any) -> list[Event]:
    return [Event(payload, {"event_type": "a", "data": payload["data"]})]


USABLE = Source("usable", accept, one)
MISNAMED = Source("other", accept, one)
NO_SOURCE = object()


@pytest.fixture(autouse=True)
def installed() -> Iterator[None]:
    """Offer these entry points as installed packages would."""
    here = __name__
    targets = {"usable": "USABLE", "misnamed": "MISNAMED", "none": "NO_SOURCE", "absent": "ABSENT"}
    plugins.group.forget()
    plugins.group._points = {
        name: [EntryPoint(name, f"{here}:{target}", plugins.GROUP)]
        for name, target in {**targets, "github": "USABLE"}.items()
    }
    plugins.group._points["twice"] = [
        EntryPoint("twice", f"{here}:{target}", plugins.GROUP) for target in ("USABLE", "MISNAMED")
    ]
    yield
    plugins.group.forget()
    plugins._usable.clear()


def test_its_functions_are_used_and_a_built_in_name_is_not_replaced() -> None:
    source = sources.named("usable")

    source.verify(REQUEST, "secret", NOW, None)
    assert source.events(REQUEST, {"data": 1})[0].normalised["data"] == 1
    assert "usable" in sources.names()
    assert sources.named("github").facts.signature
    assert sources.unusable("github") is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("misnamed", "has the name 'other'"),
        ("none", "is no app.intake.sources.plugins.Source"),
        ("absent", "AttributeError"),
        ("twice", "more than one package offers it"),
    ],
)
def test_one_that_cannot_be_used_is_named_and_never_taken_for_custom(
    name: str, problem: str
) -> None:
    assert problem in str(sources.unusable(name))
    for call in (
        lambda: sources.named(name).verify(REQUEST, "secret", NOW, None),
        lambda: sources.named(name).unsigned(REQUEST),
    ):
        with pytest.raises(SourceFailed, match="cannot be used"):
            call()


def test_an_error_of_its_code_is_told_from_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SourceFailed, match="the source 'usable' failed: TypeError"):
        sources.named("usable").events(REQUEST, [])
    assert "source_failed" in caplog.text

    refusing = plugins._guarded(Source("usable", _refuse, one))
    with pytest.raises(Unverified):
        refusing.verify(REQUEST, "secret", NOW, None)


def _refuse(*_: object) -> None:
    raise Unverified("bad_signature")


def test_a_source_without_an_event_id_has_none_when_it_is_guarded() -> None:
    keyed = Source("usable", accept, one, provider_key=lambda _request, _event: ("1",))

    assert not sources.named("usable").has_event_id
    assert plugins._guarded(keyed).has_event_id
