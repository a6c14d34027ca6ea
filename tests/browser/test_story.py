"""Use the pages in a browser, from the first trigger to the last dead letter."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.triggers import lookup
from tests.browser.conftest import LogIn
from tests.support import factories
from tests.support.live_service import LiveService, event
from tests.support.service import until
from tests.support.socket_sender import Sender


def settled(service: LiveService, trigger_id: int, status: str, count: int = 1) -> list[int]:
    """Wait for `count` executions of the trigger in this status; return their ids, newest first."""

    def found() -> list[int]:
        return [
            row.id
            for row in reversed(factories.executions(service.database))
            if row.trigger_id == trigger_id and row.status == status
        ]

    until(lambda: len(found()) >= count, f"{count} {status}")
    return found()


def failed(service: LiveService, count: int = 1) -> tuple[str, int, list[int]]:
    """Return (script, trigger id, execution ids) of a trigger whose script fails."""
    script = service.script(works=False)
    trigger_id, sender = service.trigger(action_payload=script)
    for number in range(count):
        assert sender.post(event(f"fails-{trigger_id}-{number}")).acknowledged
    return script, trigger_id, settled(service, trigger_id, "failed", count)


def replay(page: Page, service: LiveService, execution_id: int) -> None:
    page.goto(f"{service.url}/executions/{execution_id}/replay")
    page.get_by_role("button", name="Replay").click()
    page.wait_for_load_state()


def fact(page: Page, name: str) -> str:
    term = page.locator("dt", has_text=re.compile(f"^{name}$"))
    return term.locator("xpath=following-sibling::dd[1]").first.inner_text()


def test_a_trigger_is_made_fired_at_and_seen_to_run(
    each_service: LiveService, enter: LogIn
) -> None:
    page = enter(each_service, "operator")
    page.get_by_role("link", name="Triggers").click()
    page.get_by_role("link", name="New trigger").click()
    page.get_by_role("link", name="Another sender").click()
    page.get_by_label("Name", exact=True).fill("Orders paid")
    page.get_by_label("Payload", exact=True).fill(each_service.script("shipped"))
    page.get_by_role("button", name="Create trigger").click()

    secret = page.get_by_label("Secret", exact=True).input_value()
    trigger_id = int(page.get_by_label("Webhook URL").input_value().rpartition("/")[2])
    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_text("No events received yet.")).to_be_visible()
    sender = Sender(each_service.port, trigger_id, secret)
    assert sender.post(event("order-1")).acknowledged
    expect(page.get_by_role("cell", name="order-1")).to_be_visible()
    expect(page.locator("#live .status.completed")).to_be_visible()

    assert secret not in page.content()


def test_a_duplicate_is_explained(each_service: LiveService, enter: LogIn) -> None:
    trigger_id, sender = each_service.trigger(idempotency_key_from='["body:messageId"]')
    for said in ("first", "first", "another"):
        assert sender.post(event("same-key", said=said)).acknowledged
    (execution_id,) = settled(each_service, trigger_id, "completed")
    page = enter(each_service, "viewer")

    def explained() -> bool:
        page.goto(f"{each_service.url}/executions/{execution_id}")
        return "2 duplicates received" in page.locator("main").inner_text()

    until(explained, "both repeats written down")
    assert fact(page, "Key").startswith("same-key")
    assert fact(page, "Read from") == "body:messageId"
    assert fact(page, "First execution") == f"#{execution_id} (this one)"
    digests = page.locator("td .digest").all_inner_texts()
    assert len(set(digests)) == 2
    assert fact(page, "Payload SHA-256") in digests


def test_a_failure_is_replayed_and_too_soon_again_counts_down(
    each_service: LiveService, enter: LogIn
) -> None:
    script, trigger_id, (first,) = failed(each_service)
    page = enter(each_service, "operator")
    page.goto(f"{each_service.url}/executions/{first}")
    page.get_by_role("link", name="Replay…").click()
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_text("Replay started.")).to_be_visible()
    (second,) = settled(each_service, trigger_id, "failed")
    expect(page.locator("#live .status.failed").first).to_be_visible()

    page.get_by_role("link", name="Replay…").click()
    page.get_by_role("button", name="Replay").click()

    shown = page.locator("[data-countdown]")
    before = int(shown.inner_text())
    assert 0 < before <= 60
    expect(shown).not_to_have_text(str(before))
    expect(page.get_by_role("button", name="Replay")).to_be_disabled()
    page.goto(f"{each_service.url}/executions/{first}")
    expect(page.locator(".chain li")).to_have_text(
        [re.compile(f"#{first}.*replayed"), re.compile(f"#{second}.*failed")]
    )
    each_service.mend(script)


def test_the_countdown_ends_in_a_button_that_works(service: LiveService, enter: LogIn) -> None:
    script, trigger_id, (first,) = failed(service)
    page = enter(service, "operator")
    page.clock.install()
    replay(page, service, first)
    replay(page, service, settled(service, trigger_id, "failed")[0])
    expect(page.get_by_role("button", name="Replay")).to_be_disabled()

    page.clock.fast_forward(61_000)

    expect(page.get_by_text("You can try again now.")).to_be_visible()
    expect(page.get_by_role("button", name="Replay")).to_be_enabled()
    service.mend(script)


def test_many_are_sent_again_with_a_look_before_and_progress(
    service: LiveService, enter: LogIn
) -> None:
    script, trigger_id, dead = failed(service, 23)
    service.mend(script)
    page = enter(service, "operator")
    page.goto(f"{service.url}/dead?trigger_id={trigger_id}")
    page.get_by_role("link", name="Replay all 23").click()
    expect(page.get_by_role("heading", name="Replay 23 dead letters?")).to_be_visible()
    assert len(settled(service, trigger_id, "failed", 23)) == 23

    page.get_by_role("button", name="Replay all 23").click()

    expect(page.get_by_role("heading", name="Replay finished")).to_be_visible()
    expect(page.get_by_text("23 of 23: 23 replayed, 0 skipped.")).to_be_visible()
    assert len(settled(service, trigger_id, "completed", 23)) == 23
    assert sorted(settled(service, trigger_id, "replayed", 23)) == sorted(dead)


def test_a_replay_of_many_that_gets_no_answer_can_be_gone_on_with(
    service: LiveService, enter: LogIn
) -> None:
    script, trigger_id, _dead = failed(service, 12)
    service.mend(script)
    page = enter(service, "operator")
    page.goto(f"{service.url}/dead/replay?trigger_id={trigger_id}")
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
    expect(page.get_by_text("1 of 12: 1 replayed")).to_be_visible()

    page.unroute("**/dead/replay")
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("12 of 12: 12 replayed, 0 skipped.")).to_be_visible()


def test_those_that_are_picked_are_sent_again_and_no_others(
    service: LiveService, enter: LogIn
) -> None:
    script, trigger_id, dead = failed(service, 3)
    service.mend(script)
    page = enter(service, "operator")
    page.goto(f"{service.url}/dead?trigger_id={trigger_id}")
    for execution_id in dead[:2]:
        page.get_by_label(f"Select execution {execution_id}").check()
    page.get_by_role("button", name="Replay selected…").click()
    page.get_by_role("button", name="Replay all 2").click()

    expect(page.get_by_role("heading", name="Replay finished")).to_be_visible()
    assert sorted(settled(service, trigger_id, "replayed", 2)) == sorted(dead[:2])
    assert settled(service, trigger_id, "failed") == dead[2:]


def test_a_whatsapp_message_is_shown_before_it_is_sent_again(
    service: LiveService, enter: LogIn
) -> None:
    message = {"key": {"remoteJid": "351000@s.whatsapp.net"}, "message": {"conversation": "stop"}}
    trigger_id, sender = service.trigger(action_payload=service.script(works=False))
    assert sender.post(event("wpp-1", data=message)).acknowledged
    (execution_id,) = settled(service, trigger_id, "failed")
    page = enter(service, "operator")

    page.goto(f"{service.url}/executions/{execution_id}/replay")

    assert fact(page, "Recipient") == "351000@s.whatsapp.net"
    assert fact(page, "Command") == "stop"
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", fact(page, "Received"))


def test_a_new_secret_is_shown_once_and_both_are_good(service: LiveService, enter: LogIn) -> None:
    trigger_id, old = service.trigger()
    page = enter(service, "admin")
    page.goto(f"{service.url}/triggers/{trigger_id}")
    page.get_by_role("link", name="Rotate secret…").click()
    page.get_by_role("button", name="Rotate secret").click()

    secret = page.get_by_label("Secret", exact=True).input_value()
    new = Sender(service.port, trigger_id, secret)
    until(lambda: new.post(event("by-new")).acknowledged, "the new secret known")
    assert old.post(event("by-old")).acknowledged
    page.get_by_role("link", name="I have copied it").click()
    assert secret not in page.content()


def test_a_trigger_is_changed_and_what_was_not_touched_stays(
    service: LiveService, enter: LogIn
) -> None:
    trigger_id, _ = service.trigger(retry_policy='{"max_attempts": 3}', event_filter='{ "a": "b"}')
    page = enter(service, "operator")
    page.goto(f"{service.url}/triggers/{trigger_id}/edit")
    page.get_by_label("Name", exact=True).fill("Renamed")
    page.get_by_label("First wait").fill("5m")
    page.get_by_role("button", name="Save").click()

    expect(page.get_by_role("heading", name="Renamed")).to_be_visible()
    with service.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
    assert row.retry_policy == '{"max_attempts": 3, "base_seconds": 300}'
    assert row.event_filter == '{ "a": "b"}'


def test_a_trigger_is_deleted_after_a_second_question(service: LiveService, enter: LogIn) -> None:
    trigger_id, _ = service.trigger(name="To be deleted")
    page = enter(service, "admin")
    page.goto(f"{service.url}/triggers/{trigger_id}")
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete trigger").click()

    expect(page.get_by_text("Trigger and executions deleted")).to_be_visible()
    assert page.goto(f"{service.url}/triggers/{trigger_id}").status == 404


def test_a_list_stands_still_while_somebody_is_in_it(service: LiveService, enter: LogIn) -> None:
    trigger_id, sender = service.trigger()
    assert sender.post(event("seen-first")).acknowledged
    settled(service, trigger_id, "completed")
    page = enter(service, "viewer")
    page.clock.install()
    page.goto(f"{service.url}/triggers/{trigger_id}")
    page.locator("#live a").first.focus()
    assert sender.post(event("not-yet")).acknowledged
    settled(service, trigger_id, "completed", 2)
    page.clock.fast_forward(10_000)
    expect(page.get_by_text("Updates paused while you use the list")).to_be_visible()
    assert page.get_by_role("cell", name="not-yet").count() == 0

    page.get_by_role("heading", name="Recent executions").click()
    page.evaluate("document.activeElement.blur()")
    page.clock.fast_forward(10_000)

    expect(page.get_by_role("cell", name="not-yet")).to_be_visible()


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_a_role_sees_no_button_that_it_may_not_press(
    service: LiveService, enter: LogIn, role: str
) -> None:
    _script, trigger_id, (dead,) = failed(service)
    page = enter(service, role)
    seen = ""
    for path in (f"/triggers/{trigger_id}", "/triggers", f"/executions/{dead}", "/dead"):
        page.goto(service.url + path)
        seen += page.locator("body").inner_text()

    acting = ("Send test event", "Edit", "Disable", "New trigger", "Replay…", "Replay selected…")
    admins = ("Rotate secret…", "Delete…", "Audit log", "Tokens")
    assert [word for word in acting if (word in seen) is not (role == "operator")] == []
    assert [word for word in admins if word in seen] == []


def test_everything_needed_works_without_javascript(service: LiveService, enter: LogIn) -> None:
    script, trigger_id, _dead = failed(service, 12)
    service.mend(script)
    page = enter(service, "operator", java_script_enabled=False)
    page.goto(f"{service.url}/dead?trigger_id={trigger_id}")
    page.get_by_role("link", name="Replay all 12").click()
    page.get_by_label("Replay the first ones one by one").uncheck()
    page.get_by_role("button", name="Replay all 12").click()
    expect(page.get_by_text("10 of 12")).to_be_visible()
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_text("12 of 12: 12 replayed")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.goto(f"{service.url}/triggers/{trigger_id}")
    expect(page.get_by_label("Token")).to_be_visible()


def test_what_a_stranger_wrote_runs_nothing_in_a_browser(
    service: LiveService, enter: LogIn
) -> None:
    nasty = '"><img src=x onerror=alert(1)><script>alert(2)</script>'
    trigger_id, sender = service.trigger(name=nasty, action_payload=service.script(works=False))
    assert sender.post(event(nasty, phone=nasty, text=nasty)).acknowledged
    (execution_id,) = settled(service, trigger_id, "failed")
    page = enter(service, "admin")
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))

    one, two = f"/executions/{execution_id}", f"/triggers/{trigger_id}"
    shown = (one, f"{one}/replay", two, f"{two}/delete", "/executions", "/dead", "/dead/replay")
    for path in shown:
        page.goto(service.url + path)
        assert page.locator("main img, main script").count() == 0
        assert "<script>" in page.locator("main").inner_text(), path
    assert asked == []


def test_after_the_login_one_is_where_one_wanted_to_be(service: LiveService, enter: LogIn) -> None:
    page = enter(service, "viewer")
    page.context.clear_cookies()
    page.goto(f"{service.url}/executions?status=completed")
    page.get_by_label("Token").fill(service.tokens["viewer"])
    page.get_by_role("button", name="Log in").click()

    expect(page.get_by_role("heading", name="Executions")).to_be_visible()
    assert page.url == f"{service.url}/executions?status=completed"


def test_the_first_stop_of_the_tab_key_leads_past_the_navigation(
    service: LiveService, enter: LogIn
) -> None:
    page = enter(service, "viewer")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("main")).to_be_focused()
