"""`skill` and `prompt`, the actions of the older system's rows: run a command of the operator's.

That system passed them to its own agent; here a setting names the command that replaces it.
"""

import json

from app.actions import process
from app.actions.process import Program
from app.actions.work import Work
from app.errors import ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION
from app.tolerant_json import json_value


def run(work: Work) -> str:
    """Run the command and return the end of its output; ActionFailed unless its status is 0.

    The command reads payload, agent and event as JSON from its standard input.
    """
    command = getattr(work.settings, f"hookonce_{work.action_type}_command")
    if not command:
        raise ActionFailed(
            f"no command is set for the action {work.action_type!r}: "
            f"set HOOKONCE_{work.action_type.upper()}_COMMAND",
            permanent=True,
            reason=CONFIGURATION,
        )
    limit = work.settings.hookonce_script_timeout_seconds
    return process.run(work, lambda: Program(list(command)), _input(work), limit)


def validate(payload: str) -> None:
    """Raise InvalidTrigger if there is nothing to pass to the command."""
    if not payload.strip():
        raise InvalidTrigger("the payload is empty: there is nothing to pass to the command")


def _input(work: Work) -> bytes:
    values = {
        "action_type": work.action_type,
        "payload": work.action_payload,
        "agent": work.agent,
        "trigger": work.trigger_slug,
        "execution_id": work.execution_id,
        "attempt": work.attempt_number,
        # rows that the older system wrote may hold text that is no JSON
        "event": json_value(work.event_data, default=work.event_data),
    }
    return json.dumps(values).encode()
