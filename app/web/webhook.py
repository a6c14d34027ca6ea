"""POST /api/triggers/webhook/{trigger_id}: where senders knock."""

import falcon

from app.intake.message import Request
from app.intake.receive import Intake, receive
from app.web import body


class Webhook:
    """One webhook request in, one answer out."""

    def __init__(self, intake: Intake, max_body_bytes: int) -> None:
        self._intake = intake
        self._max_body_bytes = max_body_bytes

    def on_post(
        self, req: falcon.Request, resp: falcon.Response, trigger_id: str, secret: str | None = None
    ) -> None:
        """Admit what the request says, then say so."""
        request = Request(
            trigger_id=trigger_id,
            headers={name.lower(): value for name, value in req.headers.items()},
            body=body.read(req, self._max_body_bytes),
            presented_secret=secret,
        )
        answer = receive(request, self._intake)
        resp.status = answer.status
        resp.media = answer.body
