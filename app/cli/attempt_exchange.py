"""Print what the newest attempt of an execution sent and got back."""

from collections.abc import Iterator, Sequence
from typing import Any

import click

from app.cli import terminal

_BODIES = {
    "request": "bytes, those of the stored request",
    "event": "bytes, those of the stored event",
    "own": "bytes, made for this attempt",
}


def show(attempts: Sequence[dict[str, Any]]) -> None:
    """Print the exchange of the newest attempt that has one; --json has all of them."""
    recorded = [each for each in attempts if each["sent"] is not None]
    if not recorded:
        return
    newest = recorded[-1]
    click.echo(f"\nsent by attempt {newest['number']}")
    _print(_sent(newest["sent"]))
    if newest["response"] is not None:
        click.echo(f"\nresponse to attempt {newest['number']}")
        _print(_response(newest["response"]))


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        click.echo(terminal.plain(line))


def _sent(sent: dict[str, Any]) -> Iterator[str]:
    if sent["command"] is not None:
        yield " ".join(sent["command"]) + _left_out(sent["words_left_out"])
        yield f"HOOKONCE_CHAIN_ID: {sent['idempotency_key']}"
    else:
        yield f"{sent['method']} {sent['url']}"
        yield from _headers(sent)
    yield f"body: {sent['body_bytes']:,} {_BODIES.get(sent['body_from'], 'bytes')}"
    yield f"SHA-256: {sent['body_sha256']}"
    if sent["body_from"] == "own" and sent["body"]:
        yield sent["body"]


def _response(response: dict[str, Any]) -> Iterator[str]:
    if response["status"] is None:
        signal = response["signal"]
        yield f"exit status {response['exit_status']}" if signal is None else f"signal {signal}"
        return
    yield f"HTTP {response['status']}"
    yield from _headers(response)
    if response["body"]:
        yield response["body"]


def _headers(of: dict[str, Any]) -> Iterator[str]:
    for name, value in of["headers"].items():
        yield f"{name}: {value}"
    if of["headers_left_out"]:
        yield f"({of['headers_left_out']} more headers)"


def _left_out(number: int) -> str:
    return f" ({number} more words)" if number else ""
