"""The explanation of an idempotency key on the execution page, and errors in lists."""

import pytest

from app.web.pages import filters, key_explanation


def _shown(key: str | None, event: object = None, found_at: tuple[str, ...] = ()) -> dict:
    duplicate_key = {"key": key, "found_at": list(found_at), "first_execution_id": 1}
    return {"idempotency_key": key, "event_data": event, "duplicate_key": duplicate_key}


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ({"data": {"idempotency_key": "k", "messageId": "k"}}, "idempotency_key"),
        ({"data": {"messageId": "k"}}, "messageId"),
        ({"data": {"data": {"messageId": "k"}}}, "data.messageId"),
        ({"data": {"messageId": "k", "idempotency_key": "other"}}, "messageId"),
    ],
)
def test_a_key_from_a_default_place_is_said_to_stand_there(event: dict, place: str) -> None:
    found = key_explanation.explained(_shown("k", event), "custom")

    assert (found["key_places"], found["key_exact"]) == ([place], True)


def test_a_key_whose_payload_is_kept_no_longer_names_all_places_looked_at() -> None:
    found = key_explanation.explained(_shown("k", "removed"), "custom")

    assert len(found["key_places"]) == 3
    assert not found["key_exact"]


def test_a_key_of_several_values_is_shown_in_its_parts() -> None:
    found = key_explanation.explained(_shown('["shop","3EB0"]'), "evolution")

    assert found["key_parts"] == ["shop", "3EB0"]
    assert found["key_places"][0].startswith("evolution's event id")
    assert found["key_exact"]


@pytest.mark.parametrize("key", ["[", "[1,2]", "plain", '["cut', "[" * 200, None])
def test_a_key_that_only_looks_like_a_list_has_no_parts(key: str | None) -> None:
    assert key_explanation.explained(_shown(key), "custom")["key_parts"] == []


def test_an_error_of_many_lines_is_told_by_its_first_and_its_last() -> None:
    error = "ended with status 1: Traceback\n" + '  File "shop.py"\n' * 50 + "KeyError: 'email'\n"

    assert filters.excerpt(error, 90) == "ended with status 1: Traceback … KeyError: 'email'"


@pytest.mark.parametrize("error", [None, "", "one line", "two\nshort", "\n\n"])
def test_a_short_error_is_told_whole(error: str | None) -> None:
    assert filters.excerpt(error, 90) == " ".join((error or "").split())


def test_a_cut_first_line_ends_in_one_ellipsis() -> None:
    assert filters.excerpt("x" * 200 + "\nKeyError", 90) == "x" * 30 + " … KeyError"
