"""`hookonce trigger`: the commands that create, change, test and remove triggers."""

import click

from app.cli.late import Late, LateGroup

COMMANDS = {
    "add": Late("trigger_add:add", "Create a trigger; print its id, secret and webhook URL."),
    "counts": Late("deliveries:counts", "Count the deliveries of each outcome, hour by hour."),
    "disable": Late("trigger_changes:disable", "Disable the trigger: it refuses every request."),
    "edit": Late("trigger_edit:edit", "Change the named fields of a trigger and keep all others."),
    "enable": Late("trigger_changes:enable", "Enable the trigger: it receives again."),
    "fields": Late("trigger_fields:fields", "List the fields of a trigger."),
    "list": Late("trigger:list_triggers", "List all triggers, newest first."),
    "pause": Late("trigger_pauses:pause", "Pause the trigger: its events are admitted and wait."),
    "remove": Late("trigger_changes:remove", "Remove the trigger with all its executions."),
    "resume": Late(
        "trigger_pauses:resume",
        "Resume the trigger: waiting executions begin at a pace, oldest first.",
    ),
    "rotate": Late("trigger_changes:rotate", "Give the trigger a new secret and print it."),
    "send": Late(
        "trigger_send:fire", "Send a signed webhook to the trigger and print the response."
    ),
    "show": Late("trigger:show", "Show a trigger, by id, slug or name, and its newest executions."),
    "test": Late("trigger_edit:test", "Run the trigger's action with a test event."),
    "verify": Late(
        "trigger_verify:command", "Verify a captured request and print what was compared."
    ),
    "fire": Late("trigger_send:fire", "An old spelling of `send`.", hidden=True),
}


@click.group("trigger", cls=LateGroup, late=COMMANDS)
def group() -> None:
    """Create, change, test and remove triggers."""
