"""Four tasks of a person on call in a real browser, with their clicks and fields counted."""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.sync_api import Locator, Page, expect

from app import auth, clock
from app.audit import Actor
from app.db import Database
from app.db.models import trigger_breakers
from app.settings import from_environment
from app.triggers import lookup, pausing
from tests.browser.conftest import LogIn
from tests.browser.test_story import failed, settled
from tests.support import factories, samples
from tests.support.databases import Databases
from tests.support.live_service import LiveService, event
from tests.support.samples import Sent
from tests.support.service import Service, until
from tests.support.sink import listening
from tests.support.socket_sender import Sender

FIELDS_HERE, FIELDS_AT_GITHUB = 5, 3
CLICKS_TO_THE_REASON, CLICKS_TO_REPLAY, CLICKS_TO_ROTATE = 3, 4, 4
Story = Callable[[LiveService], str]


class Clicks:
    """A person in front of the page, whose clicks are counted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.count = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.page.wait_for_load_state()
        self.count += 1

    def follow(self, name: str | re.Pattern[str]) -> None:
        self.click(self.page.get_by_role("link", name=name, exact=True))

    def press(self, name: str | re.Pattern[str]) -> None:
        self.click(self.page.get_by_role("button", name=name))


def post(service: LiveService, trigger_id: int, sent: Sent) -> int:
    """Post the request to the trigger as its sender does; return the status."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
    try:
        path = f"/api/triggers/webhook/{trigger_id}"
        connection.request("POST", path, sent.body, dict(sent.headers))
        return connection.getresponse().status
    finally:
        connection.close()


def pushed(secret: str, delivery: str, kind: str = "push") -> Sent:
    headers = {"Content-Type": "application/json", "X-GitHub-Event": kind}
    sent = Sent(headers | {"X-GitHub-Delivery": delivery}, json.dumps({"ref": delivery}).encode())
    return samples.signed("github", sent, secret=secret)


def test_a_github_trigger_whose_redelivery_is_known_needs_five_fields_and_three(
    service: LiveService, enter: LogIn
) -> None:
    page = enter(service, "operator")
    person = Clicks(page)
    person.follow("Triggers")
    person.follow("New trigger")
    person.follow("GitHub")
    shown = page.locator("form.fields :is(input:not([type=hidden]), select, textarea):visible")
    assert shown.count() <= FIELDS_HERE
    page.get_by_label("Name", exact=True).fill("Deploys")
    page.get_by_label("Payload", exact=True).fill(service.script("deployed"))
    person.press("Create trigger")

    steps = page.locator(".steps").inner_text()
    fields = [name for name in ("Payload URL:", "Content type:", "Secret:") if name in steps]
    assert len(fields) <= FIELDS_AT_GITHUB
    assert "Settings > Webhooks > Add webhook" in steps
    expect(page.get_by_text("can be reached from this machine only")).to_be_visible()
    expect(page.get_by_text("Waiting for the first event.")).to_be_visible()
    secret = page.get_by_label("Secret", exact=True).input_value()
    trigger_id = int(page.get_by_label("Webhook URL").input_value().rpartition("/")[2])

    assert post(service, trigger_id, pushed("a wrong secret", "0")) in (200, 401)
    expect(page.get_by_text("A delivery was refused bad signature")).to_be_visible()
    assert post(service, trigger_id, pushed(secret, "ping", "ping")) == 200
    expect(page.get_by_text("GitHub tested the address")).to_be_visible()
    for _ in range(2):
        assert post(service, trigger_id, pushed(secret, "delivery-1")) == 200
    expect(page.locator(".notice.good", has_text="An event has arrived")).to_be_visible()
    assert len(settled(service, trigger_id, "completed")) == 1
    assert [row.trigger_id for row in factories.executions(service.database)].count(trigger_id) == 1


def refused(service: LiveService) -> str:
    trigger_id, _ = service.trigger(name="Why refused")
    assert not Sender(service.port, trigger_id, "another").post(event("k-refused")).acknowledged
    return "Why the signature was refused"


def filtered(service: LiveService) -> str:
    _, sender = service.trigger(name="Why filtered", event_filter='{"a": "b"}')
    assert sender.post(event("k-filtered")).acknowledged
    return "filtered"


def duplicate(service: LiveService) -> str:
    trigger_id, sender = service.trigger(name="Why duplicate")
    for _ in range(2):
        assert sender.post(event("k-duplicate")).acknowledged
    (first,) = settled(service, trigger_id, "completed")
    return f"Execution with this key\n#{first}"


def behind_a_breaker(service: LiveService) -> str:
    trigger_id, sender = service.trigger(name="Why breaker")
    later = clock.now() + timedelta(hours=1)
    opened = {"trigger_id": trigger_id, "failure_count": 10, "opened_at": clock.now()}
    with service.database.writing() as connection:
        connection.execute(sa.insert(trigger_breakers).values(opened | {"probe_at": later}))
    assert sender.post(event("k-breaker")).acknowledged
    return "breaker"


def paused(service: LiveService) -> str:
    trigger_id, sender = service.trigger(name="Why paused")
    pausing.pause(service.database, trigger_id, Actor("Ada"))
    assert sender.post(event("k-paused")).acknowledged
    return "paused"


def that_failed(service: LiveService) -> str:
    failed(service)
    return "broken"


DELIVERIES: dict[str, Story] = {
    "Why refused": refused,
    "Why filtered": filtered,
    "Why duplicate": duplicate,
}
EXECUTIONS: dict[str, Story] = {
    "breaker": behind_a_breaker,
    "paused": paused,
    "failed": that_failed,
}


@pytest.mark.parametrize("name", DELIVERIES)
def test_three_clicks_tell_why_a_delivery_became_no_execution(
    service: LiveService, enter: LogIn, name: str
) -> None:
    reason = DELIVERIES[name](service)
    person = Clicks(enter(service, "viewer"))
    person.follow("Deliveries")
    row = person.page.get_by_role("row").filter(has_text=name)
    expect(row.first).to_be_visible()
    person.click(row.first.get_by_role("link", name=re.compile("^#")).first)

    expect(person.page.get_by_role("heading", name=re.compile("Delivery"))).to_be_visible()
    assert reason in person.page.locator("main").inner_text()
    assert person.count <= CLICKS_TO_THE_REASON


@pytest.mark.parametrize("name", EXECUTIONS)
def test_three_clicks_tell_why_an_execution_has_not_run(
    service: LiveService, enter: LogIn, name: str
) -> None:
    reason = EXECUTIONS[name](service)
    person = Clicks(enter(service, "viewer"))
    person.follow("Executions")
    person.click(person.page.locator("tbody tr a").first)

    expect(person.page.get_by_role("heading", name=re.compile("Execution"))).to_be_visible()
    assert reason in person.page.locator("main").inner_text()
    assert person.count <= CLICKS_TO_THE_REASON


@pytest.fixture
def without_worker(
    chromium: str,  # noqa: ARG001, without a browser no service
    databases: Databases,
    tmp_path: Path,
) -> Iterator[LiveService]:
    """Return a service whose receivers run and that has no worker."""
    with databases.at_head("sqlite") as url:
        database = Database(from_environment({"DATABASE_URL": url}))
        service = Service(tmp_path, DATABASE_URL=url)
        try:
            port = service.gunicorn(workers=1).port
            token = auth.add_token(database, Actor("root"), "Ada", "viewer")[1]
            tokens = {"viewer": token}
            yield LiveService(f"http://127.0.0.1:{port}", port, database, tmp_path, tokens)
        finally:
            service.remove()
            database.dispose()


def test_no_click_tells_that_no_worker_is_alive_and_two_that_the_event_waits_for_one(
    without_worker: LiveService, enter: LogIn
) -> None:
    _, sender = without_worker.trigger(action_payload="none")
    assert sender.post(event("k-no-worker")).acknowledged
    person = Clicks(enter(without_worker, "viewer"))
    expect(person.page.get_by_text("No worker is alive.")).to_be_visible()
    person.follow("Executions")
    person.click(person.page.locator("tbody tr a").first)

    assert "no worker" in person.page.locator("#waiting-because").inner_text().lower()
    assert person.count <= CLICKS_TO_THE_REASON


def test_four_clicks_replay_all_since_an_hour_that_failed_with_503(
    service: LiveService, enter: LogIn
) -> None:
    with listening() as sink:
        sink.status = 503
        once = {"action_type": "http", "retry_policy": '{"max_attempts": 1}'}
        trigger_id, sender = service.trigger(action_payload=sink.url, name="Shop", **once)
        for number in range(3):
            assert sender.post(event(f"shop-{number}")).acknowledged
        dead = settled(service, trigger_id, "failed_retryable", 3)
        sink.status = 400
        assert sender.post(event("shop-400")).acknowledged
        settled(service, trigger_id, "failed")
        past = clock.now() - timedelta(days=1)
        old = factories.execution(
            service.database, trigger_id, "failed_retryable", error="HTTP 503", completed_at=past
        )
        sink.status = 200
        person = Clicks(enter(service, "operator"))
        person.follow("Dead letters")
        person.page.get_by_label("HTTP status").fill("503")
        since = f"{clock.now() - timedelta(minutes=30):%Y-%m-%dT%H:%M}"
        person.page.get_by_label("Failed after").fill(since)
        person.press("Filter")
        person.click(person.page.get_by_role("link", name=re.compile("^Replay all 3")))
        person.press(re.compile("^Replay all 3"))

        expect(person.page.get_by_text("3 of 3: 3 replayed, 0 skipped.")).to_be_visible()
        assert sorted(settled(service, trigger_id, "replayed", 3)) == sorted(dead)
        assert len(settled(service, trigger_id, "completed", 3)) == 3
        assert old in settled(service, trigger_id, "failed_retryable")
    assert person.count <= CLICKS_TO_REPLAY


def test_four_clicks_rotate_a_stripe_secret_and_both_are_good_for_a_while(
    service: LiveService, enter: LogIn
) -> None:
    trigger_id, _ = service.trigger(name="Stripe payments", source="stripe")
    new = "whsec_made_by_stripe_itself"
    person = Clicks(enter(service, "admin"))
    person.follow("Triggers")
    person.follow("Stripe payments")
    person.follow("Rotate secret…")
    person.page.get_by_label("New secret").fill(new)
    person.press("Rotate secret")

    expect(person.page.get_by_text("Secret replaced.")).to_be_visible()
    assert person.count <= CLICKS_TO_ROTATE
    assert new not in person.page.content()
    for number, secret in enumerate((new, samples.SECRET)):
        body = json.dumps({"id": f"evt_{number}", "type": "x"}).encode()
        sent = Sent({"Content-Type": "application/json"}, body)

        def accepted(sent: Sent = sent, secret: str = secret) -> bool:
            signed = samples.signed("stripe", sent, secret=secret, at=clock.now())
            return post(service, trigger_id, signed) == 200

        until(accepted, "a delivery signed with the secret")
    with service.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
    assert service.database.secret_box.decrypt(row) == new
    assert len(settled(service, trigger_id, "completed", 2)) == 2
