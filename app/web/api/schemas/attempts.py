"""Schemas of the attempts of an execution, with what each sent and got back."""

from typing import Literal, TypedDict

from app.web.api.schemas.values import JsonObject, Moment


class AttemptSent(TypedDict):
    """The request that an attempt sent, or the program that it ran, without secrets."""

    method: str | None
    """Method of the request; null for a program."""
    url: str | None
    """Address as it was called, its secrets masked; null for a program."""
    headers: JsonObject
    """Headers that were sent by name; values that may hold a secret are masked."""
    headers_left_out: int
    """Headers that were sent and are not stored, because all were too long together."""
    command: list[str] | None
    """Program with its arguments, their secrets masked; null for a request."""
    words_left_out: int
    """Words of the command that are not stored, because all were too long together."""
    idempotency_key: str | None
    """Idempotency-Key as it was sent; a program has it as HOOKONCE_CHAIN_ID."""
    body: str | None
    """First 4,000 characters of the body or standard input; null once the payload was pruned, and
    for the input of `skill` and `prompt`, which is not kept."""
    body_bytes: int
    """Bytes of the whole body."""
    body_sha256: str
    """SHA-256 of the whole body, in hex."""
    body_from: Literal["request", "event", "own"]
    """Origin of the body: the stored request byte for byte, the stored event, or its own."""


class AttemptResponse(TypedDict):
    """The response of the target, or the exit of the program, without secrets."""

    status: int | None
    """HTTP status; null for a program."""
    headers: JsonObject
    """Headers of the response by name; values that may hold a secret are masked."""
    headers_left_out: int
    """Headers that came and are not stored, because all were too long together."""
    body: str | None
    """First 4,000 characters of the body without secrets; null for a program."""
    exit_status: int | None
    """Exit status of the program; null if a signal ended it."""
    signal: int | None
    """Number of the signal that ended the program."""


class ExecutionAttempt(TypedDict):
    """One run of an execution."""

    number: int
    worker: str
    started_at: Moment | None
    finished_at: Moment | None
    outcome: Literal["succeeded", "failed", "lost"] | None
    """`lost`: the lease expired because the worker died or hung; null while it runs."""
    error: str | None
    error_category: str | None
    error_reason: str | None
    http_status: int | None
    duration_seconds: float | None
    """Duration of the action; null for a lost attempt, or one of an older version."""
    sent: AttemptSent | None
    """The request that really left; null if none did, if the attempt was lost with its worker, or
    if an older version or a plug-in made it."""
    response: AttemptResponse | None
    """The response that came back; null if none did before the end of the attempt."""
