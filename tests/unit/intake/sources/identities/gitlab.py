"""https://docs.gitlab.com/user/project/integrations/webhooks/#delivery-headers"""

from tests.unit.intake.sources.identities.requests import with_headers

PUSH = {"object_kind": "push"}
EVENTS = [
    with_headers(PUSH, Idempotency_Key="f5e5", X_Gitlab_Event_UUID="1"),
    with_headers(PUSH, Idempotency_Key="f5e6", X_Gitlab_Event_UUID="1"),
    with_headers(PUSH, webhook_id="f5e7", Idempotency_Key="f5e8"),
]
REDELIVERIES = [
    (
        with_headers(PUSH, webhook_id="f5e5", webhook_timestamp="1", Idempotency_Key="f5e5"),
        with_headers(PUSH, webhook_id="f5e5", webhook_timestamp="2", Idempotency_Key="f5e5"),
    ),
    (with_headers(PUSH, Idempotency_Key="f5e5"), with_headers(PUSH, webhook_id="f5e5")),
]
KEPT = [(EVENTS[0], ["f5e5"])]
UNKEYED = [with_headers(PUSH, X_Gitlab_Event="Push Hook", X_Gitlab_Event_UUID="1")]
