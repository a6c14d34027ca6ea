"""Do it: outside any transaction. Whatever the action does, what comes back is how it ended."""

import threading
from queue import Empty, SimpleQueue

from app import actions
from app.actions import Action
from app.actions.work import Work
from app.errors import ActionFailed
from app.lifecycle import CONFIGURATION, TIMEOUT


def action(work: Work) -> str | BaseException:
    """What the action said, or the error that it ended with; it never raises."""
    try:
        run = actions.named(work.action_type)
        if run is None:
            return ActionFailed(
                f"this installation has no action named {work.action_type!r}",
                permanent=True,
                reason=CONFIGURATION,
            )
        return _said(run, work) if actions.built_in(work.action_type) else _in_time(run, work)
    except BaseException as error:  # even KeyboardInterrupt: in a thread of ours nobody pressed it
        return error


def _said(run: Action, work: Work) -> str:
    """What it returned, as text: a plug-in may return anything, and has done its work by then."""
    result = run(work)
    return "" if result is None else str(result)


def _in_time(run: Action, work: Work) -> str | BaseException:
    """The same, within a plug-in's time limit.

    A thread cannot be killed. One that hangs is left behind, and ends with the worker.
    """
    ended: SimpleQueue[str | BaseException] = SimpleQueue()

    def work_on() -> None:
        try:
            ended.put(_said(run, work))
        except BaseException as error:
            ended.put(error)

    limit = work.settings.hookonce_plugin_timeout_seconds
    threading.Thread(target=work_on, name="plug-in", daemon=True).start()
    try:
        return ended.get(timeout=limit)
    except Empty:
        return ActionFailed(
            f"timed out after {limit:g} s, and was left behind", permanent=False, reason=TIMEOUT
        )
