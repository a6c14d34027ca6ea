"""An invalid retry policy is refused when written, and replaced by the default when stored."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidTrigger
from app.executions import retry_policy
from app.executions.retry_policy import DEFAULT, RetryPolicy


def test_what_a_policy_leaves_out_is_as_by_default() -> None:
    assert retry_policy.read('{"max_attempts": 3}') == RetryPolicy(max_attempts=3)
    assert retry_policy.read("{}") == DEFAULT


def test_a_policy_says_all_there_is_to_say() -> None:
    text = (
        '{"max_attempts": 3, "base_seconds": 1, "factor": 1.5, "cap_seconds": 60, '
        '"max_age_seconds": 600}'
    )

    assert retry_policy.read(text) == RetryPolicy(3, 1.0, 1.5, 60.0, 600.0)


MISTAKES = [
    ("", "the retry policy is not JSON"),
    ("{", "the retry policy is not JSON"),
    ("[" * 100_000, "the retry policy is not JSON"),
    ("[]", "must be an object"),
    ("null", "must be an object"),
    ("3", "must be an object"),
    ('{"attempts": 3}', "has no field 'attempts'; its fields are max_attempts, base_seconds"),
    ('{"max_attempts": 0}', "max_attempts of the retry policy must be 1 to 1000"),
    ('{"max_attempts": 1001}', "max_attempts of the retry policy must be 1 to 1000"),
    ('{"max_attempts": 2.5}', "max_attempts of the retry policy must be a whole number"),
    ('{"max_attempts": "3"}', "max_attempts of the retry policy must be a number"),
    ('{"max_attempts": true}', "max_attempts of the retry policy must be a number"),
    ('{"max_attempts": null}', "max_attempts of the retry policy must be a number"),
    ('{"base_seconds": -1}', "base_seconds of the retry policy must be 0 to"),
    ('{"base_seconds": NaN}', "base_seconds of the retry policy must be 0 to"),
    ('{"cap_seconds": Infinity}', "cap_seconds of the retry policy must be 0 to"),
    ('{"cap_seconds": 1e400}', "cap_seconds of the retry policy must be 0 to"),
    ('{"factor": 0.5}', "factor of the retry policy must be 1 to"),
    ('{"max_age_seconds": 0}', "max_age_seconds of the retry policy must be 1 to"),
]


@pytest.mark.parametrize(("text", "says"), MISTAKES, ids=lambda each: each[:30])
def test_a_mistake_is_explained_in_one_sentence(text: str, says: str) -> None:
    with pytest.raises(InvalidTrigger, match=says):
        retry_policy.read(text)


@pytest.mark.parametrize("text", [text for text, _ in MISTAKES if text], ids=lambda each: each[:30])
def test_an_invalid_stored_policy_is_replaced_by_the_default_and_warned_of_once(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    retry_policy._read_or_default.cache_clear()

    with caplog.at_level(logging.WARNING):
        found = [retry_policy.read_or_default(text) for _ in range(3)]

    assert found == [DEFAULT] * 3
    assert [each.evt for each in caplog.records] == ["retry_policy_ignored"]


@pytest.mark.parametrize("text", [None, "", " "])
def test_a_trigger_without_a_policy_is_retried_by_default(text: str | None) -> None:
    assert retry_policy.read_or_default(text) == DEFAULT


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
names = st.sampled_from(
    ["max_attempts", "base_seconds", "factor", "cap_seconds", "max_age_seconds"]
)


@given(st.dictionaries(names, anything) | anything)
def test_any_stored_value_gives_a_valid_policy(value: object) -> None:
    policy = retry_policy.read_or_default(json.dumps(value))

    assert policy.max_attempts >= 1
    assert policy.cap_seconds >= 0
