"""Name what will not work of the triggers that were taken over, or will be, and what mends it.

It reads any revision of the schema, and a database of the older system before the first one.
"""

import os
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import actions, db
from app.actions import script
from app.db import fitness, found_triggers, schema
from app.db.encryption import SecretBox
from app.db.migration_ops import obstacles, refusing_objects
from app.errors import ActionFailed, InvalidTrigger, SecretSealed
from app.installation import migration_command
from app.intake import key, older_rules, sources
from app.settings import Settings
from app.triggers import older_filters

TABLES = ("triggers", "trigger_executions")
EDIT = "hookonce trigger edit"
ONLY_FOUND = "only because the trigger was taken over"
_COLUMNS = (
    *("id", "slug", "type", "source", "event_filter", "action_type", "action_payload", "secret"),
    *("enabled", "sealed_secret", "sealed_action_payload", "idempotency_key_from"),
    *("previous_secret_expires_at", "verification"),
)
"""Columns that are read where they exist; the later ones are our own."""


@dataclass(frozen=True, slots=True)
class AdoptionProblem:
    """A reason why a trigger will not work as in the older system, and what mends it."""

    trigger: str
    problem: str
    mend: str

    def __str__(self) -> str:
        return f"{self.trigger}: {self.problem}; {self.mend}"


def problems(connection: Connection, settings: Settings) -> list[AdoptionProblem]:
    """Return the problems of every enabled trigger that came from the older system, by id."""
    columns = db.columns(connection)
    rows = _found_rows(connection, columns) if "triggers.id" in columns else ()
    return [each for row in rows for each in _of_trigger(row, settings)]


def found_tables(connection: Connection) -> list[str]:
    """Return the tables of the older system that `alembic upgrade head` would take over."""
    if schema.current_revision(connection) is not None:
        return []
    columns = db.columns(connection)
    return [name for name in TABLES if any(each.startswith(f"{name}.") for each in columns)]


def refusals(connection: Connection) -> list[str]:
    """Return a sentence for each reason why `alembic upgrade head` would not take the tables over.

    A database that is already at a revision of ours has been taken over, or made, by us.
    """
    columns, existing = db.columns(connection), found_tables(connection)
    if not existing:
        return []
    sentences = refusing_objects.taken_tables(connection, TABLES)
    sentences += obstacles.obstacles(connection, existing)
    if not sentences and len(existing) == len(TABLES):
        sentences = [str(each) for each in fitness.misfits(connection)]
    if not sentences and "trigger_executions.idempotency_key" in columns:
        sentences = list(_shared_keys(connection))
    return sentences


def _shared_keys(connection: Connection) -> Iterator[str]:
    table = sa.table("trigger_executions", sa.column("trigger_id"), sa.column("idempotency_key"))
    key_of = (table.c.trigger_id, table.c.idempotency_key)
    shared = (
        sa.select(*key_of)
        .where(table.c.idempotency_key.is_not(None))
        .group_by(*key_of)
        .having(sa.func.count() > 1)
    )
    count = connection.execute(sa.select(sa.func.count()).select_from(shared.subquery())).scalar()
    if count:
        yield (
            f"{count} idempotency key(s) belong to several executions of a trigger; "
            f"`{migration_command('-x dedupe=keep-first upgrade head')}` keeps each on the first"
        )


def _found_rows(connection: Connection, columns: frozenset[str]) -> list[Any]:
    names = [name for name in _COLUMNS if f"triggers.{name}" in columns]
    missing = [sa.null().label(name) for name in _COLUMNS if name not in names]
    table = sa.table("triggers", *(sa.column(name) for name in names))
    query = sa.select(*table.c, *missing)
    if ".".join(found_triggers.COLUMN) in columns:
        query = query.where(table.c.id <= found_triggers.last_id(connection))
    elif schema.current_revision(connection) is not None:
        return []  # our own database: no trigger of it was found
    return [row for row in connection.execute(query.order_by(table.c.id)) if row.enabled]


def _of_trigger(row: Any, settings: Settings) -> Iterator[AdoptionProblem]:
    slug = str(row.slug or row.id)
    name, source = shlex.quote(slug), str(row.source or "custom")
    if not row.secret and row.sealed_secret is None:
        problem = "it has no secret, so every webhook is refused"
        yield AdoptionProblem(slug, problem, f"`hookonce trigger rotate {name}`")
    yield from (AdoptionProblem(slug, *each) for each in _of_action(row, name, settings))
    yield from (AdoptionProblem(slug, *each) for each in _of_sender(row, name, source))
    for sentence in older_filters.never_matching(source, row.event_filter):
        yield AdoptionProblem(slug, sentence, f"`{EDIT} {name} --filter ...`")
    if _is_unkeyed(row, source):
        problem = "each redelivery is a new execution, although the sender repeats its event id"
        mend = f"`{EDIT} {name} --key-from provider` (`--key-from none` keeps it so)"
        yield AdoptionProblem(slug, problem, mend)


def _is_unkeyed(row: Any, source: str) -> bool:
    """Return whether the sender's own id could be the key.

    A sender that signs as in the older system may be any, so that one has to be decided first.
    """
    if row.idempotency_key_from is not None or _accepts_older_signature(row, source):
        return False
    return key.of_new_trigger(sources.named(source)) is not None


def _accepts_older_signature(row: Any, source: str) -> bool:
    accepted = older_rules.is_accepted(
        source, row.previous_secret_expires_at, row.idempotency_key_from
    )
    return accepted and row.verification is None


def _of_sender(row: Any, name: str, source: str) -> Iterator[tuple[str, str]]:
    """Yield what receiving still accepts only because the trigger was taken over."""
    if (row.type or "webhook") != "webhook":
        problem = f"its type {row.type!r} receives no webhooks; they are accepted {ONLY_FOUND}"
        yield problem, f"`{EDIT} {name} --type webhook`"
    if _accepts_older_signature(row, source):
        problem = f"X-Webhook-Signature proves no sender of {source}; it is accepted {ONLY_FOUND}"
        mend = (
            f"`{EDIT} {name} --source custom` if the sender signs so, otherwise "
            f"`hookonce trigger rotate {name} --secret ...` with the secret of its own proof"
        )
        yield problem, mend


def _of_action(row: Any, name: str, settings: Settings) -> Iterator[tuple[str, str]]:
    kind = str(row.action_type or "")
    choose = f"`{EDIT} {name} --action ... --payload ...`"
    try:
        payload = str(SecretBox(settings.hookonce_secret_key).payload(row) or "")
        if kind == "script":
            yield from _of_script(payload, name, settings)
            return
        actions.validate(kind, payload)
    except SecretSealed:
        return  # `hookonce check` has a line on secrets of its own
    except InvalidTrigger as error:
        yield str(error), choose
        return
    if kind in ("skill", "prompt"):
        yield from _of_command(kind, settings)


def _of_command(kind: str, settings: Settings) -> Iterator[tuple[str, str]]:
    setting = f"HOOKONCE_{kind.upper()}_COMMAND"
    command = getattr(settings, setting.lower())
    if not command:
        yield f"no command is set for the action {kind!r}", f"set {setting} for the workers"
    elif shutil.which(command[0]) is None:
        yield f"{setting} names {command[0]!r}, which is not here", f"install it, or set {setting}"


def _of_script(payload: str, name: str, settings: Settings) -> Iterator[tuple[str, str]]:
    directory = settings.hookonce_scripts_dir
    if _is_one_file(payload, directory):
        whole = shlex.quote(f'{{"command": ["{payload.strip()}"]}}')
        yield "the name of its script has a space", f"`{EDIT} {name} --payload {whole}`"
        return
    described = script.read(payload)
    try:
        path = script.find(described.words[0], directory)
    except ActionFailed as error:
        yield str(error), f"put it into {directory}, or set HOOKONCE_SCRIPTS_DIR"
        return
    if described.interpreter or settings.hookonce_script_interpreter:
        return
    if not script.starts_alone(path):
        lacks = "does not begin with `#!`" if os.access(path, os.X_OK) else "is not executable"
        problem = f"the script {described.words[0]!r} {lacks}; the older system ran it by python3"
        mend = (
            "set HOOKONCE_SCRIPT_INTERPRETER=python3 for the workers, or "
            f"`chmod +x {shlex.quote(str(path))}` if it begins with `#!`"
        )
        yield problem, mend


def _is_one_file(payload: str, directory: Path) -> bool:
    """Return whether the whole payload is the name of a script, as it was in the older system."""
    text = payload.strip()
    if " " not in text or text.startswith("{"):
        return False
    try:
        return script.find(text, directory).is_file()
    except ActionFailed:
        return False
