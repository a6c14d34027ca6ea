"""`noop`: store the event and do nothing else."""

from app.actions.work import Work


def run(_work: Work) -> str:
    """Do nothing, successfully."""
    return "nothing to do"


def validate(_payload: str) -> None:
    """Accept every payload: it is a note for people."""
