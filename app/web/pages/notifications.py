"""/notifications: the channels, their outcomes, and the conditions that last."""

import json
from typing import Any

from app.auth import ADMIN, VIEWER
from app.errors import InvalidChannel, InvalidRequest, existing
from app.executions import search
from app.notifications.channels import CHANNEL_KINDS
from app.notifications.conditions import KINDS
from app.web import validation
from app.web.api import notifications
from app.web.api.schemas.notifications import NewChannelBody
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import CHANNEL, Pages

PAGES = Pages()
TRIGGERS_OFFERED = 500
"""Triggers that the form offers to choose from."""
_FIELDS = ("name", "kind", "address", "trigger_id")


@PAGES.get("/notifications", VIEWER)
def show(request: PageRequest) -> PageResponse:
    """Show the channels, the conditions that last, and the form for a new channel."""
    return _page(request)


@PAGES.post("/notifications", ADMIN)
def add(request: PageRequest) -> PageResponse:
    """Add a channel and show its secret; the secret is shown only this once."""
    form = {name: request.fields.get(name, "").strip() for name in _FIELDS}
    chosen = [name for name in KINDS if request.fields.get(f"condition_{name}")]
    try:
        body, _ = validation.media(NewChannelBody, _as_json(form, chosen))
        created = notifications.add_channel(request.context, body, request.actor)
    except (InvalidRequest, InvalidChannel) as error:
        return _page(request, 422, problem=str(error), form=form, chosen=chosen)
    return _page(request, 201, created=created)


@PAGES.post(f"/notifications/{CHANNEL}/test", ADMIN)
def test(request: PageRequest, channel_id: int) -> PageResponse:
    """Enqueue a test message."""
    notifications.test_channel(request.context, channel_id)
    return Redirect("/notifications?done=test_enqueued")


@PAGES.get(f"/notifications/{CHANNEL}/remove", ADMIN)
def confirm(request: PageRequest, channel_id: int) -> PageResponse:
    """Ask for confirmation before the channel is removed."""
    channels = notifications.list_notifications(request.context)["channels"]
    channels_by_id = {each["id"]: each for each in channels}
    channel = existing(channels_by_id.get(channel_id), f"there is no channel {channel_id}")
    return HtmlPage("remove_channel.html", {"channel": channel})


@PAGES.post(f"/notifications/{CHANNEL}/remove", ADMIN)
def remove(request: PageRequest, channel_id: int) -> PageResponse:
    """Remove the channel."""
    notifications.remove_channel(request.context, channel_id, request.actor)
    return Redirect("/notifications?done=channel_removed")


def _as_json(form: dict[str, str], chosen: list[str]) -> bytes:
    values: dict[str, Any] = {name: text for name, text in form.items() if text}
    number = values.get("trigger_id", "")
    if number.isascii() and number.isdigit() and len(number) < 12:
        values["trigger_id"] = int(number)
    return json.dumps(values | {"conditions": chosen}).encode()


def _page(request: PageRequest, status: int = 200, **more: Any) -> HtmlPage:
    with request.context.database.reading() as connection:
        offered = search.every_trigger(connection, TRIGGERS_OFFERED)
    values: dict[str, Any] = {
        "created": None,
        "problem": "",
        "form": dict.fromkeys(_FIELDS, ""),
        "chosen": [],
        "channel_kinds": CHANNEL_KINDS,
        "kinds": KINDS,
        "triggers": offered,
        "names": {row.id: row.name for row in offered},
        **notifications.list_notifications(request.context),
    }
    return HtmlPage("notifications.html", values | more, status)
