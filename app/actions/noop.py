"""`noop`: the event is kept, and nothing is done about it."""

from app.actions.work import Work


def run(_work: Work) -> str:
    """Succeeds."""
    return "nothing to do"


def validate(_payload: str) -> None:
    """Whatever it says is a note."""
