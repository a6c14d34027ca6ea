"""Build the Falcon application: middleware, error handlers and all routes."""

from collections.abc import Iterable
from typing import Any

import falcon
from falcon import media

from app.auth import VIEWER
from app.db import Database
from app.db.schema import SchemaWatch
from app.intake import sources
from app.intake.journal import Journal
from app.intake.receive import create_intake
from app.settings import Settings
from app.stats.counters import Counters
from app.triggers.address import WEBHOOKS
from app.triggers.fields import LARGEST_BODY_BYTES
from app.web import after_response, body, errors
from app.web.api import router
from app.web.auth import PUBLIC, Authenticator
from app.web.context import ApiContext
from app.web.health import Liveness, Readiness
from app.web.metrics import Metrics
from app.web.pages import rendering
from app.web.request_log import RequestLog
from app.web.routes import GuardedApp, GuardedRoutes
from app.web.security_headers import SecurityHeaders
from app.web.webhook import Webhook


class App(GuardedApp):
    """The WSGI application, with the attributes that our gunicorn worker reads."""

    cooperative_prefix = WEBHOOKS
    """Path prefix of POST requests that wait through app.cooperative alone.

    The worker answers these on its answering thread; see app/server/worker.py.
    """
    probe_paths = ("/healthz", "/readyz", "/metrics")
    """Paths that the worker answers while its threads are busy: each has a thread of its own."""
    largest_body_bytes: int
    """Bytes of the largest body that any route accepts; the worker reads no larger one."""
    database: Database
    schema: SchemaWatch
    """The schema as this process last read it, with the state of the unique index."""
    journal: Journal
    """The deliveries of this process that became no execution, until they are written."""

    def __call__(self, *wsgi_arguments: Any) -> Iterable[bytes]:
        """Answer the request; it waits for the database no longer than the setting allows."""
        with self.database.time_limit():
            return super().__call__(*wsgi_arguments)


def create_app(
    settings: Settings, database: Database | None = None, counters: Counters | None = None
) -> App:
    """Return the WSGI application for these settings; it counts deliveries in `counters`."""
    database = database or Database(settings)
    app = App(middleware=[RequestLog(), SecurityHeaders(settings.hookonce_public_url)])
    largest = sources.largest_body_bytes(settings.hookonce_max_body_bytes)
    app.largest_body_bytes = max(largest, router.MAX_BODY_BYTES, LARGEST_BODY_BYTES)
    # Falcon itself creates a JSON encoder for each response
    handler = media.JSONHandler(dumps=body.json_bytes)
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = handler
    errors.install(app, settings.hookonce_refusal_status)
    intake = create_intake(
        database,
        pre_check=settings.hookonce_pre_check,
        counters=counters,
        settings=settings,
        later=after_response.defer,
    )
    app.database, app.schema, app.journal = database, intake.schema, intake.journal
    webhook = Webhook(
        intake,
        settings.hookonce_max_body_bytes,
        settings.hookonce_public_url,
        settings.hookonce_proxy_count,
    )
    authenticator = Authenticator(database, intake.schema, settings)
    routes = GuardedRoutes(app, authenticator)
    routes.add(WEBHOOKS + "{trigger_id}", webhook, POST=PUBLIC, GET=PUBLIC, HEAD=PUBLIC)
    routes.add(
        WEBHOOKS + "{trigger_id}/{secret:path}", webhook, POST=PUBLIC, GET=PUBLIC, HEAD=PUBLIC
    )
    routes.add("/healthz", Liveness(), GET=PUBLIC)
    needs_worker = settings.hookonce_ready_needs_worker
    readiness = Readiness(database, authenticator, needs_worker=needs_worker)
    routes.add("/readyz", readiness, GET=PUBLIC)
    public = settings.hookonce_metrics == "public"
    routes.add("/metrics", Metrics(database, intake.schema), GET=PUBLIC if public else VIEWER)
    context = ApiContext(database, settings, authenticator)
    router.install(routes, context)
    rendering.install(app, routes, context)
    return app
