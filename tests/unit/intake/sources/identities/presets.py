"""Events of senders that are presets; their documentation is named in the presets."""

import json
from types import SimpleNamespace
from typing import Any

from tests.support.samples import Sent

Table = SimpleNamespace


def sent(body: Any, **headers: str) -> Sent:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Sent({"Content-Type": "application/json"} | named, json.dumps(body).encode())


def table(
    events: list[Any],
    redelivery: tuple[Any, Any] | None = None,
    unkeyed: Any = None,
) -> Table:
    again = [redelivery] if redelivery else []
    return Table(EVENTS=events, REDELIVERIES=again, KEPT=[], UNKEYED=[unkeyed])


def by_header(name: str, other: str, **more: str) -> Table:
    """Return the table of a sender that names its deliveries in a header."""
    one, two = {name: "id-1"}, {name: "id-2"}
    return table(
        [sent({"a": 1}, **one), sent({"a": 1}, **two)],
        (sent({"a": 1}, **one), sent({"a": 1}, **one | {other: "2"} | more)),
        sent({"a": 1}),
    )


ZOOM = {"event": "meeting.started", "event_ts": 1, "payload": {"object": {"id": "7"}}}
HUBSPOT = {"portalId": 1, "subscriptionId": 2, "eventId": 3, "occurredAt": 4, "attemptNumber": 0}
CALENDLY = {"event": "invitee.created", "created_at": "1", "payload": {"uri": "a"}}
BUILD = {"event": "build.running", "build": {"id": "1", "number": 1}}

TABLES = {
    "bitbucket": by_header("X_Request_UUID", "X_Attempt_Number"),
    "forgejo": by_header("X_Forgejo_Delivery", "X_Gitea_Event"),
    "gitea": by_header("X_Gitea_Delivery", "X_GitHub_Event"),
    "jira": by_header("X_Atlassian_Webhook_Identifier", "X_Atlassian_Webhook_Retry"),
    "sentry": by_header("Request_ID", "Sentry_Hook_Timestamp"),
    "buildkite": table(
        [BUILD, BUILD | {"event": "build.finished"}, BUILD | {"build": {"id": "1", "number": 2}}],
        (BUILD, dict(reversed(BUILD.items()))),
        {},
    ),
    "calendly": table(
        [
            CALENDLY,
            CALENDLY | {"event": "invitee.canceled"},
            CALENDLY | {"created_at": "2"},
            CALENDLY | {"payload": {"uri": "b"}},
        ],
        (CALENDLY, CALENDLY | {"created_by": "x"}),
        CALENDLY | {"payload": {}},
    ),
    "circleci": table([{"id": "1"}, {"id": "2"}], ({"id": "1"}, {"id": "1", "x": 1}), {}),
    "hubspot": table(
        [
            [HUBSPOT, HUBSPOT | {"eventId": 4}],
            HUBSPOT | {"portalId": 2},
            HUBSPOT | {"subscriptionId": 3},
            HUBSPOT | {"occurredAt": 5},
        ],
        ([HUBSPOT], [HUBSPOT | {"attemptNumber": 3}]),
        [{"portalId": 1}],
    ),
    "intercom": table(
        [{"id": "notif_1"}, {"id": "notif_2"}],
        ({"id": "notif_1"}, {"id": "notif_1", "delivery_attempts": 2}),
        {"topic": "ping", "id": None},
    ),
    "pagerduty": table(
        [{"event": {"id": "1"}}, {"event": {"id": "2"}}],
        ({"event": {"id": "1"}}, {"event": {"id": "1"}, "x": 1}),
        {"event": {}},
    ),
    "square": table(
        [{"event_id": "1"}, {"event_id": "2"}], ({"event_id": "1"}, {"event_id": "1", "x": 1}), {}
    ),
    "typeform": table(
        [{"event_id": "1"}, {"event_id": "2"}], ({"event_id": "1"}, {"event_id": "1", "x": 1}), {}
    ),
    "zoom": table(
        [
            ZOOM,
            ZOOM | {"event_ts": 2},
            ZOOM | {"event": "meeting.ended"},
            ZOOM | {"payload": {"object": {"id": "8"}}},
        ],
        (ZOOM, dict(reversed(ZOOM.items()))),
        {"event": "meeting.started"},
    ),
}
