"""/tokens: list, create and revoke tokens."""

import json
from typing import Any

from app import auth
from app.auth import ADMIN
from app.errors import InvalidRequest, InvalidToken, existing
from app.web import validation
from app.web.api import tokens
from app.web.api.schemas.access import NewTokenBody
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TOKEN, Pages

PAGES = Pages()
_FIELDS = ("name", "role", "expires")


@PAGES.get("/tokens", ADMIN)
def show(request: PageRequest) -> PageResponse:
    """Show all tokens, including revoked ones, and the form for a new one."""
    return _page(request)


@PAGES.post("/tokens", ADMIN)
def create(request: PageRequest) -> PageResponse:
    """Create a token and show it; its text is shown only this once."""
    form = {name: request.fields.get(name, "").strip() for name in _FIELDS}
    try:
        body, _ = validation.media(NewTokenBody, _as_json(form))
        created = tokens.create_token(request.context, body, request.actor)
    except (InvalidRequest, InvalidToken) as error:
        return _page(request, 422, problem=str(error), form=form)
    return _page(request, 201, created=created)


@PAGES.get(f"/tokens/{TOKEN}/revoke", ADMIN)
def confirm(request: PageRequest, token_id: int) -> PageResponse:
    """Ask for confirmation before the token is revoked."""
    tokens_by_id = {each["id"]: each for each in tokens.list_tokens(request.context)["tokens"]}
    token = existing(tokens_by_id.get(token_id), f"there is no token {token_id}")
    return HtmlPage("revoke.html", {"token": token})


@PAGES.post(f"/tokens/{TOKEN}/revoke", ADMIN)
def revoke(request: PageRequest, token_id: int) -> PageResponse:
    """Revoke the token and its sessions; revoking one's own token ends one's own session."""
    tokens.revoke_token(request.context, token_id, request.actor)
    return Redirect("/tokens?done=revoked")


def _as_json(form: dict[str, str]) -> bytes:
    return json.dumps({name: text for name, text in form.items() if text}).encode()


def _page(request: PageRequest, status: int = 200, **more: Any) -> HtmlPage:
    empty = dict.fromkeys(_FIELDS, "")
    values: dict[str, Any] = {"created": None, "problem": "", "form": empty, "roles": auth.ROLES}
    listed = tokens.list_tokens(request.context)["tokens"]
    return HtmlPage("tokens.html", values | {"tokens": listed} | more, status)
