"""A real Chromium, one for the whole run, and the service that it visits."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.support.databases import Databases
from tests.support.live_service import LiveService, running_service

TIMEOUT_MS = 120_000
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
)
"""Chromium options; with them it sends requests to our pages only."""
NAMES = ("chromium", "chromium-browser", "google-chrome")
REFUSED = re.compile(r"Failed to load resource: .* status of 4\d\d")
"""Console message of a 4xx response, which some tests cause on purpose."""
LogIn = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Chromium; skip without one, or fail if the environment requires it."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        missing = "no Chromium found: apt-get install chromium"
        if os.environ.get("CI") or os.environ.get("TESTS_REQUIRE_BROWSER"):
            pytest.fail(missing)
        pytest.skip(missing)
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        expect.set_options(timeout=TIMEOUT_MS)
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def services(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LiveService]]:
    """Return a service per kind of database, started at first use."""
    opened = _LiveServices(databases, tmp_path_factory)
    yield opened
    opened.close()


class _LiveServices(dict[str, LiveService]):
    def __init__(self, databases: Databases, paths: pytest.TempPathFactory) -> None:
        super().__init__()
        self._databases = databases
        self._paths = paths
        self._open: list[Any] = []

    def __missing__(self, kind: str) -> LiveService:
        at_head = self._databases.at_head(kind)
        url = at_head.__enter__()
        self._open.append(at_head)
        service = running_service(url, self._paths.mktemp("service"))
        self[kind] = service.__enter__()
        self._open.append(service)
        return self[kind]

    def close(self) -> None:
        for each in reversed(self._open):
            each.__exit__(None, None, None)


@pytest.fixture
def service(chromium: str, services: dict[str, LiveService]) -> LiveService:  # noqa: ARG001, without a browser no service
    return services["sqlite"]


@pytest.fixture
def each_service(
    chromium: str,  # noqa: ARG001, without a browser no service
    services: dict[str, LiveService],
    kind: str,
) -> LiveService:
    return services[kind]


@pytest.fixture
def enter(browser: Browser) -> Iterator[LogIn]:
    """Return a function that logs in as a role; the test fails if a page's console has errors."""
    contexts: list[BrowserContext] = []
    console_errors: list[str] = []

    def log_in(service: LiveService, role: str = "admin", **options: Any) -> Page:
        context = browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.on(
            "console",
            lambda message: console_errors.append(message.text) if _is_error(message) else None,
        )
        page.goto(f"{service.url}/login")
        page.get_by_label("Token").fill(service.tokens[role])
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        return page

    yield log_in
    for context in contexts:
        context.close()
    assert console_errors == []


def _is_error(message: Any) -> bool:
    return message.type in ("error", "warning") and not REFUSED.match(message.text)
