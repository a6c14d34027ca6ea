"""Evolution API and Evolution Go, which carry WhatsApp and sign nothing.

The secret comes as the last segment of the webhook's path, or as a static header that the
operator configures there. https://doc.evolution-api.com/v2/en/configuration/webhooks
"""

from dataclasses import replace
from datetime import datetime

from app.intake.message import Request
from app.intake.signatures import require_match
from app.intake.sources import custom

SECRET_HEADERS = ("x-webhook-secret", "apikey")


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """The secret itself, in the path, in X-Webhook-Secret or apikey, or as a bearer token."""
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    static = [request.headers.get(name, "") for name in SECRET_HEADERS]
    require_match([request.presented_secret or "", bearer, *static], secret)


SOURCE = replace(custom.like("evolution"), verify=verify)
GO = replace(custom.like("evolution_go"), verify=verify)
