"""A function that may block is refused on an answering thread, or run by another thread."""

import threading
from collections.abc import Iterator

import pytest

from app import cooperative
from app.cooperative import BlocksAnsweringThread
from tests.support.answering import Answering


@cooperative.blocking
def forbidden() -> int:
    return threading.get_ident()


@cooperative.offloaded
def moved(*, number: int) -> tuple[int, int]:
    return number, threading.get_ident()


@pytest.fixture
def answering() -> Iterator[Answering]:
    made = Answering()
    yield made
    made.close()


def test_a_blocking_function_raises_on_an_answering_thread(answering: Answering) -> None:
    with pytest.raises(BlocksAnsweringThread, match=r"^forbidden may block, .* offload$"):
        answering.answer(forbidden)


def test_a_blocking_function_may_be_offloaded(answering: Answering) -> None:
    threads: list[int] = []

    answering.answer(lambda: threads.append(cooperative.offload(forbidden)))
    answering.until(lambda: threads)

    assert threads != [threading.get_ident()]


def test_a_blocking_function_runs_on_an_ordinary_thread() -> None:
    assert forbidden() == threading.get_ident()


def test_an_offloaded_function_leaves_the_answering_thread(answering: Answering) -> None:
    results: list[tuple[int, int]] = []

    answering.answer(lambda: results.append(moved(number=3)))
    answering.until(lambda: results)

    ((number, thread),) = results
    assert number == 3
    assert thread != threading.get_ident()


def test_an_offloaded_function_stays_on_an_ordinary_thread() -> None:
    assert moved(number=3) == (3, threading.get_ident())
