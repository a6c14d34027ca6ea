"""A copy is whole and exact, under the content policy, and a screen reader tells of it."""

import subprocess

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import LogIn
from tests.browser.test_story import failed
from tests.support import factories
from tests.support.live_service import LiveService, event

READ = "navigator.clipboard.readText()"
NO_API = "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }"
KEY = "order-\u202e17\u200b"
"""A key with characters that the page shows as escapes."""


@pytest.fixture
def page(service: LiveService, enter: LogIn) -> Page:
    """Return the page of an execution with such a key, and with a permitted clipboard."""
    trigger_id, sender = service.trigger(action_payload=service.script())
    assert sender.post(event(KEY, text="line\none; $(id) 'x'")).acknowledged
    executions = factories.executions(service.database)
    (made,) = [row.id for row in executions if row.trigger_id == trigger_id]
    shown = enter(service, "viewer", permissions=["clipboard-read", "clipboard-write"])
    shown.goto(f"{service.url}/executions/{made}")
    return shown


def copied(page: Page, name: str) -> str:
    page.get_by_role("button", name=name).first.click()
    expect(page.get_by_role("status").filter(has_text="Copied: ")).to_be_attached()
    return str(page.evaluate(READ))


@pytest.mark.parametrize("api", [True, False])
def test_a_key_is_copied_as_it_is_and_not_as_it_is_shown(page: Page, api: bool) -> None:
    if not api:
        page.evaluate(NO_API)

    assert copied(page, "Copy key") == KEY
    assert KEY not in page.locator("main").inner_text()
    expect(page.locator("#announced")).to_have_text("Copied: key")


def test_the_whole_event_is_copied_as_json(page: Page, service: LiveService) -> None:
    text = copied(page, "Copy JSON")

    stored = factories.executions(service.database)[-1].event_data
    assert text == stored


def test_the_command_can_be_run_and_has_no_secret(page: Page, service: LiveService) -> None:
    command = copied(page, "Copy cURL")

    assert "Signature" not in command
    assert f"{service.url.partition('//')[0]}//" in command
    ran = subprocess.run(
        ["sh", "-c", f"curl() {{ printf '%s\\n' \"$@\"; }}; {command}"],
        capture_output=True,
        check=True,
        text=True,
        timeout=120,
    )
    assert "$(id) 'x'" in ran.stdout


def test_buttons_work_after_the_region_was_refreshed(service: LiveService, enter: LogIn) -> None:
    _, _, (execution_id,) = failed(service)
    page = enter(service, "viewer", permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"{service.url}/executions/{execution_id}")
    page.evaluate(
        """async () => replaceContent(document.getElementById("live"), await (await fetch(
            location.href, { headers: LIVE_BLOCK })).text())"""
    )

    assert copied(page, "Copy key").startswith("fails-")


def test_without_javascript_no_button_is_shown(service: LiveService, enter: LogIn) -> None:
    _, _, (execution_id,) = failed(service)
    page = enter(service, "viewer", java_script_enabled=False)
    page.goto(f"{service.url}/executions/{execution_id}")

    expect(page.get_by_role("button", name="Copy key")).to_be_hidden()
