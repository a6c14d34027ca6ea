"""A reader sees times in the own zone, and UTC where the pointer rests; forms go on sending UTC."""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.browser.conftest import LogIn
from tests.browser.test_story import failed
from tests.support.live_service import LiveService

ZONE = "America/New_York"


def test_times_are_local_and_filters_send_utc(service: LiveService, enter: LogIn) -> None:
    _, _, (execution_id,) = failed(service)
    page = enter(service, "viewer", timezone_id=ZONE)

    page.goto(f"{service.url}/executions?since=2026-01-31T12:00")
    shown = page.locator("td.time time").first
    moment = datetime.fromisoformat(str(shown.get_attribute("datetime")))

    assert shown.inner_text() == f"{moment.astimezone(ZoneInfo(ZONE)):%Y-%m-%d %H:%M:%S}"
    assert shown.get_attribute("title") == f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    expect(page.get_by_text(f"Times are in {ZONE}.")).to_be_visible()
    assert "(UTC)" not in page.locator("main").inner_text()

    since = page.get_by_role("textbox", name="Received after")
    assert since.input_value() == "2026-01-31T07:00"
    since.fill("2026-02-01T08:30")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url(re.compile("since="))

    assert parse_qs(urlsplit(page.url).query)["since"] == ["2026-02-01T13:30"]
    assert page.get_by_role("textbox", name="Received after").input_value() == "2026-02-01T08:30"

    page.goto(f"{service.url}/executions/{execution_id}")
    facts = page.locator("dl.facts").first.inner_text()
    assert " UTC" not in facts


def test_a_quick_range_is_one_click(service: LiveService, enter: LogIn) -> None:
    _, _, (execution_id,) = failed(service)
    page = enter(service, "viewer")
    page.goto(f"{service.url}/executions?status=failed")

    page.get_by_role("link", name="Last hour").click()

    query = parse_qs(urlsplit(page.url).query)
    assert query["status"] == ["failed"]
    assert query["since"][0].startswith("20")
    expect(page.get_by_role("link", name=f"#{execution_id}", exact=True)).to_be_visible()


def test_a_time_that_occurs_twice_or_never_cuts_nothing_off(
    service: LiveService, enter: LogIn
) -> None:
    page = enter(service, "viewer", timezone_id="Europe/Berlin")
    since, until = (
        page.get_by_role("textbox", name=name) for name in ("Received after", "Received before")
    )

    def filtered() -> list[str]:
        with page.expect_navigation():
            page.get_by_role("button", name="Filter").click()
        query = parse_qs(urlsplit(page.url).query)
        return [query["since"][0], query["until"][0]]

    def entered(text: str) -> list[str]:
        for field in (since, until):
            field.fill(text)
        return filtered()

    page.goto(f"{service.url}/executions?since=2026-10-25T01:30&until=2026-10-25T00:30")
    assert since.input_value() == until.input_value() == "2026-10-25T02:30"
    assert filtered() == ["2026-10-25T01:30", "2026-10-25T00:30"]  # nobody changed them
    page.goto(f"{service.url}/executions")
    assert entered("2026-10-25T02:30") == ["2026-10-25T00:30", "2026-10-25T01:30"]
    assert entered("2026-03-29T02:30") == ["2026-03-29T00:30", "2026-03-29T01:30"]
    assert entered("2026-03-29T03:30") == ["2026-03-29T01:30", "2026-03-29T01:30"]
    assert entered("2026-10-25T03:30") == ["2026-10-25T02:30", "2026-10-25T02:30"]
