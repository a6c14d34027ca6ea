"""Tokens, the roles that they give, and the sessions of browsers.

Nothing here knows HTTP: a token arrives as a text, from a header, a cookie or a form.
"""

from app.auth.identity import ADMIN, OPERATOR, ROLES, VIEWER, Identity, Role, require
from app.auth.sessions import (
    SESSION_ROWS_PER_HOUR,
    SESSIONS_PER_TOKEN,
    begin_session,
    end_session,
    of_session,
)
from app.auth.tokens import (
    LONGEST_TOKEN,
    PREFIX,
    USED_AGAIN_SECONDS,
    add_token,
    all_tokens,
    duration,
    hashed,
    of_token,
    revoke_token,
)

__all__ = [
    "ADMIN",
    "LONGEST_TOKEN",
    "OPERATOR",
    "PREFIX",
    "ROLES",
    "SESSIONS_PER_TOKEN",
    "SESSION_ROWS_PER_HOUR",
    "USED_AGAIN_SECONDS",
    "VIEWER",
    "Identity",
    "Role",
    "add_token",
    "all_tokens",
    "begin_session",
    "duration",
    "end_session",
    "hashed",
    "of_session",
    "of_token",
    "require",
    "revoke_token",
]
