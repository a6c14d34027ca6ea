"""A form that is sent twice in haste, or after its session ended, does what it does once."""

import sqlalchemy as sa
from playwright.sync_api import expect

from app.db.models import trigger_executions
from tests.browser.conftest import LogIn
from tests.support.live_service import LiveService


def test_a_double_click_sends_a_form_once_and_a_later_click_again(
    service: LiveService, enter: LogIn
) -> None:
    trigger_id, _ = service.trigger()
    page = enter(service, "operator")

    for sent in (1, 2):
        page.goto(f"{service.url}/triggers/{trigger_id}")
        page.get_by_role("button", name="Send test event").dblclick(delay=20)
        expect(page.get_by_text("Test event sent.")).to_be_visible()

        count = sa.select(sa.func.count()).where(trigger_executions.c.trigger_id == trigger_id)
        with service.database.reading() as connection:
            assert connection.execute(count).scalar_one() == sent


def test_what_was_typed_when_a_session_ended_can_be_sent_after_the_login(
    service: LiveService, enter: LogIn
) -> None:
    trigger_id, _ = service.trigger()
    page = enter(service, "admin")
    page.goto(f"{service.url}/triggers/{trigger_id}/edit")
    page.get_by_label("Name", exact=True).fill("typed before the end")
    page.context.clear_cookies()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Log in, then go back to the form")).to_be_visible()
    page.get_by_label("Token").fill(service.tokens["admin"])
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()

    page.go_back()
    page.go_back()
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="typed before the end")).to_be_visible()
