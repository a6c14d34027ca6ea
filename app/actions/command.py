"""`skill` and `prompt`, as rows of the older system have them: a command that the operator chose.

That system handed them to an agent of its own; which program stands in for it here is a setting.
"""

import json

from app.actions import process
from app.actions.work import Work
from app.errors import ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION
from app.tolerant_json import json_value


def run(work: Work) -> str:
    """What the command printed at its end, after it ended with status 0.

    It gets payload, agent and event as JSON on its standard input.
    """
    command = getattr(work.settings, f"hookonce_{work.action_type}_command")
    if not command:
        raise ActionFailed(
            f"no command is set for the action {work.action_type!r}: "
            f"HOOKONCE_{work.action_type.upper()}_COMMAND names one",
            permanent=True,
            reason=CONFIGURATION,
        )
    limit = work.settings.hookonce_script_timeout_seconds
    return process.run(work, list(command), _given(work), limit)


def validate(payload: str) -> None:
    """Raises InvalidTrigger where there is nothing to hand to the command."""
    if not payload.strip():
        raise InvalidTrigger("the payload is empty: there is nothing to hand to the command")


def _given(work: Work) -> bytes:
    handed = {
        "action_type": work.action_type,
        "payload": work.action_payload,
        "agent": work.agent,
        "trigger": work.trigger_slug,
        "execution_id": work.execution_id,
        "attempt": work.attempt_number,
        # rows that the older system wrote may hold text that is no JSON
        "event": json_value(work.event_data, default=work.event_data),
    }
    return json.dumps(handed).encode()
