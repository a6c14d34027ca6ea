"""The `hookonce` command: each subcommand reads its arguments, calls one function and prints.

No rule stands here; the API and the pages call the same functions. Each group of commands is a
module of its own and is registered here. The docstrings of the commands are the texts of `--help`.
"""

from copy import copy

import click

from app import settings
from app.cli import (
    action,
    audit,
    check,
    dead,
    deliveries,
    doctor,
    execution,
    held,
    migrate,
    prune,
    replay,
    secret,
    serve,
    source,
    stats,
    token,
    trigger,
    trigger_changes,
    trigger_edit,
    trigger_fields,
    trigger_verify,
    triggers,
    worker,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hookonce")
def main() -> None:
    """Receive webhooks, admit every event once, and run the action of its trigger."""
    for name in settings.unknown_names():
        click.echo(f"warning: {name} is set, but Hookonce has no such setting", err=True)


for command in (worker.command, check.command, doctor.command, replay.command, prune.command):
    main.add_command(command)
main.add_command(stats.command)
for start in (migrate.command, serve.command):
    main.add_command(start)
for group in (action.group, audit.group, dead.group, execution.group, held.group):
    main.add_command(group)
for group in (secret.group, source.group):
    main.add_command(group)
for group in (deliveries.group, token.group, trigger.group, triggers.group):
    main.add_command(group)
for change in (*trigger_changes.COMMANDS, *trigger_edit.COMMANDS, *deliveries.COMMANDS):
    trigger.group.add_command(change)
trigger.group.add_command(trigger_fields.fields)
trigger.group.add_command(trigger_verify.command)


def _hidden(command: click.Command) -> click.Command:
    """Return a copy that works but is not listed: an old spelling stays valid in scripts."""
    alias = copy(command)
    alias.hidden = True
    return alias


trigger.group.add_command(trigger.fire, "send")
trigger.group.add_command(_hidden(trigger.fire), "fire")
