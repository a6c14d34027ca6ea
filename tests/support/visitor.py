"""A simple browser for the pages: keeps cookies and posts forms with their hidden fields."""

import re
from html import unescape
from urllib.parse import urlencode

from falcon import testing

from app.web.auth import COOKIE
from app.web.pages.login import COOKIE as LOGIN_COOKIE

FORM = "application/x-www-form-urlencoded"
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class Visitor:
    """A visitor of the pages, logged in once `log_in` was called."""

    def __init__(self, client: testing.TestClient) -> None:
        self._client = client
        self.cookies: dict[str, str] = {}
        self.csrf = ""

    def get(self, path: str, **headers: str) -> testing.Result:
        return self._kept(self._client.simulate_get(path, headers=self._headers(headers)))

    def post(self, path: str, fields: dict[str, str] | None = None) -> testing.Result:
        """Post a form, with the session's CSRF token unless the fields have another one."""
        given = {"csrf_token": self.csrf} | (fields or {})
        headers = self._headers({"Content-Type": FORM})
        return self._kept(self._client.simulate_post(path, headers=headers, body=urlencode(given)))

    def log_in(self, token: str, wanted: str = "/") -> testing.Result:
        """Post the login form with the token; return the response."""
        form = self.get(f"/login?{urlencode({'next': wanted})}").text
        answer = self.post("/login", hidden(form) | {"token": token})
        if answer.status_code == 303:
            self.csrf = hidden(self.get("/").text)["csrf_token"]
        return answer

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Accept": "text/html"} | ({"Cookie": cookies} if cookies else {}) | more

    def _kept(self, answer: testing.Result) -> testing.Result:
        for name in (COOKIE, LOGIN_COOKIE):
            if name in answer.cookies:
                self.cookies[name] = answer.cookies[name].value
                if not answer.cookies[name].value:
                    del self.cookies[name]
        return answer


def hidden(page: str) -> dict[str, str]:
    """Return the hidden fields of a page's forms."""
    return {name: unescape(value) for name, value in HIDDEN.findall(page)}
