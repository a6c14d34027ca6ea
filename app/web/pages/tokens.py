"""/tokens: who may do what."""

import json
from typing import Any

from app import auth
from app.auth import ADMIN
from app.errors import InvalidRequest, InvalidToken, NotFound
from app.web import validation
from app.web.api import tokens
from app.web.api.schemas.people import NewTokenBody
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TOKEN, Pages

PAGES = Pages()
_FIELDS = ("name", "role", "expires")


@PAGES.get("/tokens", ADMIN)
def show(request: PageRequest) -> PageResponse:
    """Every token there ever was, and the form for a new one."""
    return _page(request)


@PAGES.post("/tokens", ADMIN)
def make(request: PageRequest) -> PageResponse:
    """Make a token, and show it this once."""
    given = {name: request.fields.get(name, "").strip() for name in _FIELDS}
    try:
        body, _ = validation.media(NewTokenBody, _said(given))
        made = tokens.create_token(request.context, body, request.actor)
    except (InvalidRequest, InvalidToken) as error:
        return _page(request, 422, problem=str(error), given=given)
    return _page(request, 201, made=made)


@PAGES.get(f"/tokens/{TOKEN}/revoke", ADMIN)
def confirm(request: PageRequest, token_id: int) -> PageResponse:
    """Ask once more."""
    found = [
        each for each in tokens.list_tokens(request.context)["tokens"] if each["id"] == token_id
    ]
    if not found:
        raise NotFound(f"there is no token {token_id}")
    return HtmlPage("revoke.html", {"token": found[0]})


@PAGES.post(f"/tokens/{TOKEN}/revoke", ADMIN)
def revoke(request: PageRequest, token_id: int) -> PageResponse:
    """The token is no good from now on; who revokes their own has logged out by it."""
    tokens.revoke_token(request.context, token_id, request.actor)
    return Redirect("/tokens?done=revoked")


def _said(given: dict[str, str]) -> bytes:
    return json.dumps({name: text for name, text in given.items() if text}).encode()


def _page(request: PageRequest, status: int = 200, **more: Any) -> HtmlPage:
    empty = dict.fromkeys(_FIELDS, "")
    values: dict[str, Any] = {"made": None, "problem": "", "given": empty, "roles": auth.ROLES}
    shown = tokens.list_tokens(request.context)["tokens"]
    return HtmlPage("tokens.html", values | {"tokens": shown} | more, status)
