"""A payload that cannot work is refused when the trigger is made, each mistake in one sentence."""

import json

import pytest

from app import actions
from app.actions import http, script
from app.errors import ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION
from app.worker import run
from tests.support import factories

GO = {"url": "https://go.acme.example", "apikey": "k"}


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("http", "https://acme.example/in?x=1"),
        ("http", " HTTPS://acme.example "),
        ("http", "http://[::1]:8080/"),
        ("http", '{"url": "https://acme.example", "timeout_seconds": 2, "secret": "whsec_a2V5"}'),
        ("http", '{"url": "https://acme.example", "headers": {"Authorization": "Bearer x"}}'),
        ("script", "report.sh --daily 'the office'"),
        ("script", '{"command": "report.sh --daily", "timeout_seconds": 0.5}'),
        ("script", '{"command": ["report.sh", "the office"]}'),
        ("script", '{"command": "report.py", "interpreter": "python3 -I"}'),
        ("evolution_go", json.dumps(GO)),
        ("evolution_go", json.dumps(GO | {"number": "5511", "text": "Hello {data.name}"})),
        ("skill", "summarise"),
        ("prompt", "Write a summary of {what}"),
    ],
)
def test_a_payload_that_can_work_is_accepted(action: str, payload: str) -> None:
    actions.validate(action, payload)


REFUSED = [
    ("heartbeat", "x", "there is no action 'heartbeat'; there are evolution_go, "),
    *((action, " ", "a trigger needs a payload") for action in actions.ACTIONS),
    ("http", "acme.example", "'acme.example' is not an http:// or https:// address"),
    ("http", "ftp://acme.example", "'ftp://acme.example' is not an http:// or https:// address"),
    ("http", "http://", "not a valid address"),
    ("http", "http://[", "not a valid address"),
    ("http", "http://a:b/", "not a valid address"),
    ("http", "http://a:0/", "not a valid address"),
    ("http", "http://a b/", "not a valid address"),
    ("http", "http://a/\tb", "not a valid address"),
    ("http", "https://me:hunter2@acme.example/", "not hold a user or password"),
    ("http", "{", "the payload is not JSON"),
    ("http", "{}", "'' is not an http:// or https:// address"),
    ("http", '{"url": 1}', "the option 'url' must be text"),
    ("http", '{"u": 1}', "no option 'u'; there are url, headers, secret, timeout_seconds"),
    ("http", '{"url": "http://a", "timeout_seconds": "5"}', "'timeout_seconds' must be a number"),
    ("http", '{"url": "http://a", "timeout_seconds": true}', "'timeout_seconds' must be a number"),
    ("http", '{"url": "http://a", "timeout_seconds": 0}', "'timeout_seconds' must be a number"),
    ("http", '{"url": "http://a", "timeout_seconds": NaN}', "'timeout_seconds' must be a number"),
    ("http", '{"url": "http://a", "timeout_seconds": 1e9}', "'timeout_seconds' must be a number"),
    ("http", '{"url": "http://a", "secret": ""}', "the option 'secret' must be text"),
    ("http", '{"url": "http://a", "headers": []}', "'headers' must be an object"),
    ("http", '{"url": "http://a", "headers": {"a b": "c"}}', "'a b' cannot be sent"),
    ("http", '{"url": "http://a", "headers": {"": "c"}}', "'' cannot be sent"),
    ("http", '{"url": "http://a", "headers": {"a": "hunter2\\r\\nb: c"}}', "'a' cannot be sent"),
    ("http", '{"url": "http://a", "headers": {"a": "hunter2€"}}', "'a' cannot be sent"),
    ("http", '{"url": "http://a", "headers": {"a": 1}}', "'a' cannot be sent"),
    *(
        ("http", json.dumps({"url": "http://a", "headers": {name: "x"}}), "set by Hookonce itself")
        for name in ("Webhook-Id", "idempotency-key", "Host", "Content-Length", "Connection")
    ),
    ("script", "report 'open", "the command line cannot be read"),
    ("script", "{", "the payload is not JSON"),
    ("script", '{"command": ""}', "names no script"),
    ("script", '{"timeout_seconds": 5}', "names no script"),
    ("script", '{"command": ["a", 1]}', "must be a command line or a list of words"),
    ("script", '{"command": {"a": 1}}', "must be a command line or a list of words"),
    ("script", '{"command": "a", "shell": true}', "no option 'shell'"),
    ("script", '{"command": "a", "interpreter": 3}', "'interpreter' must be a command line"),
    ("script", '{"interpreter": "python3"}', "names no script"),
    ("script", "../outside", "'../outside' lies outside the scripts directory"),
    ("script", "a/../../outside", "lies outside the scripts directory"),
    ("evolution_go", "https://go.acme.example", "the payload is not JSON"),
    ("evolution_go", "[]", "must be a JSON object with url, apikey, number"),
    ("evolution_go", json.dumps({"apikey": "hunter2"}), "is not an http:// or https:// address"),
    ("evolution_go", json.dumps(GO | {"apikey": ""}), "the option 'apikey' must be text"),
    ("evolution_go", json.dumps(GO | {"apikey": "hunter2\n"}), "must be the instance's key"),
    ("evolution_go", json.dumps({"url": GO["url"]}), "must be the instance's key"),
    ("evolution_go", json.dumps(GO | {"url": "http://a/?x"}), "without ? or #"),
    ("evolution_go", json.dumps(GO | {"to": "1"}), "no option 'to'"),
    ("evolution_go", json.dumps(GO | {"number": 5511}), "the option 'number' must be text"),
]


@pytest.mark.parametrize(("action", "payload", "said"), REFUSED)
def test_a_payload_that_cannot_work_is_refused_in_one_sentence(
    action: str, payload: str, said: str
) -> None:
    with pytest.raises(InvalidTrigger) as caught:
        actions.validate(action, payload)

    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("action", "payload"),
    [(action, payload) for action, payload, _ in REFUSED if payload.strip() not in ("", "x")],
)
def test_a_row_that_was_made_elsewhere_fails_for_good(action: str, payload: str) -> None:
    failed = run.action(factories.work(action_type=action, action_payload=payload))

    assert isinstance(failed, ActionFailed)
    assert (failed.permanent, failed.reason) == (True, CONFIGURATION)
    assert "hunter2" not in str(failed)


def test_the_options_say_how_long_it_may_take() -> None:
    assert http.read('{"url": "http://a", "timeout_seconds": 2}').timeout_seconds == 2.0
    assert script.read('{"command": "a b", "timeout_seconds": 0.5}') == script.Script(
        ["a", "b"], 0.5
    )
