"""Do it: outside any transaction. Whatever the action does, what comes back is how it ended."""

from app import actions
from app.actions.work import Work
from app.errors import ActionFailed


def action(work: Work) -> str | BaseException:
    """What the action said, or the error that it ended with; it never raises."""
    run = actions.named(work.action_type)
    if run is None:
        return ActionFailed(
            f"this installation has no action named {work.action_type!r}", permanent=True
        )
    try:
        return run(work)
    except (Exception, SystemExit) as error:
        return error
