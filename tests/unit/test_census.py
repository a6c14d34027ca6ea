"""Every process sees how many connections the others have."""

import os

from app.server.connection_counts import PROCESSES_AT_MOST, Census


def test_the_fewest_are_those_of_the_process_that_has_the_fewest() -> None:
    census = Census()
    census.note(1, 7)
    census.note(2, 3)

    assert census.fewest() == 3


def test_a_process_that_is_no_more_has_none_to_be_compared_with() -> None:
    census = Census()
    census.note(1, 7)
    census.note(2, 0)
    census.forget(2)

    assert census.fewest() == 7


def test_without_any_process_nobody_has_fewer() -> None:
    assert Census().fewest() == 0


def test_what_a_child_notes_its_parent_sees() -> None:
    census = Census()
    census.note(1, 9)

    if (child := os.fork()) == 0:
        census.note(2, 4)
        os._exit(0)
    os.waitpid(child, 0)

    assert census.fewest() == 4


def test_the_number_of_a_worker_grows_without_end() -> None:
    census = Census()
    census.note(5 * PROCESSES_AT_MOST + 1, 2)
    census.forget(1)

    assert census.fewest() == 0
