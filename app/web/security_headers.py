"""Security headers of every response: only our own files run, no framing, no content sniffing.

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
WEBHOOK_HEADERS = (("X-Content-Type-Options", "nosniff"), ("Cache-Control", "no-store"))
"""Headers of webhook responses, which no browser reads.

Each further response header costs as much time as parsing a request header.
"""
ONE_YEAR_SECONDS = 31_536_000


class SecurityHeaders:
    """Middleware that sets the headers last, on successful responses and errors alike."""

    def __init__(self, public_url: str) -> None:
        tls = (("Strict-Transport-Security", f"max-age={ONE_YEAR_SECONDS}"),)
        self._always = (*ALWAYS, *tls) if public_url.startswith("https:") else ALWAYS

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        """Set the security headers; forbid caching unless the resource has set Cache-Control."""
        if req.method == "POST" and req.path.startswith(WEBHOOKS):
            resp.set_headers(WEBHOOK_HEADERS)
            return
        resp.set_headers(self._always)
        if resp.get_header("Cache-Control") is None:
            resp.set_header("Cache-Control", "no-store")
