"""Every page fits and is readable: light, dark and on a phone.

With TESTS_SCREENSHOTS=1 a picture of each is saved in var/screenshots.
"""

import json
import os
import re
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app import clock, lifecycle
from app.db import Database
from app.db.models import (
    delivery_counts,
    execution_attempts,
    execution_repeats,
    key_mismatches,
    pauses,
    trigger_breakers,
    trigger_pauses,
    workers,
)
from app.stats import latency
from tests.browser.conftest import LogIn
from tests.support import factories
from tests.support.databases import ROOT, Databases
from tests.support.live_service import LiveService, running_service
from tests.support.thorough import THOROUGH, some

SCREENSHOTS = ROOT / "var" / "screenshots"
LOOKS = {
    "light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "dark"},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "color_scheme": "light",
        "is_mobile": True,
    },
}
WIDTHS = {
    width: {"viewport": {"width": width, "height": 900}, "color_scheme": "light"}
    for width in (320, 900)
}
PAGES = {
    "overview": "/",
    "overview-month": "/?days=30",
    "triggers": "/triggers",
    "trigger": "/triggers/1",
    "trigger-sender": "/triggers/new",
    "trigger-new": "/triggers/new?source=github",
    "trigger-new-stripe": "/triggers/new?source=stripe",
    "trigger-new-custom": "/triggers/new?source=custom",
    "trigger-new-event": "/triggers/new?type=event",
    "trigger-setup": "/triggers/3/setup",
    "trigger-setup-arrived": "/triggers/1/setup",
    "trigger-edit": "/triggers/1/edit",
    "trigger-rotate": "/triggers/1/rotate",
    "trigger-delete": "/triggers/1/delete",
    "trigger-blocked": "/triggers/2",
    "trigger-resume": "/triggers/2/resume",
    "trigger-pause": "/triggers/3/pause",
    "pause": "/pause",
    "workers": "/workers",
    "executions": "/executions",
    "execution": "/executions/1",
    "execution-failed": "/executions/2",
    "replay": "/executions/2/replay",
    "edit-payload": "/executions/2/edit",
    "run-again": "/executions/1/run-again",
    "forget-key": "/executions/1/forget-key",
    "replay-results": "/dead/results?first=1&last=9",
    "deliveries": "/deliveries",
    "dead": "/dead",
    "dead-preview": "/dead/replay",
    "audit": "/audit",
    "reference": "/docs",
    "notifications": "/notifications",
    "tokens": "/tokens",
    "error": "/triggers/999",
    "invalid": "/executions?key=x&since=yesterday",
}
REASON = "Acme moves its ERP to another host until 18:00; ask Bea before you resume (ticket 4711)"
SENT = {
    "method": "POST",
    "url": "https://erp.acme.example/hooks/********?tenant=********&page=2",
    "headers": {
        "X-GitHub-Event": "pull_request",
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Hookonce",
        "Authorization": "********",
        "Idempotency-Key": "2",
        "webhook-signature": "********",
        "Hookonce-Attempt": "1",
    },
    "idempotency_key": "2",
    "body_bytes": 1234,
    "body_sha256": "c" * 64,
    "body_from": "request",
}
RESPONSE = {
    "status": 503,
    "headers": {"Date": "Sat, 28 Nov 2026 20:15:00 GMT", "Retry-After": "30", "Server": "********"},
}
UNFOLD = "document.querySelectorAll('main details').forEach((each) => { each.open = true; })"
FAULTS = (ROOT / "tests" / "browser" / "faults.js").read_text()
AXE = (files("axe_playwright_python") / "axe.min.js").read_text()
"""The checker of accessibility, https://github.com/dequelabs/axe-core, run in the page itself."""
AXE_RUN = """async () => (await axe.run({ resultTypes: ["violations"] })).violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`
)"""


@pytest.fixture(scope="module")
def furnished(
    chromium: str,  # noqa: ARG001, without a browser no service
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> LiveService:
    """Return a service with executions in every state, and with deliveries and breakers."""
    with (
        databases.at_head("sqlite") as url,
        running_service(url, tmp_path_factory.mktemp("furnished")) as service,
    ):
        _furnish(service.database)
        yield service


@pytest.mark.parametrize("look", LOOKS if THOROUGH else ["light"])
def test_every_page_fits_and_can_be_read(furnished: LiveService, enter: LogIn, look: str) -> None:
    page = enter(furnished, "admin", **LOOKS[look])
    found = {}
    for name, path in some(list(PAGES.items()), one_in=2):
        page.goto(furnished.url + path)
        _keep(page, name, look)
        page.evaluate(UNFOLD)
        found[name] = _faults(page)
    page.context.clear_cookies()
    page.goto(f"{furnished.url}/login")
    found["login"] = _faults(page)
    _keep(page, "login", look)

    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("width", WIDTHS if THOROUGH else [320])
def test_no_page_overflows_at_other_widths(
    furnished: LiveService, enter: LogIn, width: int
) -> None:
    page = enter(furnished, "admin", **WIDTHS[width])
    found = {}
    for name, path in PAGES.items():
        page.goto(furnished.url + path)
        _keep(page, name, str(width))
        page.evaluate(UNFOLD)
        found[name] = page.evaluate(FAULTS)

    assert {name: faults for name, faults in found.items() if faults} == {}


@pytest.mark.parametrize("look", LOOKS if THOROUGH else ["phone"])
def test_what_a_form_is_answered_with_fits_and_can_be_read(
    furnished: LiveService, enter: LogIn, look: str
) -> None:
    page = enter(furnished, "admin", **LOOKS[look])
    found = {}
    for name, answered in ANSWERS.items():
        answered(page, furnished, look)
        found[name] = _faults(page)
        _keep(page, name, look)

    assert {name: faults for name, faults in found.items() if faults} == {}


def _secret(page: Page, service: LiveService, look: str) -> None:
    page.goto(f"{service.url}/triggers/new?source=evolution_go")
    page.get_by_label("Name", exact=True).fill(f"Stock of the warehouse in {look}")
    page.get_by_label("Payload", exact=True).fill("count-stock --all")
    page.get_by_role("button", name="Create trigger").click()
    expect(page.get_by_label("Secret", exact=True)).to_be_visible()


def _mistakes(page: Page, service: LiveService, _look: str) -> None:
    page.goto(f"{service.url}/triggers/new?source=custom")
    page.get_by_label("Name", exact=True).fill("Order paid")
    page.get_by_label("Event filter").fill("{not json")
    page.locator("summary", has_text="Retries after a transient failure").click()
    page.get_by_label("First wait").fill("soon")
    page.get_by_role("button", name="Create trigger").click()
    expect(page.get_by_role("alert")).to_be_visible()
    mistake = page.locator("#e-retry_base_seconds").bounding_box()
    help_text = page.locator("#h-retry_base_seconds").bounding_box()
    assert mistake is not None
    assert help_text is not None
    assert mistake["y"] + mistake["height"] <= help_text["y"] + 1


def _token(page: Page, service: LiveService, look: str) -> None:
    page.goto(f"{service.url}/tokens")
    page.get_by_label("Name").fill(f"Grace, on call in {look}")
    page.get_by_role("button", name="Create token").click()
    expect(page.get_by_label("Token", exact=True)).to_be_visible()


def _too_soon(page: Page, service: LiveService, _look: str) -> None:
    """Replay an execution again within a minute, which shows a countdown."""
    dead = factories.execution(
        service.database,
        2,
        "failed",
        event_data=json.dumps(MESSAGE),
        received_at=clock.now() - timedelta(hours=2),
        last_replay_at=clock.now(),
        error="exit status 1: no such customer",
    )
    page.goto(f"{service.url}/executions/{dead}/replay")
    page.get_by_role("button", name="Replay").click()
    expect(page.locator("[data-countdown]")).to_be_visible()


def _progress(page: Page, service: LiveService, _look: str) -> None:
    trigger_id = factories.trigger(service.database)  # no other look replays its dead letters
    for _ in range(2):
        factories.execution(service.database, trigger_id, "failed")
    page.goto(f"{service.url}/dead/replay?trigger_id={trigger_id}")
    page.get_by_label("Replay the first ones one by one").uncheck()
    page.get_by_role("button", name=re.compile("^Replay all")).click()
    expect(page.get_by_role("heading", name="Replay finished")).to_be_visible()


ANSWERS = {
    "trigger-secret": _secret,
    "trigger-mistakes": _mistakes,
    "token-made": _token,
    "replay-too-soon": _too_soon,
    "dead-progress": _progress,
}


def _faults(page: Page) -> list[str]:
    """Return what our own checks and axe find: contrast, labels, overflow, roles, landmarks."""
    page.evaluate(AXE)
    violations = page.evaluate(AXE_RUN)
    return [*page.evaluate(FAULTS), *violations]


def _keep(page: Page, name: str, look: str) -> None:
    """Save a picture for people, if they asked for it: it takes as long as the checks."""
    if "TESTS_SCREENSHOTS" not in os.environ:
        return
    folder = Path(SCREENSHOTS)
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"{name}-{look}.png", full_page=True)


def _furnish(database: Database) -> None:
    now = clock.now()
    names = ("Order paid", "WhatsApp commands", "Deploys of the shop", "Nightly report")
    sources = ("stripe", "evolution", "github", "custom")
    triggers = [
        factories.trigger(
            database,
            name=name,
            slug=name.lower().replace(" ", "-"),
            source=source,
            enabled=number < 3,
            **(TO_A_TARGET if number == 1 else {}),
        )
        for number, (name, source) in enumerate(zip(names, sources, strict=True))
    ]
    done = factories.execution(
        database,
        triggers[0],
        "completed",
        idempotency_key="evt_1PqZJ2eZvKYlo2C0",
        event_data=json.dumps({"event_type": "invoice.paid", "source": "stripe", "data": EVENT}),
        received_at=now - timedelta(minutes=5),
        started_at=now - timedelta(minutes=5),
        completed_at=now - timedelta(minutes=5),
        result_summary="booked invoice 2026-1187",
        duration_seconds=0.42,
        payload_digest="a" * 64,
    )
    dead = factories.execution(
        database,
        triggers[1],
        "failed_retryable",
        idempotency_key="3EB0C767D26A1B2F",
        event_data=json.dumps(MESSAGE),
        received_at=now - timedelta(hours=2),
        started_at=now - timedelta(minutes=45),
        completed_at=now - timedelta(minutes=15),
        error="HTTP 503 from https://erp.acme.example/hooks: upstream connect error",
        error_category="transient",
        error_reason="target_error",
        attempt_count=3,
    )
    with database.writing() as connection:
        for number in range(1, 4):
            begun = now - timedelta(minutes=60 - number * 15)
            connection.execute(
                sa.insert(execution_attempts).values(
                    execution_id=dead,
                    number=number,
                    worker="worker-1:4711",
                    started_at=begun,
                    finished_at=begun + timedelta(seconds=1.5),
                    outcome="lost" if number == 2 else "failed",
                    error="the lease ran out"
                    if number == 2
                    else "HTTP 503: upstream connect error",
                    error_category="transient",
                    error_reason="lease_lost" if number == 2 else "target_error",
                    http_status=None if number == 2 else 503,
                    sent=None if number == 2 else json.dumps(SENT),
                    response=None if number == 2 else json.dumps(RESPONSE),
                )
            )
        connection.execute(
            sa.insert(execution_repeats).values(execution_id=done, number=3, last_at=now)
        )
        mismatch = {"execution_id": done, "digest": "b" * 64, "number": 1}
        connection.execute(
            sa.insert(key_mismatches).values(mismatch | {"first_at": now, "last_at": now})
        )
        connection.execute(
            sa.insert(trigger_breakers).values(
                trigger_id=triggers[1],
                failure_count=10,
                opened_at=now,
                probe_at=now + timedelta(seconds=30),
            )
        )
        paused = {"paused_at": now, "paused_by": "cli:ada", "reason": REASON}
        in_one_word = {"trigger_id": triggers[1], "reason": "https://tickets.acme.example/" * 6}
        connection.execute(sa.insert(trigger_pauses).values(paused | in_one_word))
        connection.execute(sa.insert(pauses).values(paused | {"scope": "all"}))
        worker = {"owner": "worker-1.example.org:4711:a1b2c3d4", "host": "worker-1", "pid": 4711}
        worker |= {"version": "0.1.0", "slots": 16, "busy": 5}
        seen = {"started_at": now, "last_seen_at": now - timedelta(minutes=7)}
        connection.execute(sa.insert(workers).values(worker | seen))
        for hour in range(24 * 9):
            counts = {"accepted": 40 + hour * 7 % 31, "duplicate": hour % 9, "mismatch": hour % 2}
            counts |= {"refused_bad_signature": hour % 5, "error_unavailable": int(hour == 4) * 12}
            counts |= {latency.counts_as(0.004): 40, latency.counts_as(0.2): hour % 3}
            at = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hour)
            for outcome, number in counts.items():
                if number:
                    values = {"trigger_id": 1, "hour": at, "outcome": outcome, "number": number}
                    connection.execute(sa.insert(delivery_counts).values(values))
    for status in ("completed", "failed", "replayed", "running", "retrying"):
        for number in range(6):
            ended = {"completed_at": now - timedelta(minutes=number)}
            times = ended if status in lifecycle.FINISHED else {}
            factories.execution(
                database,
                triggers[number % 4],
                status,
                idempotency_key=f"{status}-{number}" if number else None,
                received_at=now - timedelta(minutes=number),
                error="exit status 1: no such customer"
                if status in ("failed", "retrying")
                else None,
                error_reason="script_failed" if status == "failed" else None,
                **(
                    {"next_attempt_at": now + timedelta(hours=1)} if status == "retrying" else times
                ),
            )


TO_A_TARGET = {"action_type": "http", "action_payload": "https://erp.acme.example/hooks"}
MESSAGE = {
    "event_type": "messages.upsert",
    "source": "evolution",
    "data": {
        "data": {
            "key": {"remoteJid": "351912000111@s.whatsapp.net"},
            "message": {"conversation": "/stop"},
        }
    },
}
EVENT = {
    "id": "in_1PqZIw2eZvKYlo2C",
    "object": "invoice",
    "amount_paid": 4900,
    "currency": "eur",
    "customer": {"name": "Ada Lovelace", "email": "ada@acme.example"},
    "lines": [{"description": "Subscription, November", "amount": 4900}],
}
