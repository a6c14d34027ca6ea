"""/deliveries: list the deliveries that became no execution, and show one with its diagnosis."""

from typing import get_args

from app.auth import OPERATOR, VIEWER
from app.errors import NotAcceptable, NotPossible, TooLarge, Unreadable, existing
from app.executions import search
from app.intake import sources
from app.stats import journal, outcomes
from app.web.api import deliveries
from app.web.api.schemas.deliveries import DeliveriesQuery, DeliveryDetail, Outcome
from app.web.pages import curl_command, filter_chips
from app.web.pages.page_request import Download, HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import DELIVERY, Pages
from app.web.pages.trigger_setup import PATH_SOURCES

PAGES = Pages()
CHOICES_AT_MOST = 500
BODY_SHOWN = 20_000
"""Characters of the body that the page shows; the download has all of it."""


@PAGES.get("/deliveries", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """Show the deliveries that match the filters, newest first."""
    query = request.query(DeliveriesQuery)
    page = deliveries.list_deliveries(request.context, query)
    with request.context.database.reading() as connection:
        choices = search.every_trigger(connection, CHOICES_AT_MOST)
    chosen = filter_chips.chosen(query)
    values = {"filters": query, "choices": choices, "outcomes": get_args(Outcome)}
    values |= {"chosen": chosen, "chips": filter_chips.chips(chosen, choices)}
    values |= {"sources": sources.names(), "repeated": outcomes.REPEATED}
    return HtmlPage("deliveries.html", {**values, "rows": page["deliveries"], **page})


@PAGES.get(f"/deliveries/{DELIVERY}", VIEWER)
def show_one(request: PageRequest, delivery_id: int) -> PageResponse:
    """Show the delivery with its diagnosis, its body, and what a mismatch changed."""
    delivery = deliveries.show_delivery(request.context, delivery_id)
    values = {"delivery": delivery, "body_shown": BODY_SHOWN, "curl": _as_curl(request, delivery)}
    values["repeated"] = outcomes.REPEATED
    return HtmlPage("delivery.html", values)


def _as_curl(request: PageRequest, delivery: DeliveryDetail) -> str:
    """Return the kept request as a command."""
    with request.context.database.reading() as connection:
        source = search.source_of(connection, delivery["trigger_id"])
        body = journal.delivery(connection, delivery["id"]).body
    return curl_command.of(
        request.context.webhook_url(delivery["trigger_id"]),
        delivery["headers"],
        delivery["content_type"],
        None if body is None else bytes(body),
        file=f"delivery-{delivery['id']}.bin",
        secret_in_path=source in PATH_SOURCES,
    )


@PAGES.get(f"/deliveries/{DELIVERY}/body", VIEWER)
def download_body(request: PageRequest, delivery_id: int) -> PageResponse:
    """Download the body as it is kept."""
    with request.context.database.reading() as connection:
        stored = journal.delivery(connection, delivery_id).body
    body = existing(stored, f"the body of delivery {delivery_id} is not kept")
    return Download(bytes(body), "application/octet-stream", f"delivery-{delivery_id}.bin")


@PAGES.get(f"/deliveries/{DELIVERY}/accept", OPERATOR)
def confirm_accept(request: PageRequest, delivery_id: int) -> PageResponse:
    """Show what would be admitted, and ask for confirmation."""
    return _confirmation(request, delivery_id)


@PAGES.post(f"/deliveries/{DELIVERY}/accept", OPERATOR)
def accept(request: PageRequest, delivery_id: int) -> PageResponse:
    """Accept the delivery; redirect to its first execution, or back if each event is known."""
    try:
        result = deliveries.accept_delivery(request.context, delivery_id, request.actor)
    except (NotAcceptable, Unreadable, TooLarge) as error:
        return _confirmation(request, delivery_id, str(error))
    if result["execution_ids"]:
        return Redirect(f"/executions/{result['execution_ids'][0]}?done=accepted")
    return Redirect(f"/deliveries/{delivery_id}?done=known")


@PAGES.get(f"/deliveries/{DELIVERY}/run", OPERATOR)
def confirm_run(request: PageRequest, delivery_id: int) -> PageResponse:
    """Show the duplicate or mismatch, and ask for confirmation."""
    delivery = deliveries.show_delivery(request.context, delivery_id)
    return HtmlPage("delivery_run.html", {"delivery": delivery, "problem": ""})


@PAGES.post(f"/deliveries/{DELIVERY}/run", OPERATOR)
def run(request: PageRequest, delivery_id: int) -> PageResponse:
    """Run the duplicate or mismatch as its own execution and redirect to it."""
    try:
        result = deliveries.run_delivery(request.context, delivery_id, request.actor)
    except (NotAcceptable, NotPossible) as error:
        delivery = deliveries.show_delivery(request.context, delivery_id)
        values = {"delivery": delivery, "problem": str(error)}
        return HtmlPage("delivery_run.html", values, 409)
    return Redirect(f"/executions/{result['new_execution_id']}?done=run_own")


def _confirmation(request: PageRequest, delivery_id: int, refused: str = "") -> PageResponse:
    delivery = deliveries.show_delivery(request.context, delivery_id)
    keys: list[str | None] = []
    problem = refused
    try:
        keys = deliveries.candidate(request.context, delivery_id).keys
    except (NotAcceptable, Unreadable, TooLarge) as error:
        problem = problem or str(error)
    values = {"delivery": delivery, "keys": keys, "problem": problem, "body_shown": BODY_SHOWN}
    return HtmlPage("delivery_accept.html", values, 409 if refused else 200)
