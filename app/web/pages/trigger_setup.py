"""/triggers/{id}/setup: the steps that connect the sender, until its first event has come."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from app import clock
from app.auth import VIEWER
from app.intake import key, sources
from app.stats import journal
from app.triggers import address, first_delivery
from app.web.api.queue import one
from app.web.api.schemas.triggers import Trigger
from app.web.context import ApiContext
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()
PATH_SOURCES = ("evolution", "evolution_go")
"""Sources that sign nothing: the secret is the last part of their webhook URL."""


@PAGES.get(f"/triggers/{TRIGGER}/setup", VIEWER)
def show(request: PageRequest, trigger_id: int) -> PageResponse:
    """Show the steps at the sender, and if a delivery has arrived."""
    trigger = one(request.context, trigger_id)
    return HtmlPage("trigger_setup.html", checklist(request.context, trigger))


def fresh(request: PageRequest, created: Any, *, entered: bool) -> HtmlPage:
    """Show the new trigger's secret once, with the steps at the sender.

    `entered`: a person entered the secret. A random one is useless where the sender makes it.
    """
    needed = not entered and sources.steps(created["source"]).sender_makes_secret
    shown = None if needed and created["type"] == "webhook" else created["secret"]
    more = {"fresh": True, "secret_missing": shown is None}
    return _with_secret(request.context, created, shown, more, 201)


def rotated(context: ApiContext, trigger: Trigger, secret: str) -> HtmlPage:
    """Show the new random secret once."""
    return _with_secret(context, trigger, secret, {"fresh": False, "secret_missing": False})


def checklist(context: ApiContext, trigger: Trigger) -> dict[str, Any]:
    """Return the values of the steps and of the deliveries so far."""
    source = sources.named(trigger["source"])
    return {
        "trigger": trigger,
        "sender": sources.steps(trigger["source"]),
        "facts": source.facts,
        "key_from": key.in_words(source, tuple(trigger["idempotency_key_from"])),
        "unreachable": unreachable(context.settings.hookonce_public_url),
        "secret_in_path": trigger["source"] in PATH_SOURCES,
        **_arrived(context, trigger["id"]),
    }


def unreachable(public_url: str) -> str:
    """Return for whom alone the address can be reached; empty if senders on the internet can."""
    host = (urlsplit(public_url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return "this machine only"
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        return "your own network only" if "." not in host or host.endswith(".local") else ""
    if ip.is_loopback or ip.is_unspecified:
        return "this machine only"
    return "" if ip.is_global else "your own network only"


def _arrived(context: ApiContext, trigger_id: int) -> dict[str, Any]:
    """Return the newest execution that a sender caused, and the newest delivery without one."""
    with context.database.reading() as connection:
        received = first_delivery.newest_received(connection, trigger_id)
        noted = journal.newest(connection, trigger_id)
        greeted = first_delivery.had_handshake(connection, trigger_id, clock.now())
    return {
        "received": received,
        "noted": None if noted is None else journal.shown(noted),
        "greeted": greeted,
    }


def _with_secret(
    context: ApiContext,
    trigger: Trigger,
    secret: str | None,
    more: dict[str, Any],
    status: int = 200,
) -> HtmlPage:
    values = checklist(context, trigger)
    path_url = None
    if secret is not None and values["secret_in_path"]:
        path_url = address.with_secret(trigger["webhook_url"], secret)
    return HtmlPage(
        "secret.html", {**values, **more, "secret": secret, "path_url": path_url}, status
    )
