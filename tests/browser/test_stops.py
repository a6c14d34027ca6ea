"""A person stops what goes wrong: a bulk replay that fails again, and a breaker's wait."""

from datetime import timedelta

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from app import clock
from app.db.models import trigger_breakers
from tests.browser.conftest import LogIn
from tests.browser.test_story import failed, settled
from tests.support.live_service import LiveService, event
from tests.support.service import run


def behind_a_breaker(service: LiveService, name: str) -> tuple[int, int]:
    """Return a trigger with an open breaker, and the execution that waits behind it."""
    trigger_id, sender = service.trigger(name=name)
    opened = {"trigger_id": trigger_id, "failure_count": 10, "opened_at": clock.now()}
    with service.database.writing() as connection:
        insert = sa.insert(trigger_breakers).values(opened)
        connection.execute(insert.values(probe_at=clock.now() + timedelta(hours=1)))
    assert sender.post(event(f"k-{name}")).acknowledged
    return trigger_id, settled(service, trigger_id, "pending")[0]


def shown_closed(page: Page, service: LiveService, trigger_id: int) -> None:
    page.goto(f"{service.url}/triggers/{trigger_id}")
    expect(page.get_by_text("Circuit breaker open")).to_have_count(0)


def test_a_bulk_replay_stops_when_the_first_three_fail_again_and_goes_on_by_a_click(
    service: LiveService, enter: LogIn
) -> None:
    script, trigger_id, dead = failed(service, 6)
    page = enter(service, "operator")
    page.goto(f"{service.url}/dead/replay?trigger_id={trigger_id}")
    expect(page.get_by_role("checkbox", name="Replay the first ones one by one")).to_be_checked()
    page.get_by_role("button", name="Replay all 6").click()

    expect(page.get_by_role("heading", name="Replay stopped")).to_be_visible()
    stopped = page.get_by_role("alert").filter(has_text="The first 3 replays failed again")
    expect(stopped).to_contain_text("broken")
    expect(page.get_by_text("3 of 6: 3 replayed, 0 skipped.")).to_be_visible()
    assert len(settled(service, trigger_id, "replayed", 3)) == 3
    newest = settled(service, trigger_id, "failed", 3)[0]
    shown = page.get_by_role("link", name="Look at the last failure")
    expect(shown).to_have_attribute("href", f"/executions/{newest}")
    service.mend(script)
    page.get_by_role("button", name="Replay the others all the same").click()

    expect(page.get_by_role("heading", name="Replay finished")).to_be_visible()
    assert sorted(settled(service, trigger_id, "replayed", 6)) == sorted(dead)
    page.get_by_role("link", name="Follow the results").click()
    expect(page.locator("main")).to_contain_text("completed")
    assert len(settled(service, trigger_id, "completed", 3)) == 3


def test_a_breaker_is_closed_on_its_page_and_everything_behind_it_runs(
    service: LiveService, enter: LogIn
) -> None:
    trigger_id, waiting = behind_a_breaker(service, "Closed by page")
    page = enter(service, "operator")
    page.goto(f"{service.url}/triggers/{trigger_id}")
    expect(page.get_by_text("Circuit breaker open")).to_be_visible()
    expect(page.get_by_text("1 execution waits behind it.")).to_be_visible()
    page.get_by_role("button", name="Close breaker").click()

    expect(page.get_by_text("Circuit breaker closed.")).to_be_visible()
    assert settled(service, trigger_id, "completed") == [waiting]
    shown_closed(page, service, trigger_id)


def test_a_breaker_is_closed_by_command_and_its_page_shows_so(
    service: LiveService, enter: LogIn
) -> None:
    trigger_id, waiting = behind_a_breaker(service, "Closed by command")
    page = enter(service, "viewer")
    page.goto(f"{service.url}/triggers/{trigger_id}")
    expect(page.get_by_text("Circuit breaker open")).to_be_visible()
    url = service.database.engine.url.render_as_string(hide_password=False)

    closed = run("hookonce", "breaker", "close", str(trigger_id), DATABASE_URL=url)
    again = run("hookonce", "breaker", "close", str(trigger_id), DATABASE_URL=url)

    assert (closed.returncode, "the breaker is closed" in closed.stdout) == (0, True)
    assert (again.returncode, "is not open" in again.stdout) == (1, True)
    assert settled(service, trigger_id, "completed") == [waiting]
    shown_closed(page, service, trigger_id)
