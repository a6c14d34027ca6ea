"""Run an action outside any transaction, and return its result or its error."""

import logging
import threading
from queue import Empty, SimpleQueue

from app import actions
from app.actions import Action
from app.actions.exchange import NOTHING, StoredExchange
from app.actions.work import Work
from app.errors import Absent, ActionFailed, MachineTrouble
from app.lifecycle import CONFIGURATION, TIMEOUT

logger = logging.getLogger("hookonce.worker")


def action(work: Work) -> str | BaseException:
    """Run the action; return its text or the error that it ended with. Never raises."""
    try:
        run = actions.named(work.action_type)
        if run is None:
            return Absent(
                f"this installation has no action named {work.action_type!r}", reason=CONFIGURATION
            )
        return _call(run, work) if actions.built_in(work.action_type) else _call_in_time(run, work)
    except BaseException as error:  # even KeyboardInterrupt: this thread gets none from a keyboard
        return error


def exchange_of(work: Work) -> StoredExchange:
    """Return what the action sent and got back. Never raises: the work itself is done by then."""
    try:
        return work.exchanged()
    except Exception:
        logger.exception("what an attempt sent and got back could not be recorded")
        return NOTHING


def _call(run: Action, work: Work) -> str:
    """Return the result as text: a plug-in may return any type, and its work is done by then."""
    result = run(work)
    return "" if result is None else str(result)


def _call_in_time(run: Action, work: Work) -> str | BaseException:
    """Call a plug-in's action in a thread of its own, within the time limit of plug-ins.

    A thread cannot be killed. One that hangs is abandoned, and ends with the worker.
    """
    results: SimpleQueue[str | BaseException] = SimpleQueue()

    def call() -> None:
        try:
            results.put(_call(run, work))
        except BaseException as error:
            results.put(error)

    limit = work.settings.hookonce_plugin_timeout_seconds
    try:
        threading.Thread(target=call, name="plug-in", daemon=True).start()
    except RuntimeError as error:
        raise MachineTrouble(f"the action was not started: {error}") from error
    try:
        return results.get(timeout=limit)
    except Empty:
        return ActionFailed(
            f"timed out after {limit:g} s, and was abandoned", permanent=False, reason=TIMEOUT
        )
