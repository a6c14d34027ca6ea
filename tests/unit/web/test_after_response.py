"""What can wait is done when the answer is closed, and nothing that fails there goes further."""

from collections.abc import Iterable
from contextvars import ContextVar
from typing import Any

import pytest

from app.web import after_response


def said(*works: Any, pieces: Iterable[bytes] = (b"o", b"k")) -> Any:
    """The answer of an application that leaves these to be done."""

    def application(_environ: object, _start: object) -> Iterable[bytes]:
        for work in works:
            after_response.defer(work)
        return pieces

    return after_response.respond(application, {}, None)


def test_what_was_left_is_done_when_the_answer_is_closed_in_its_order() -> None:
    done: list[str] = []

    answer = said(lambda: done.append("first"), lambda: done.append("second"))

    assert b"".join(answer) == b"ok"
    assert done == []
    answer.close()
    assert done == ["first", "second"]


def test_where_nobody_asks_it_is_done_at_once() -> None:
    done: list[str] = []
    after_response.defer(lambda: done.append("now"))

    assert done == ["now"]


def test_what_one_answer_leaves_waits_for_no_other() -> None:
    done: list[str] = []
    one, other = (said(lambda name=name: done.append(name)) for name in ("one", "other"))

    other.close()
    assert done == ["other"]
    one.close()
    assert done == ["other", "one"]


def test_it_is_done_with_what_the_application_knew() -> None:
    name: ContextVar[str] = ContextVar("name", default="")
    seen: list[str] = []

    def application() -> Iterable[bytes]:
        name.set("ada")
        after_response.defer(lambda: seen.append(name.get()))
        return [b""]

    after_response.respond(application).close()  # type: ignore[attr-defined]

    assert seen == ["ada"]
    assert name.get() == ""


def test_an_error_is_told_and_keeps_nothing_else_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    said(lambda: int("none"), lambda: done.append("next")).close()

    assert done == ["next"]
    assert "after an answer failed" in caplog.text


def test_an_answer_that_wants_to_be_closed_is() -> None:
    done: list[str] = []

    class Pieces(list[bytes]):
        def close(self) -> None:
            done.append("closed")

    said(lambda: done.append("after"), pieces=Pieces()).close()

    assert done == ["closed", "after"]


def test_an_answer_that_cannot_be_closed_keeps_nothing_from_being_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    done: list[str] = []

    class Pieces(list[bytes]):
        def close(self) -> None:
            raise ArithmeticError

    said(lambda: done.append("after"), pieces=Pieces()).close()

    assert done == ["after"]
    assert "ArithmeticError" in caplog.text


def test_what_is_closed_again_does_nothing_again() -> None:
    done: list[str] = []

    answer = said(lambda: done.append("once"))
    answer.close()
    answer.close()

    assert done == ["once"]
