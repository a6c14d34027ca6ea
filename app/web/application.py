"""The routes, wired once."""

import falcon

from app.db import Database
from app.intake.receive import opened
from app.settings import Settings
from app.tally.memory import Tally
from app.web import problems
from app.web.health import Alive, Ready
from app.web.webhook import Webhook

App = falcon.App[falcon.Request, falcon.Response]


def create_app(
    settings: Settings, database: Database | None = None, tally: Tally | None = None
) -> App:
    """The WSGI application for these settings, which counts what it does in this tally."""
    database = database or Database(settings)
    app: App = falcon.App()
    problems.install(app, settings.hookonce_refusal_status)
    intake = opened(database, pre_check=settings.hookonce_pre_check, tally=tally)
    webhook = Webhook(intake, settings.hookonce_max_body_bytes, settings.hookonce_public_url)
    app.add_route("/api/triggers/webhook/{trigger_id}", webhook)
    app.add_route("/api/triggers/webhook/{trigger_id}/{secret:path}", webhook)
    app.add_route("/healthz", Alive())
    app.add_route("/readyz", Ready(database))
    return app
