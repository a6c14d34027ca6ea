"""Describe the members of the schemas for the OpenAPI document.

A member's own note, the text below it in its class, comes first. A name that means the same in
every schema is described here once.
"""

import ast
import inspect
import sys
import textwrap
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from typing import Any

EVERYWHERE = {
    "accepted_at": "Time at which a person accepted it.",
    "accepted_by": "Name of the person who accepted it.",
    "accepted_execution_id": "Execution that it became when accepted; null if its key was known.",
    "action": "Change that was made, such as `trigger.update`.",
    "actor": "Name of the person, program or file that made the change.",
    "address": "Address from which the request came.",
    "after": "Values after the change, without secrets.",
    "after_id": "Only rows newer than the one with this id.",
    "at": "Time of the event.",
    "attempt_count": "Attempts that have begun.",
    "before": "Values before the change, without secrets.",
    "before_id": "Only rows older than the one with this id: the `next` of the page before.",
    "category": "Only failures of this category.",
    "chain_id": "First execution of the chain of replays; null for an execution without replays.",
    "channel_id": "Id of the channel.",
    "completed_at": "Time at which it finished; null before.",
    "conditions": "Kinds of conditions, or the conditions that last.",
    "content_type": "Content-Type of the request.",
    "created_at": "Time at which it was created.",
    "created_by": "Name of its creator.",
    "csrf_token": "Required as X-CSRF-Token of every change in a session.",
    "days": "Days that the statistics cover.",
    "delivery_id": "Id of the delivery.",
    "detail": "A sentence for people.",
    "digest": "SHA-256 of the payload, in hex.",
    "duration_seconds": "Seconds that the action took.",
    "enabled": "Only triggers that are enabled, or that are not.",
    "error": "The failure in words.",
    "error_category": "`transient` if another attempt may succeed, `permanent` if none will.",
    "error_reason": "Cause of the failure as one word.",
    "event_data": "The event, redacted; null once its retention has ended.",
    "execution_count": "Stored executions of the trigger; 10,000 stands for 10,000 or more.",
    "execution_id": "Id of the execution.",
    "execution_ids": "Ids of the new executions.",
    "executions": "The executions, newest first.",
    "expires_at": "Time at which it ends; null if it does not.",
    "failure_count": "Failures in a row.",
    "finished_at": "Time at which it ended; null before.",
    "finished_by": "Name of the person who finished it by hand.",
    "first_at": "Time of the first.",
    "first_execution_id": "The first execution with this key.",
    "from_yaml": "True if a file declares the trigger; it is then changed there.",
    "groups": "Number of matching dead letters by trigger and reason.",
    "http_status": "Status of the target's response.",
    "id": "Id of the row.",
    "idempotency_key": "Key by which another delivery of the event is recognised; null: none.",
    "key": "Only with this idempotency key.",
    "last_at": "Time of the last.",
    "last_replay_at": "Time at which a replay was last asked for.",
    "last_used_at": "Time at which it was last used, to the minute.",
    "lease_expires_at": "Time at which another worker may take the execution over.",
    "lease_owner": "Worker that runs it.",
    "limit": "Most rows of this request.",
    "name": "Name for people.",
    "new_execution_id": "Id of the new execution.",
    "next_attempt_at": "Earliest time of the next attempt; null if there is none, or at once.",
    "number": "How many.",
    "offset": "Rows to leave out; the older system's way to ask for a page.",
    "opened_at": "Time at which the breaker opened.",
    "origin": "Address or host from which the change was made.",
    "outcome": "What became of it, as one word.",
    "page": "Number of the page, from 1.",
    "pages": "Number of pages.",
    "payload_digest": "SHA-256 of the event as its sender wrote it, in hex.",
    "per_page": "Most rows of a page.",
    "preview": "True to count only, and replay nothing.",
    "previous_secret_expires_at": "End of the old secret after a rotation; null without one.",
    "probe_at": "Time of the next attempt while the breaker is open.",
    "reason": "Only failures for this reason; `unknown` for those without one.",
    "received_at": "Time at which the request was received.",
    "refused": "Dead letters that were not replayed, and the reason of each.",
    "replay_of_id": "Execution that this one replays.",
    "replayed": "Dead letters that were replayed, each with its new execution.",
    "request_id": "Id that the response of the request carried.",
    "result_summary": "Beginning of what the action printed or was answered.",
    "revoked_at": "Time at which it was revoked; null while it is valid.",
    "role": "`viewer` reads, `operator` also changes triggers and replays, `admin` also tokens.",
    "secret": "Secret that signs; no later response shows it.",
    "since": "Begin of the time range.",
    "size": "Bytes.",
    "slug": "Short name, unique among all triggers.",
    "source": "Kind of sender.",
    "source_plugin": "Only triggers that a plug-in of the older system made.",
    "started_at": "Time at which it began.",
    "state": "`open` while the target is left alone but for probes.",
    "status": "State; see the page on the life of an execution.",
    "subject": "Row that was changed, such as `trigger:12`.",
    "token": "Text of the token.",
    "token_id": "Id of the token.",
    "total": "Number of rows on all pages.",
    "total_exact": "False if counting stopped early: there are more than `total`.",
    "trigger": "Slug of the trigger.",
    "trigger_id": "Id of the trigger.",
    "trigger_slug": "Slug of the trigger.",
    "type": "Only triggers of this type.",
    "until": "End of the time range.",
    "updated_at": "Time of the last change.",
    "user": "The caller.",
    "warnings": "Sentences about settings that are allowed and probably not meant.",
    "webhook_url": "Address for the sender to post to.",
    "worker": "Host, process and a random part that name the worker.",
}
"""Descriptions of members by name."""
EXAMPLES: dict[str, dict[str, Any]] = {
    "BulkReplayBody": {"trigger": "orders", "reason": "target_error", "preview": True},
    "Login": {"token": "hookonce_..."},
    "NewChannelBody": {
        "name": "on call",
        "kind": "slack",
        "address": "https://chat.acme.example/hooks/abc",
        "conditions": ["breaker_open", "no_worker"],
    },
    "NewTokenBody": {"name": "dashboard", "role": "viewer", "expires": "30d"},
    "NewTriggerBody": {
        "name": "orders",
        "source": "github",
        "action_type": "http",
        "action_payload": {"url": "https://orders.acme.example/events"},
    },
    "OlderLogin": {"username": "admin", "password": "hookonce_..."},
    "PauseBody": {"reason": "the target moves to another host until 18:00"},
    "TestBody": {"data": {"id": 1}},
    "TriggerChanges": {"enabled": False},
}
"""An example of each request's body, by schema."""


def description(kind: Any, name: str) -> str | None:
    """Return the note of a member of this class or a base class, or its general description."""
    return _notes(kind).get(name) or EVERYWHERE.get(name)


@cache
def _notes(kind: type) -> dict[str, str]:
    """Return the text below each member in the source of the class and of its base classes.

    The bases are read there too: a TypedDict does not know them.
    """
    try:
        body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    except (OSError, TypeError):  # a function made the class
        return {}
    if not isinstance(body, ast.ClassDef):
        return {}
    known = vars(sys.modules[kind.__module__])
    bases = [known[base.id] for base in body.bases if isinstance(base, ast.Name)]
    inherited = {name: note for base in bases for name, note in _notes(base).items()}
    return inherited | dict(_own(body))


def _own(body: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for member, below in pairwise(body.body):
        match member, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(
                value=ast.Constant(value=str(note))
            ):
                yield name, inspect.cleandoc(note)
