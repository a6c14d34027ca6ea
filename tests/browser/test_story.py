"""Use the pages in a browser, from the first trigger to the last dead letter."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.triggers import manage
from tests.browser.conftest import LogIn
from tests.support import factories
from tests.support.browsed_service import House, event
from tests.support.sender import Sender
from tests.support.service import until


def settled(house: House, trigger_id: int, status: str, count: int = 1) -> list[int]:
    """Wait for `count` executions of the trigger in this status; return their ids, newest first."""

    def found() -> list[int]:
        return [
            row.id
            for row in reversed(factories.executions(house.database))
            if row.trigger_id == trigger_id and row.status == status
        ]

    until(lambda: len(found()) >= count, f"{count} {status}")
    return found()


def failed(house: House, count: int = 1) -> tuple[str, int, list[int]]:
    """Return (script, trigger id, execution ids) of a trigger whose script fails."""
    script = house.script(works=False)
    trigger_id, sender = house.trigger(action_payload=script)
    for number in range(count):
        assert sender.post(event(f"fails-{trigger_id}-{number}")).acknowledged
    return script, trigger_id, settled(house, trigger_id, "failed", count)


def replay(page: Page, house: House, execution_id: int) -> None:
    page.goto(f"{house.url}/executions/{execution_id}/replay")
    page.get_by_role("button", name="Replay").click()
    page.wait_for_load_state()


def fact(page: Page, name: str) -> str:
    term = page.locator("dt", has_text=re.compile(f"^{name}$"))
    return term.locator("xpath=following-sibling::dd[1]").first.inner_text()


def test_a_trigger_is_made_fired_at_and_seen_to_run(each_house: House, enter: LogIn) -> None:
    page = enter(each_house, "operator")
    page.get_by_role("link", name="Triggers").click()
    page.get_by_role("link", name="New trigger").click()
    page.get_by_label("Name", exact=True).fill("Orders paid")
    page.get_by_label("Payload", exact=True).fill(each_house.script("shipped"))
    page.get_by_role("button", name=re.compile("^(Make the trigger|Create trigger)$")).click()

    secret = page.get_by_label("Secret").input_value()
    trigger_id = int(page.get_by_label("Webhook URL").input_value().rpartition("/")[2])
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("No events received yet.")).to_be_visible()
    sender = Sender(each_house.port, trigger_id, secret)
    assert sender.post(event("order-1")).acknowledged
    expect(page.get_by_role("cell", name="order-1")).to_be_visible()
    expect(page.locator("#live .status.completed")).to_be_visible()

    assert secret not in page.content()


def test_a_duplicate_is_explained(each_house: House, enter: LogIn) -> None:
    trigger_id, sender = each_house.trigger(idempotency_key_from='["body:messageId"]')
    for said in ("first", "first", "another"):
        assert sender.post(event("same-key", said=said)).acknowledged
    (execution_id,) = settled(each_house, trigger_id, "completed")
    page = enter(each_house, "viewer")

    def explained() -> bool:
        page.goto(f"{each_house.url}/executions/{execution_id}")
        return "2 duplicates received" in page.locator("main").inner_text()

    until(explained, "both repeats written down")
    assert fact(page, "Key") == "same-key"
    assert fact(page, "Read from") == "body:messageId"
    assert fact(page, "First execution") == f"#{execution_id} (this one)"
    digests = page.locator("td .digest").all_inner_texts()
    assert len(set(digests)) == 2
    assert fact(page, "Payload SHA-256") in digests


def test_a_failure_is_replayed_and_too_soon_again_counts_down(
    each_house: House, enter: LogIn
) -> None:
    script, trigger_id, (first,) = failed(each_house)
    page = enter(each_house, "operator")
    page.goto(f"{each_house.url}/executions/{first}")
    page.get_by_role("link", name="Replay…").click()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Replay started.")).to_be_visible()
    (second,) = settled(each_house, trigger_id, "failed")
    expect(page.locator("#live .status.failed").first).to_be_visible()

    page.get_by_role("link", name="Replay…").click()
    page.get_by_role("button", name="Replay").click()

    shown = page.locator("[data-countdown]")
    before = int(shown.inner_text())
    assert 0 < before <= 60
    expect(shown).not_to_have_text(str(before))
    expect(page.get_by_role("button", name="Replay")).to_be_disabled()
    page.goto(f"{each_house.url}/executions/{first}")
    expect(page.locator(".chain li")).to_have_text(
        [re.compile(f"#{first}.*replayed"), re.compile(f"#{second}.*failed")]
    )
    each_house.mend(script)


def test_the_countdown_ends_in_a_button_that_works(house: House, enter: LogIn) -> None:
    script, trigger_id, (first,) = failed(house)
    page = enter(house, "operator")
    page.clock.install()
    replay(page, house, first)
    replay(page, house, settled(house, trigger_id, "failed")[0])
    expect(page.get_by_role("button", name="Replay")).to_be_disabled()

    page.clock.fast_forward(61_000)

    expect(page.get_by_text("You can try again now.")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_enabled()
    house.mend(script)


def test_many_are_sent_again_with_a_look_before_and_progress(house: House, enter: LogIn) -> None:
    script, trigger_id, dead = failed(house, 23)
    house.mend(script)
    page = enter(house, "operator")
    page.goto(f"{house.url}/dead?trigger_id={trigger_id}")
    page.get_by_role("link", name="Replay all 23").click()
    expect(page.get_by_role("heading", name="Replay 23 dead letters?")).to_be_visible()
    assert len(settled(house, trigger_id, "failed", 23)) == 23

    page.get_by_role("button", name="Replay all 23").click()

    expect(page.get_by_role("heading", name="Replay finished")).to_be_visible()
    expect(page.get_by_text("23 of 23: 23 replayed, 0 skipped.")).to_be_visible()
    assert len(settled(house, trigger_id, "completed", 23)) == 23
    assert sorted(settled(house, trigger_id, "replayed", 23)) == sorted(dead)


def test_a_replay_of_many_that_gets_no_answer_can_be_gone_on_with(
    house: House, enter: LogIn
) -> None:
    script, trigger_id, _dead = failed(house, 12)
    house.mend(script)
    page = enter(house, "operator")
    page.goto(f"{house.url}/dead/replay?trigger_id={trigger_id}")
    page.route(
        "**/dead/replay",
        lambda route: (
            route.fulfill(status=429)
            if route.request.resource_type == "fetch"
            else route.continue_()
        ),
    )
    page.get_by_role("button", name="Replay all 12").click()
    expect(page.get_by_text("The service did not respond")).to_be_visible()
    expect(page.get_by_text("10 of 12: 10 replayed")).to_be_visible()

    page.unroute("**/dead/replay")
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("12 of 12: 12 replayed, 0 skipped.")).to_be_visible()


def test_those_that_are_picked_are_sent_again_and_no_others(house: House, enter: LogIn) -> None:
    script, trigger_id, dead = failed(house, 3)
    house.mend(script)
    page = enter(house, "operator")
    page.goto(f"{house.url}/dead?trigger_id={trigger_id}")
    for execution_id in dead[:2]:
        page.get_by_label(f"Select execution {execution_id}").check()
    page.get_by_role("button", name="Replay selected…").click()
    page.get_by_role("button", name="Replay all 2").click()

    expect(page.get_by_role("heading", name="Replay finished")).to_be_visible()
    assert sorted(settled(house, trigger_id, "replayed", 2)) == sorted(dead[:2])
    assert settled(house, trigger_id, "failed") == dead[2:]


def test_a_whatsapp_message_is_shown_before_it_is_sent_again(house: House, enter: LogIn) -> None:
    message = {"key": {"remoteJid": "351000@s.whatsapp.net"}, "message": {"conversation": "stop"}}
    trigger_id, sender = house.trigger(action_payload=house.script(works=False))
    assert sender.post(event("wpp-1", data=message)).acknowledged
    (execution_id,) = settled(house, trigger_id, "failed")
    page = enter(house, "operator")

    page.goto(f"{house.url}/executions/{execution_id}/replay")

    assert fact(page, "Recipient") == "351000@s.whatsapp.net"
    assert fact(page, "Command") == "stop"
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", fact(page, "Received"))


def test_a_new_secret_is_shown_once_and_both_are_good(house: House, enter: LogIn) -> None:
    trigger_id, old = house.trigger()
    page = enter(house, "admin")
    page.goto(f"{house.url}/triggers/{trigger_id}")
    page.get_by_role("link", name="Rotate secret…").click()
    page.get_by_role("button", name="Rotate secret").click()

    secret = page.get_by_label("Secret", exact=True).input_value()
    new = Sender(house.port, trigger_id, secret)
    until(lambda: new.post(event("by-new")).acknowledged, "the new secret known")
    assert old.post(event("by-old")).acknowledged
    page.get_by_role("link", name="I have copied it").click()
    assert secret not in page.content()


def test_a_trigger_is_changed_and_what_was_not_touched_stays(house: House, enter: LogIn) -> None:
    trigger_id, _ = house.trigger(retry_policy='{"max_attempts": 3}', event_filter='{ "a": "b"}')
    page = enter(house, "operator")
    page.goto(f"{house.url}/triggers/{trigger_id}/edit")
    page.get_by_label("Name", exact=True).fill("Renamed")
    page.get_by_label("First wait, seconds").fill("5")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Renamed")).to_be_visible()
    with house.database.reading() as connection:
        row = manage.find_trigger(connection, trigger_id)
    assert row.retry_policy == '{"max_attempts": 3, "base_seconds": 5}'
    assert row.event_filter == '{ "a": "b"}'


def test_a_trigger_is_deleted_after_a_second_question(house: House, enter: LogIn) -> None:
    trigger_id, _ = house.trigger(name="To be deleted")
    page = enter(house, "admin")
    page.goto(f"{house.url}/triggers/{trigger_id}")
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete trigger").click()

    expect(page.get_by_text("Trigger and executions deleted")).to_be_visible()
    assert page.goto(f"{house.url}/triggers/{trigger_id}").status == 404


def test_a_list_stands_still_while_somebody_is_in_it(house: House, enter: LogIn) -> None:
    trigger_id, sender = house.trigger()
    assert sender.post(event("seen-first")).acknowledged
    settled(house, trigger_id, "completed")
    page = enter(house, "viewer")
    page.clock.install()
    page.goto(f"{house.url}/triggers/{trigger_id}")
    page.locator("#live a").first.focus()
    assert sender.post(event("not-yet")).acknowledged
    settled(house, trigger_id, "completed", 2)
    page.clock.fast_forward(10_000)
    expect(page.get_by_text("Paused while you use the list")).to_be_visible()
    assert page.get_by_role("cell", name="not-yet").count() == 0

    page.get_by_role("heading", name="Recent executions").click()
    page.evaluate("document.activeElement.blur()")
    page.clock.fast_forward(10_000)

    expect(page.get_by_role("cell", name="not-yet")).to_be_visible()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_role_sees_no_button_that_it_may_not_press(house: House, enter: LogIn, role: str) -> None:
    _script, trigger_id, (dead,) = failed(house)
    page = enter(house, role)
    seen = ""
    for path in (f"/triggers/{trigger_id}", "/triggers", f"/executions/{dead}", "/dead"):
        page.goto(house.url + path)
        seen += page.locator("body").inner_text()

    acting = ("Send test event", "Edit", "Disable", "New trigger", "Replay…", "Replay selected…")
    admins = ("Rotate secret…", "Delete…", "Audit log", "Tokens")
    assert [word for word in acting if (word in seen) is not (role == "operator")] == []
    assert [word for word in admins if word in seen] == []


def test_everything_needed_works_without_javascript(house: House, enter: LogIn) -> None:
    script, trigger_id, _dead = failed(house, 12)
    house.mend(script)
    page = enter(house, "operator", java_script_enabled=False)
    page.goto(f"{house.url}/dead?trigger_id={trigger_id}")
    page.get_by_role("link", name="Replay all 12").click()
    page.get_by_role("button", name="Replay all 12").click()
    expect(page.get_by_text("10 of 12")).to_be_visible()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("12 of 12: 12 replayed")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.goto(f"{house.url}/triggers/{trigger_id}")
    expect(page.get_by_label("Token")).to_be_visible()


def test_what_a_stranger_wrote_runs_nothing_in_a_browser(house: House, enter: LogIn) -> None:
    nasty = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    trigger_id, sender = house.trigger(name=nasty, action_payload=house.script(works=False))
    assert sender.post(event(nasty, phone=nasty, text=nasty)).acknowledged
    (execution_id,) = settled(house, trigger_id, "failed")
    page = enter(house, "admin")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))

    one, two = f"/executions/{execution_id}", f"/triggers/{trigger_id}"
    shown = (one, f"{one}/replay", two, f"{two}/delete", "/executions", "/dead", "/dead/replay")
    for path in shown:
        page.goto(house.url + path)
        assert page.locator("main img, main script").count() == 0
        assert "<script>" in page.locator("main").inner_text(), path
    assert asked == []


def test_after_the_login_one_is_where_one_wanted_to_be(house: House, enter: LogIn) -> None:
    page = enter(house, "viewer")
    page.context.clear_cookies()
    page.goto(f"{house.url}/executions?status=completed")
    page.get_by_label("Token").fill(house.tokens["viewer"])
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("heading", name="Executions")).to_be_visible()
    assert page.url == f"{house.url}/executions?status=completed"


def test_the_first_stop_of_the_tab_key_leads_past_the_navigation(
    house: House, enter: LogIn
) -> None:
    page = enter(house, "viewer")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()
