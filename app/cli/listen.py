"""`hookonce listen`: forward the executions of a trigger to an address, for development.

It reads them over the API, so it works from any machine with a token. The executions run as usual:
nothing is acknowledged, claimed or changed by it.
"""

import json
import string
import sys
import time
from collections.abc import Iterator
from typing import Any

import click
import urllib3
from urllib3.util import parse_url

from app import settings
from app.cli import completion, signals
from app.cli.number_param import NumberParam
from app.errors import InvalidSetting
from app.tolerant_json import json_object

PAUSE_SECONDS = 1.0
"""Seconds between two requests for new executions."""
TIMEOUT_SECONDS = 10.0
PER_PAGE = 100
OVERLAP = 100
"""Ids below the highest that are asked for again: a row may appear after one with a higher id."""
_OF_HEADERS = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")


class Api:
    """The API of a running service, for one token."""

    def __init__(self, server: str, token: str) -> None:
        self._server = server.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}
        self._pool = urllib3.PoolManager(retries=False, timeout=TIMEOUT_SECONDS)

    def get(self, path: str, **fields: Any) -> urllib3.BaseHTTPResponse:
        """Return the response; ClickException if the token is refused, HTTPError for any 5xx."""
        filled = {name: str(value) for name, value in fields.items() if value is not None}
        response = self._pool.request(
            "GET", self._server + path, fields=filled, headers=self._headers, redirect=False
        )
        location = response.headers.get("Location", "")
        if response.status in (401, 403) or location.startswith("/login"):
            raise click.ClickException(f"{self._server} refuses the token")
        if response.status >= 500:
            raise urllib3.exceptions.HTTPError(f"HTTP {response.status}")
        return response

    def json(self, path: str, **fields: Any) -> Any:
        """Return the JSON object of a response of 200; ClickException for any other but 5xx."""
        response = self.get(path, **fields)
        if response.status != 200:
            location = response.headers.get("Location")
            whither = f", to {location}" if location else ""
            raise click.ClickException(f"{self._server}{path} answered {response.status}{whither}")
        found = json_object(response.data.decode("utf-8", "replace"))
        if found is None:
            raise click.ClickException(f"{self._server} answered no JSON: it is no Hookonce")
        return found


class Arrivals:
    """The executions of a trigger that arrive, each once and by id."""

    def __init__(self, api: Api, trigger_id: int, after: int | None) -> None:
        self._api = api
        self._trigger_id = trigger_id
        self._seen: set[int] = set()
        self._floor = after or 0
        self.high = after if after is not None else self._newest()

    def new(self) -> Iterator[int]:
        """Yield the ids of the executions that arrived since the last call.

        One counts as seen when the next is asked for: an error of the caller leaves it new.
        """
        after = self.high - OVERLAP
        if after < 1:  # the API takes an id of at least 1
            after = 1
            yield from self._unseen(self._page(before_id=after + 1))
        while True:
            rows = self._page(after_id=after)
            yield from self._unseen(rows)
            if len(rows) < PER_PAGE:
                break
            after = max(row["id"] for row in rows)
        self._seen = {each for each in self._seen if each > self.high - 2 * OVERLAP}

    def _unseen(self, rows: list[dict[str, Any]]) -> Iterator[int]:
        for id_ in sorted(row["id"] for row in rows):
            if id_ > self._floor and id_ not in self._seen:
                yield id_
                self._seen.add(id_)
                self.high = max(self.high, id_)

    def _newest(self) -> int:
        """Return the highest id there is, and take those just below it as seen."""
        rows = self._page()
        self._seen |= {row["id"] for row in rows}
        return max(self._seen, default=0)

    def _page(self, **fields: Any) -> list[dict[str, Any]]:
        path = "/api/triggers/executions"
        asked = {"trigger_id": self._trigger_id, "per_page": PER_PAGE, **fields}
        rows: list[dict[str, Any]] = self._api.json(path, **asked)["executions"]
        return rows


def _token(_ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    """Return the token; the list of processes shows one that is an option."""
    token = given or _read_token()
    if not set(token) <= _OF_HEADERS:
        raise click.BadParameter("a token has no such characters")
    return token


def _read_token() -> str:
    if sys.stdin.isatty():
        return str(click.prompt("Token", hide_input=True))
    read = sys.stdin.readline().strip()
    if not read:
        raise click.UsageError("there is no token: give --token, or a line of the standard input")
    return read


def _address(_ctx: click.Context, _parameter: click.Parameter, given: str | None) -> str | None:
    """Return the address; it is tried before any execution is read."""
    if given is None:
        return None
    try:
        url = parse_url(given)
    except urllib3.exceptions.LocationParseError as error:
        raise click.BadParameter(f"{given!r} is no address") from error
    if url.scheme not in ("http", "https") or not url.host:
        raise click.BadParameter(f"{given!r} does not begin with http:// or https:// and a host")
    return given


@click.command("listen")
@click.argument("url", callback=_address)
@click.option(
    "--trigger",
    required=True,
    shell_complete=completion.triggers,
    help="The trigger (id, slug or name).",
)
@click.option(
    "--server",
    callback=_address,
    help="Address of the service; by default HOOKONCE_PUBLIC_URL.",
)
@click.option(
    "--token",
    callback=_token,
    help="Token of a viewer; by default asked for, or the first line of the standard input.",
)
@click.option(
    "--after", type=click.IntRange(0, 2**63 - 1), help="Begin after this execution, not now."
)
@click.option("--seconds", type=NumberParam(0), help="Stop after so many seconds.")
def command(
    url: str,
    trigger: str,
    server: str | None,
    token: str,
    after: int | None,
    seconds: float | None,
) -> None:
    """Forward new executions of a trigger to a local address.

    For development. They are read over the API, and run by their workers as usual: nothing is
    acknowledged and nothing is sent back. Each is forwarded once, with the body as its sender sent
    it; to go on after an interruption, give the last id as --after.
    """
    try:
        api = Api(server or settings.from_environment().hookonce_public_url, token)
        arrivals = Arrivals(api, _trigger_id(api, trigger), after)
    except (urllib3.exceptions.HTTPError, InvalidSetting) as error:
        raise click.ClickException(f"no response: {error}") from error
    click.echo(f"forwarding to {url}; Ctrl-C ends", err=True)
    ends_at = None if seconds is None else time.monotonic() + seconds
    with signals.until_interrupted() as stop:
        try:
            while not stop.is_set() and (ends_at is None or time.monotonic() < ends_at):
                _forward_new(api, arrivals, url)
                stop.wait(PAUSE_SECONDS)
        finally:
            click.echo(f"the last execution was {arrivals.high}", err=True)


def _forward_new(api: Api, arrivals: Arrivals, url: str) -> None:
    try:
        for execution_id in arrivals.new():
            click.echo(f"#{execution_id}  {_forwarded(api, execution_id, url)}")
    except urllib3.exceptions.HTTPError as error:
        click.echo(f"no response of the service, which is asked again: {error}", err=True)


def _forwarded(api: Api, execution_id: int, url: str) -> str:
    """Forward the execution's request; return the outcome in words."""
    response = api.get(f"/executions/{execution_id}/request")
    if response.status != 200:  # it was pruned: the event is kept longer
        response = api.get(f"/executions/{execution_id}/event.json")
    if response.status != 200:
        return "its event is not kept"
    headers = {
        "Content-Type": _content_type(response.data),
        "User-Agent": "Hookonce",
        "Hookonce-Execution": str(execution_id),
    }
    began = time.monotonic()
    try:
        answer = urllib3.request(
            "POST",
            url,
            body=response.data,
            headers=headers,
            preload_content=False,  # a body, which may be endless, is of no use here
            timeout=TIMEOUT_SECONDS,
            retries=False,
        )
    except urllib3.exceptions.HTTPError as error:
        return f"no response of {url}: {type(error).__name__}"
    answer.close()
    return f"HTTP {answer.status} in {1000 * (time.monotonic() - began):.0f} ms"


def _content_type(body: bytes) -> str:
    try:
        json.loads(body)
    except ValueError:
        return "application/octet-stream"
    return "application/json"


def _trigger_id(api: Api, name: str) -> int:
    """Return the id of the trigger of this id, slug or name."""
    before: int | None = None
    while True:
        page = api.json("/api/triggers", per_page=PER_PAGE, before_id=before)
        for row in page["triggers"]:
            if name in (str(row["id"]), row["slug"], row["name"]):
                return int(row["id"])
        before = page["next"]
        if before is None:
            raise click.ClickException(f"there is no trigger {name!r}")
