"""The longest wait among the triggers with executions due. Pure."""

from app.executions import due
from app.executions.due import DueTrigger


def test_the_longest_wait_is_known_to_the_millisecond() -> None:
    due_triggers = [
        DueTrigger(1, -3.00049),
        DueTrigger(2, -7.25),
        DueTrigger(3, 60.0),
        DueTrigger(4, -float(2**31)),
    ]

    assert due.longest_due_seconds(due_triggers) == 7.25
    assert due.longest_due_seconds(due_triggers[:1]) == 3.0


def test_nothing_has_waited_if_nothing_is_due() -> None:
    assert due.longest_due_seconds([DueTrigger(3, 60.0)]) is None
    assert due.longest_due_seconds([DueTrigger(4, -float(2**31))]) is None
