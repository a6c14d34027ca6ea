"""Make the payload of an execution anew from a text that a person changed."""

import json

from app.db import Database
from app.errors import InvalidRequest, Unreadable
from app.executions import history, search
from app.executions.origins import EditedPayload
from app.intake import parse, redact, sources, strict_json
from app.intake.message import Request
from app.tolerant_json import json_object

LONGEST_TEXT = 1_000_000
"""Characters of a payload that can be changed."""


def text_of(database: Database, execution_id: int) -> str | None:
    """Return the payload as a person may change it; None if it is no text, or too long.

    It is the body of the request, or the event where no request is kept.
    """
    with database.reading() as connection:
        body = search.body_of(connection, execution_id)
        event = search.event_of(connection, execution_id)
    try:
        text = (event or "") if body is None else bytes(body).decode()
    except UnicodeDecodeError:
        return None
    return text if len(text) <= LONGEST_TEXT else None


def edited(database: Database, execution_id: int, text: str) -> EditedPayload:
    """Return the payload that the text makes, as the source reads it and without secrets.

    Raises NotFound, and InvalidRequest where the text makes no event, or several.
    """
    if len(text) > LONGEST_TEXT:
        raise InvalidRequest(f"a payload may have at most {LONGEST_TEXT} characters")
    with database.reading() as connection:
        _row, trigger = history.execution(connection, execution_id)
        kept = search.request_of(connection, execution_id)
    try:
        if kept is None:
            return EditedPayload(_event(text), None)
        headers = json_object(kept.headers) or {}
        headers |= {"content-type": kept.content_type} if kept.content_type else {}
        return _from_body(Request(str(trigger.id), headers, text.encode()), trigger.source)
    except (Unreadable, UnicodeEncodeError) as error:
        raise InvalidRequest(f"the changed payload cannot be used: {error}") from error


def _event(text: str) -> str:
    event = strict_json.loads(text.encode())
    if not isinstance(event, dict):
        raise InvalidRequest("the changed event must be a JSON object")
    return json.dumps(event, separators=(",", ":"))


def _from_body(request: Request, source_name: str | None) -> EditedPayload:
    source = sources.named(source_name or "custom")
    payload = parse.payload(request)
    events = source.events(request, payload)
    if len(events) != 1:
        raise InvalidRequest(f"the changed payload makes {len(events)} events, not one")
    names, top_only = source.redacted, source.redacted_at_top
    event = redact.event(events[0], names, top_only=top_only)
    stored = redact.request(request, payload, names, top_only=top_only)
    return EditedPayload(parse.stored(event), stored.body)
