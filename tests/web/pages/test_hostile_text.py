"""Text from senders is shown as text: never as markup, and never of unlimited length."""

import json
import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app import audit, clock
from app.audit import Actor
from app.db.models import (
    delivery_counts,
    delivery_journal,
    execution_attempts,
    execution_origins,
    forgotten_keys,
    key_mismatches,
    notification_channels,
    pauses,
    tokens,
    trigger_breakers,
    trigger_pauses,
    triggers,
    workers,
)
from app.stats import latency
from app.web.pages import filters
from app.web.pages.rendering import DECLARED
from tests.support import factories
from tests.support.api import Api
from tests.support.visitor import Visitor

MARKUP = "<script>alert(1)</script>"
NASTY = (
    MARKUP,
    '"><img src=x onerror=alert(1)>',
    "'-alert(1)-'",
    "</pre></textarea></title></script><svg onload=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202eright to left\u2066\u200b\ufeff",
    "\x1b[31mred\x07\x08\r\n\x85",
    "&lt;b&gt;&#x3c;",
    "]]><!--",
)
HALF = "\ud800 half of a character \udfff"
"""Text that JSON can name and UTF-8 cannot hold."""
FIELD = re.compile(r'<input[^>]*>|<textarea.*?</textarea>|<option value="[^"]*"', re.S)
"""Form fields; they keep their text unchanged, or submitting the form would change it."""
LONGEST_PAGE = 300_000
SHOWN = (200, 409)
"""Statuses of a page; 409: the delivery was accepted before, which the page says."""
NO_PAGES = ("/event.json", "/request", "/body", "/login")
ELEMENTS = frozenset({"script", "img", "svg", "iframe", "object", "embed", "style", "base"})


class Read(HTMLParser):
    """The elements and attributes of a page, parsed as a browser does."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def require_harmless(page: str, text: str) -> None:
    """Assert that the text adds nothing but text to the page."""
    for tag, told in Read(page).elements:
        if tag in ELEMENTS:
            ours = told.get("src", "") or ""
            assert tag in ("script", "svg"), f"{tag} in {page[:200]}"
            assert tag == "svg" or ours.startswith("/static/"), told
        assert not [name for name in told if name.startswith("on")], (tag, told)
        for name in ("href", "src", "action"):
            assert (told.get(name) or "/").startswith(("/", "#")), (tag, told)
    assert not filters._INVISIBLE.search(FIELD.sub("", page)), text
    assert len(page) < LONGEST_PAGE


def everywhere(api: Api, text: str) -> list[str]:
    """Insert the text into every column that senders or targets fill; return the pages."""
    storable = text.replace("\x00", "").encode("utf-8", "ignore").decode()
    with api.database.writing() as connection:
        connection.execute(sa.delete(triggers))
    trigger_id = factories.trigger(
        api.database,
        name=storable[:200] or "x",
        slug=storable[:200] or "x",
        source=storable[:50],
        agent=storable[:100],
        event_filter=json.dumps({storable[:1000]: storable[:1000]}),
        action_payload=storable,
    )
    execution_id = factories.execution(
        api.database,
        trigger_id,
        "failed",
        event_data=json.dumps(
            {"event_type": text, "data": {"phone": text, "text": text, text: [text]}}
        ),
        idempotency_key=storable[:255] or "k",
        error=storable,
        error_reason="internal",
        result_summary=storable,
        finished_by=storable[:100],
        completed_at=clock.now(),
    )
    headers = json.dumps({text[:200]: text})
    factories.request_of(api.database, execution_id, b"{}", storable, headers)
    now = clock.now()
    with api.database.writing() as connection:
        of = {"execution_id": execution_id, "trigger_id": trigger_id}
        attempt = of | {"worker": storable[:100]}
        attempt |= {"started_at": now, "finished_at": now, "error": storable}
        sent = {"method": text, "url": text, "headers": {text: text}, "body_from": "own"}
        ran = {"command": [text, text], "body_from": text, "body_sha256": text}
        attempt |= {"outcome": "failed", "sent_body": storable}
        for number, record in enumerate((sent, ran | {"idempotency_key": text}), start=1):
            response = {"status": 500, "headers": {text: text}} if record is sent else {}
            row = {"number": number, "sent": json.dumps(record), "response": json.dumps(response)}
            connection.execute(sa.insert(execution_attempts).values(attempt | row))
        mismatch = of | {"digest": storable[:64] or "d", "number": 1}
        connection.execute(
            sa.insert(key_mismatches).values(mismatch | {"first_at": now, "last_at": now})
        )
        breaker = {"trigger_id": trigger_id, "opened_at": now, "probe_at": now}
        connection.execute(sa.insert(trigger_breakers).values(breaker))
        paused = {"paused_at": now, "paused_by": storable[:200], "reason": storable}
        connection.execute(sa.insert(trigger_pauses).values(paused | {"trigger_id": trigger_id}))
        connection.execute(sa.delete(pauses))
        connection.execute(sa.insert(pauses).values(paused | {"scope": "all"}))
        connection.execute(sa.delete(workers))
        named = {"owner": storable[:100] or "w", "host": storable[:60], "version": storable[:50]}
        named |= {"pid": 1, "slots": 1, "busy": 0, "started_at": now, "last_seen_at": now}
        connection.execute(sa.insert(workers).values(named))
        answered = {"trigger_id": trigger_id, "hour": now, "outcome": latency.CLASSES[0]}
        connection.execute(sa.insert(delivery_counts).values(answered | {"number": 1}))
        delivery = {"trigger_id": trigger_id, "at": now, "outcome": "refused_bad_signature"}
        delivery |= {"detail": storable, "address": storable[:100], "request_id": storable[:200]}
        delivery |= {"idempotency_key": storable[:255], "size": 1, "stored_bytes": 1, "more": 3}
        delivery |= {"accepted_at": now, "accepted_by": storable[:200], "content_type": storable}
        delivery |= {"diagnosis": json.dumps([{"code": text[:50], "detail": text}])}
        delivery |= {"headers": headers, "body": storable.encode("utf-8", "replace")}
        noted = sa.insert(delivery_journal).values(delivery).returning(delivery_journal.c.id)
        delivery_id = connection.execute(noted).scalar_one()
        made = of | {"kind": "replay", "of_execution_id": 1}
        made |= {"made_by": storable[:200] or "x", "made_at": now, "edited": True}
        made |= {"original_event_data": storable, "delivery_id": delivery_id}
        connection.execute(sa.insert(execution_origins).values(made))
        forgotten = of | {"idempotency_key": storable[:255] or "k"}
        forgotten |= {"forgotten_by": storable[:200] or "x", "forgotten_at": now}
        connection.execute(sa.insert(forgotten_keys).values(forgotten))
        token = {"name": storable[:200] or "x", "role": "viewer", "token_hash": "0" * 64}
        token |= {"created_at": now, "created_by": storable[:200]}
        made = connection.execute(sa.insert(tokens).values(token).returning(tokens.c.id))
        numbers = {"trigger_id": trigger_id, "execution_id": execution_id}
        numbers |= {"token_id": made.scalar_one(), "delivery_id": delivery_id}
        channel = {"name": storable[:100] or "x", "kind": "slack", "address": "https://a.example"}
        channel |= {"trigger_id": trigger_id, "last_error": storable, "created_at": now}
        connection.execute(sa.delete(notification_channels))
        made = connection.execute(
            sa.insert(notification_channels).values(channel).returning(notification_channels.c.id)
        )
        numbers["channel_id"] = made.scalar_one()
        changed = {text[:1000]: text}
        actor = Actor(storable, storable)
        audit.record(connection, actor, storable, storable, before={}, after=changed)
    return pages_of(numbers)


def pages_of(numbers: dict[str, int]) -> list[str]:
    """Return the path of every page that shows these rows."""
    declared = [page.route for page in DECLARED if page.method == "GET"]
    shown = [route for route in declared if not route.endswith(NO_PAGES)]
    paths = [re.sub(r"{(\w+)[^}]*}", lambda of: str(numbers[of[1]]), route) for route in shown]
    of_trigger = f"?trigger_id={numbers['trigger_id']}"
    return [*paths, f"/dead{of_trigger}", f"/dead/replay{of_trigger}"]


@pytest.fixture
def ada(api: Api, admin: str) -> Visitor:
    visitor = Visitor(api.client)
    visitor.log_in(admin)
    return visitor


def test_half_a_character_breaks_no_page_and_no_list(api: Api, ada: Visitor, admin: str) -> None:
    pages = everywhere(api, HALF)
    (row,) = factories.executions(api.database)
    listed = ("", f"/{row.trigger_id}", f"/{row.trigger_id}/executions", f"/executions/{row.id}")

    for path in pages:
        assert ada.get(path).status_code in SHOWN, path
    for path in ("/api/deliveries", "/api/dead", *(f"/api/triggers{each}" for each in listed)):
        assert api.ask("GET", path, admin).status_code == 200, path


@pytest.mark.parametrize("text", NASTY, ids=range(len(NASTY)))
def test_what_a_stranger_wrote_is_text_on_every_page(api: Api, ada: Visitor, text: str) -> None:
    for path in everywhere(api, text):
        answer = ada.get(path)

        assert answer.status_code in SHOWN, path
        require_harmless(answer.text, text)


def test_what_is_searched_for_is_text_in_the_form_and_in_the_chips(ada: Visitor) -> None:
    for text in NASTY:
        wanted = {"text": text, "event_type": text, "key_prefix": text, "key": text}
        answer = ada.get(f"/executions?{urlencode(wanted)}")

        assert answer.status_code in (200, 422)
        require_harmless(answer.text, text)


def test_what_is_typed_into_the_form_of_a_trigger_is_text_in_its_answer(
    api: Api, ada: Visitor
) -> None:
    trigger_id = factories.trigger(api.database, source="discord")
    for text in NASTY:
        form = dict.fromkeys(("name", "secret", "event_filter", "action_type", "agent"), text)
        form |= {"source": "custom", "tolerance_seconds": text, "idempotency_key_from": text}
        answers = [
            ada.post("/triggers", form),
            ada.post("/triggers", form | {"source": text}),
            ada.post(f"/triggers/{trigger_id}/edit", form),
            ada.post(f"/triggers/{trigger_id}/rotate", {"secret": text or "no hex"}),
            ada.get(f"/triggers/new?{urlencode({'source': text})}"),
        ]

        for answer in answers:
            assert answer.status_code in (200, 422), answer.text[:300]
            require_harmless(answer.text, text)
    assert api.changes("trigger.update") == api.changes("trigger.add") == []


def test_a_megabyte_of_text_makes_no_large_page(api: Api, ada: Visitor) -> None:
    for path in everywhere(api, "<b>endless" * 100_000):
        if path.endswith("/edit"):
            continue  # a form holds all of a field, or saving it would cut it off
        answer = ada.get(path)

        assert answer.status_code in SHOWN, path
        assert len(answer.content) < LONGEST_PAGE, path


def test_a_megabyte_is_downloaded_whole_and_as_no_page(api: Api, ada: Visitor) -> None:
    text = "<script>" * 120_000
    execution_id = factories.execution(
        api.database, factories.trigger(api.database), event_data=json.dumps({"data": text})
    )
    factories.request_of(api.database, execution_id, text.encode(), "text/html")

    event = ada.get(f"/executions/{execution_id}/event.json")
    request = ada.get(f"/executions/{execution_id}/request")

    assert event.json == {"data": text}
    assert event.headers["Content-Type"] == "application/json"
    assert request.content == text.encode()
    assert request.headers["Content-Type"] == "application/octet-stream"
    for answer in (event, request):
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_event_that_is_no_json_or_nests_without_end_is_shown_as_it_is(
    api: Api, ada: Visitor
) -> None:
    trigger_id = factories.trigger(api.database)
    for event in ("no json <b>", "[" * 20_000, "[" * 900 + "]" * 900, "", "null", '"\\ud800"'):
        execution_id = factories.execution(api.database, trigger_id, "failed", event_data=event)

        for path in (f"/executions/{execution_id}", f"/executions/{execution_id}/replay"):
            answer = ada.get(path)

            assert answer.status_code == 200, (event[:20], path)
            require_harmless(answer.text, event)


@pytest.mark.parametrize(
    "path",
    ["/executions", "/dead", "/triggers", "/audit", "/login", "/dead/replay", "/tokens/1/revoke"],
)
def test_what_an_address_says_is_text_too(ada: Visitor, path: str) -> None:
    names = ("key", "since", "status", "source", "actor", "subject", "next", "done", "pick-x")
    for text in NASTY:
        for name in (*names, text):
            answer = ada.get(filters.link(path, **{name: text}))

            assert answer.status_code in (200, 303, 404, 422), (name, answer.text[:200])
            require_harmless(answer.text, text)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_no_text_is_markup_or_hides(text: str) -> None:
    shown = filters.visible(text) + filters.line(text)

    assert not filters._INVISIBLE.search(shown)


def test_a_cut_text_says_that_it_is_cut() -> None:
    assert filters.visible("abcdef", 3) == "abc…"
    assert filters.visible("abc", 3) == "abc"
    assert filters.line("a\n\tb  c") == "a b c"
    assert filters.visible("a\u202eb\x07\U000e0001") == "a\\u202eb\\u0007\\U000e0001"
