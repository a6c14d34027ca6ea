"""Tokens and sessions are valid and revoked in all processes of a running service."""

import http.client
import json
from typing import Any

from tests.support.service import DEADLINE_SECONDS, Gunicorn, Service


def ask(
    server: Gunicorn, method: str, path: str, body: object = None, **headers: str
) -> tuple[int, dict[str, str], Any]:
    """Send the request; return status, headers and the parsed JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE_SECONDS)
    text = None if body is None else json.dumps(body)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, text, {"Content-Type": "application/json"} | sent)
        answer = connection.getresponse()
        said = answer.read()
        return (
            answer.status,
            {name.lower(): value for name, value in answer.getheaders()},
            json.loads(said) if said else None,
        )
    finally:
        connection.close()


def token_of(service: Service, role: str) -> str:
    made = service.run("hookonce", "token", "add", role, "--role", role, "--json")
    return str(json.loads(made.stdout.splitlines()[-1])["token"])


def test_a_revoked_token_is_refused_by_every_process_at_once(service: Service) -> None:
    token = token_of(service, "viewer")
    server = service.gunicorn(workers=2)
    bearer = {"Authorization": f"Bearer {token}"}
    before = {ask(server, "GET", "/api/triggers", **bearer)[0] for _ in range(10)}

    service.run("hookonce", "token", "revoke", "viewer")
    after = {ask(server, "GET", "/api/triggers", **bearer)[0] for _ in range(10)}

    assert (before, after) == ({200}, {401})


def test_a_session_is_valid_in_every_process_and_ends_in_all(service: Service) -> None:
    token = token_of(service, "admin")
    server = service.gunicorn(workers=2)
    _, headers, session = ask(server, "POST", "/api/session", {"token": token})
    cookie = {"Cookie": headers["set-cookie"].partition(";")[0]}
    csrf = {"X_CSRF_Token": session["csrf_token"]}
    new = {"name": "one", "action_type": "http", "action_payload": "https://acme.example/"}

    made = ask(server, "POST", "/api/triggers", new, **cookie, **csrf)
    forged = ask(server, "POST", "/api/triggers", new | {"name": "two"}, **cookie)
    seen = {ask(server, "GET", "/api/triggers", **cookie)[0] for _ in range(10)}
    ended = ask(server, "DELETE", "/api/session", **cookie, **csrf)
    after = {ask(server, "GET", "/api/triggers", **cookie)[0] for _ in range(10)}

    assert (made[0], forged[0], seen, ended[0], after) == (201, 403, {200}, 204, {401})


def test_neither_token_nor_cookie_stands_in_a_log(service: Service) -> None:
    token = token_of(service, "admin")
    server = service.gunicorn(workers=1, HOOKONCE_LOG_LEVEL="DEBUG")
    _, headers, _ = ask(server, "POST", "/api/session", {"token": token})
    secret = headers["set-cookie"].partition("=")[2].partition(";")[0]
    ask(server, "GET", "/api/triggers", Authorization=f"Bearer {token}x")
    ask(server, "POST", "/api/session", {"token": f"{token}x"})

    assert token not in server.log()
    assert secret not in server.log()
    assert "evt=unauthenticated" in server.log()
