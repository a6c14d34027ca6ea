"""An action's secrets are shown to nobody, and survive being sent back masked."""

import json

import pytest

from app.masking import MASK, masked, restored

PAYLOAD = json.dumps(
    {"url": "https://a.example", "secret": "s-1", "headers": {"Authorization": "b", "X-Odd": "c"}}
)


def test_options_by_the_name_of_a_secret_are_masked_at_any_depth() -> None:
    shown = json.loads(str(masked(PAYLOAD)))

    assert shown["secret"] == MASK
    assert shown["headers"] == {"Authorization": MASK, "X-Odd": "c"}
    assert shown["url"] == "https://a.example"


@pytest.mark.parametrize("plain", [None, "", "a-script --token x", "https://a.example", "[1]", "{"])
def test_what_is_no_object_of_options_is_shown_as_it_is(plain: str | None) -> None:
    assert masked(plain) == plain


def test_what_is_sent_back_masked_stays_as_it_was() -> None:
    assert json.loads(restored(str(masked(PAYLOAD)), PAYLOAD)) == json.loads(PAYLOAD)


def test_a_secret_that_is_sent_anew_counts() -> None:
    changed = json.dumps({"secret": "s-2", "headers": {"Authorization": MASK}})

    assert json.loads(restored(changed, PAYLOAD)) == {
        "secret": "s-2",
        "headers": {"Authorization": "b"},
    }


def test_a_mask_with_nothing_behind_it_stays_a_word() -> None:
    given = json.dumps({"token": MASK})

    assert restored(given, PAYLOAD) == given
    assert restored(MASK, PAYLOAD) == MASK
