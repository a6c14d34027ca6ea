"""Deferred work runs when the response is closed, and its errors are logged."""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import pytest

from app.web import after_response


def response(*works: Any, chunks: Iterable[bytes] = (b"o", b"k")) -> Any:
    """Return the response of an application that defers these functions."""

    def application(_environ: object, _start: object) -> Iterable[bytes]:
        for work in works:
            after_response.defer(work)
        return chunks

    return after_response.respond(application, {}, None)


def test_deferred_work_runs_in_order_when_the_response_is_closed() -> None:
    done: list[str] = []

    closing = response(lambda: done.append("first"), lambda: done.append("second"))

    assert b"".join(closing) == b"ok"
    assert done == []
    closing.close()
    assert done == ["first", "second"]


def test_outside_a_request_work_runs_immediately() -> None:
    done: list[str] = []
    after_response.defer(lambda: done.append("now"))

    assert done == ["now"]


def test_the_work_of_one_response_does_not_wait_for_another() -> None:
    done: list[str] = []
    one, other = (response(lambda name=name: done.append(name)) for name in ("one", "other"))

    other.close()
    assert done == ["other"]
    one.close()
    assert done == ["other", "one"]


def test_deferred_work_runs_in_the_context_of_the_application() -> None:
    name: ContextVar[str] = ContextVar("name", default="")
    seen: list[str] = []

    def application() -> Iterable[bytes]:
        name.set("ada")
        after_response.defer(lambda: seen.append(name.get()))
        return [b""]

    after_response.respond(application).close()  # type: ignore[attr-defined]

    assert seen == ["ada"]
    assert name.get() == ""


def test_an_error_is_logged_and_the_remaining_work_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    response(lambda: int("none"), lambda: done.append("next")).close()

    assert done == ["next"]
    assert "deferred work failed" in caplog.text


def test_the_close_method_of_the_response_is_called_first() -> None:
    done: list[str] = []

    class Chunks(list[bytes]):
        def close(self) -> None:
            done.append("closed")

    response(lambda: done.append("after"), chunks=Chunks()).close()

    assert done == ["closed", "after"]


def test_an_error_of_the_close_method_is_logged_and_the_work_runs(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    class Chunks(list[bytes]):
        def close(self) -> None:
            raise ArithmeticError

    response(lambda: done.append("after"), chunks=Chunks()).close()

    assert done == ["after"]
    assert "ArithmeticError" in caplog.text


def test_closing_twice_runs_the_work_once() -> None:
    done: list[str] = []

    closing = response(lambda: done.append("once"))
    closing.close()
    closing.close()

    assert done == ["once"]
