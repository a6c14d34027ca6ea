"""What every answer tells a browser: run our own files only, frame us nowhere, guess nothing.

https://owasp.org/www-project-secure-headers/
"""

import falcon

from app.triggers.address import WEBHOOKS

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
ALWAYS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
FOR_MACHINES = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
"""For the answer to a webhook, which no browser reads: each more costs as much as parsing one."""
A_YEAR = 31_536_000


class SecurityHeaders:
    """Sets them last, on answers and errors alike."""

    def __init__(self, public_url: str) -> None:
        tls = (("Strict-Transport-Security", f"max-age={A_YEAR}"),)
        self._always = (*ALWAYS, *tls) if public_url.startswith("https:") else ALWAYS

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Nothing is kept by a cache unless the resource itself said for how long."""
        if req.method == "POST" and req.path.startswith(WEBHOOKS):
            resp.set_headers(FOR_MACHINES)
            return
        resp.set_headers(self._always)
        if resp.get_header("Cache-Control") is None:
            resp.set_header("Cache-Control", "no-store")
