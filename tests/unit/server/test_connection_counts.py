"""Every process sees how many connections the others have."""

import os

from app.server.connection_counts import PROCESSES_AT_MOST, ConnectionCounts


def test_the_fewest_are_those_of_the_process_that_has_the_fewest() -> None:
    connection_counts = ConnectionCounts()
    connection_counts.note(1, 7)
    connection_counts.note(2, 3)

    assert connection_counts.fewest() == 3


def test_a_process_that_is_no_more_has_none_to_be_compared_with() -> None:
    connection_counts = ConnectionCounts()
    connection_counts.note(1, 7)
    connection_counts.note(2, 0)
    connection_counts.forget(2)

    assert connection_counts.fewest() == 7


def test_without_any_process_nobody_has_fewer() -> None:
    assert ConnectionCounts().fewest() == 0


def test_what_a_child_notes_its_parent_sees() -> None:
    connection_counts = ConnectionCounts()
    connection_counts.note(1, 9)

    if (child := os.fork()) == 0:
        connection_counts.note(2, 4)
        os._exit(0)
    os.waitpid(child, 0)

    assert connection_counts.fewest() == 4


def test_the_number_of_a_worker_grows_without_end() -> None:
    connection_counts = ConnectionCounts()
    connection_counts.note(5 * PROCESSES_AT_MOST + 1, 2)
    connection_counts.forget(1)

    assert connection_counts.fewest() == 0
