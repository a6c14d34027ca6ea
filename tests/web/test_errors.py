"""Errors that a resource raises become the right response."""

from typing import Any

import falcon
import pytest
from falcon import testing

from app.errors import NotReplayable, RateLimited
from app.web import errors


class Failing:
    """A resource that raises this error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def on_post(self, _req: falcon.Request, _resp: falcon.Response) -> None:
        raise self.error


def answer(error: Exception) -> Any:
    app: Any = falcon.App()
    errors.install(app, 401)
    app.add_route("/", Failing(error))
    return testing.TestClient(app).simulate_post("/")


@pytest.mark.parametrize("status", ["pending", "replayed"])
def test_what_is_no_dead_letter_is_answered_with_what_it_is(status: str) -> None:
    said = answer(NotReplayable(7, status))

    assert said.status_code == 400
    assert said.json == {"error": "not_replayable", "current_status": status}


def test_too_early_a_replay_is_told_when_to_come_again() -> None:
    said = answer(RateLimited(17))

    assert said.status_code == 429
    assert said.headers["Retry-After"] == "17"
    assert said.json == {"error": "rate_limited", "retry_after_seconds": 17}
