"""The declaration of a trigger's fields: the one place that names them, in their order.

CONTRIBUTING.md, "Add a trigger column", has a worked example.
"""

from app import actions
from app.intake import sources
from app.triggers import checks, default_words
from app.triggers.field import Field

LONGEST_SECRET = 255
LONGEST_LIFETIME_SECONDS = 3_153_600_000
"""A hundred years."""
LONGEST_TOLERANCE_SECONDS = 1_000_000_000
MOST_CONCURRENT = 1_000
LARGEST_BODY_BYTES = 26_214_400
"""25 MiB, the most that any known sender sends: a receiver reads no larger body."""
LONGEST_WORD = 100


FIELDS: tuple[Field, ...] = (
    Field(
        name="name",
        kind="text",
        group="sender",
        label="Name",
        help="Name for people. Commands and logs use the slug that is made from it.",
        example="Order paid",
        required=True,
        shortest=1,
        longest=checks.LONGEST_NAME,
        check=checks.name,
        option="--name",
    ),
    Field(
        name="type",
        kind="choice",
        group="sender",
        label="Type",
        help="A `webhook` has an address that senders call. An `event` has none: it runs only "
        "when a person fires it.",
        default="webhook",
        choices={"webhook": "webhook", "event": "event"},
        option="--type",
    ),
    Field(
        name="source",
        kind="text",
        group="sender",
        label="Source",
        help="The kind of sender; it decides how a request is verified and parsed. `custom` "
        "takes an HMAC-SHA256 of the body in X-Webhook-Signature. See `hookonce source list`.",
        default="custom",
        example="github",
        longest=LONGEST_WORD,
        known_values=sources.names,
        check=checks.source,
        option="--source",
    ),
    Field(
        name="event_filter",
        kind="object",
        group="events",
        label="Event filter",
        help="A JSON object: each name must be in the event or in its data with this value; `*` "
        "matches any text, and `event` also means `event_type`. An event that does not match is "
        "answered 200 and not stored.",
        default="{}",
        default_text="every event",
        example={"action": "opened", "ref": "refs/heads/*"},
        check=checks.event_filter,
        option="--filter",
    ),
    Field(
        name="action_type",
        kind="text",
        group="action",
        label="Action",
        help="`script` runs an executable of yours, `http` forwards the request, `evolution_go` "
        "sends a WhatsApp text, `skill` and `prompt` run a command of the operator. See "
        "`hookonce action list`.",
        default="script",
        longest=LONGEST_WORD,
        known_values=actions.names,
        check=checks.action,
        option="--action",
    ),
    Field(
        name="action_payload",
        kind="text_or_object",
        group="action",
        label="Payload",
        help="Input of the action: for `script` a command line such as `report.sh --daily`, for "
        "`http` a URL or a JSON object of options. A value shown as `********` keeps its stored "
        "secret. See docs/actions.md.",
        default="",
        example={"url": "https://orders.example/paid"},
        check=checks.action,
        option="--payload",
        option_required=True,
    ),
    Field(
        name="agent",
        kind="text",
        group="action",
        label="Agent",
        help="Agent that `skill` and `prompt` hand the event to. Other actions ignore it.",
        longest=LONGEST_WORD,
        option="--agent",
    ),
    Field(
        name="enabled",
        kind="flag",
        group="sender",
        label="Enabled",
        help="A disabled trigger refuses its senders, and can still be tested.",
        default=True,
        default_text="enabled",
        option="--enabled/--disabled",
        editable=False,
    ),
    Field(
        name="secret",
        kind="secret",
        group="sender",
        label="Secret",
        help="Secret that the sender signs with. It is shown once, when the trigger is created.",
        default_text="a random secret",
        shortest=1,
        longest=LONGEST_SECRET,
        option="--secret",
        file_key="secret_env",
        editable=False,
    ),
    Field(
        name="remote_trigger_id",
        kind="text",
        group="origin",
        label="Remote trigger id",
        help="Id of the trigger at the sender. It is only stored.",
        longest=LONGEST_WORD,
        file_key=None,
    ),
    Field(
        name="source_plugin",
        kind="text",
        group="origin",
        label="Source plug-in",
        help="Plug-in of the older system that created the trigger. It is only stored.",
        longest=LONGEST_WORD,
        file_key=None,
    ),
    Field(
        name="idempotency_key_from",
        kind="key_places",
        group="events",
        label="Idempotency key from",
        help="Place of the idempotency key: `provider` (the source's own id), `header:<Name>`, "
        "`body:<a.b.c>` or `hash` (of the body). Several places make one key together; `none` "
        "alone turns keys off.",
        default_text="`provider` where the source has an id of its own (`hookonce source list`), "
        "else `idempotency_key`, `messageId` or `data.messageId`",
        example=["header:X-Order", "body:data.revision"],
        check=checks.key_places,
        option="--key-from",
    ),
    Field(
        name="missing_key",
        kind="choice",
        group="events",
        label="Event without a key",
        help="`accept` admits an event without a key each time it comes; `refuse` answers 422. "
        "Without a key a repeated event cannot be recognised.",
        default_text="accept",
        choices={"accept": "admit it each time", "refuse": "refuse it with 422"},
        option="--missing-key",
    ),
    Field(
        name="tolerance_seconds",
        kind="number",
        group="events",
        label="Signature tolerance, seconds",
        help="Time that a signed timestamp may differ from now; 0 accepts only the current second.",
        default_text=default_words.tolerances(),
        unit="s",
        example=300,
        least=0,
        most=LONGEST_TOLERANCE_SECONDS,
        option="--tolerance",
    ),
    Field(
        name="retry_policy",
        kind="object",
        group="retries",
        label="Retry policy",
        help="A JSON object with any of `max_attempts`, `base_seconds`, `factor`, `cap_seconds` "
        "and `max_age_seconds`. See docs/operations.md.",
        default_text=default_words.retries(),
        example={"max_attempts": 3},
        check=checks.retries,
        option="--retry-policy",
    ),
    Field(
        name="max_concurrency",
        kind="integer",
        group="action",
        label="Executions at once",
        help="Executions of this trigger that run at the same time; 1 also keeps their order.",
        default_text="no limit but the number of workers",
        example=4,
        least=1,
        most=MOST_CONCURRENT,
        option="--max-concurrency",
    ),
    Field(
        name="keep_payload_seconds",
        kind="number",
        group="retention",
        label="Keep payloads, seconds",
        help="Time after which the payload of a finished execution is removed.",
        default_text=default_words.days("hookonce_keep_payload_days"),
        unit="s",
        example=86_400,
        least=0,
        most=LONGEST_LIFETIME_SECONDS,
        option="--keep-payload",
        option_in_days=True,
    ),
    Field(
        name="keep_rows_seconds",
        kind="number",
        group="retention",
        label="Keep executions, seconds",
        help="Time after which a finished execution is removed with its idempotency key. An event "
        "that is sent again later is admitted again.",
        default_text=default_words.days("hookonce_keep_rows_days")
        + ", and at least a day longer than the sender retries",
        unit="s",
        example=2_592_000,
        least=0,
        most=LONGEST_LIFETIME_SECONDS,
        option="--keep-rows",
        option_in_days=True,
    ),
    Field(
        name="max_body_bytes",
        kind="integer",
        group="sender",
        label="Largest body, bytes",
        help="Bytes of the largest body; a larger one is answered 413.",
        default_text="that of the source (`hookonce source show`), else `HOOKONCE_MAX_BODY_BYTES`",
        unit="bytes",
        example=5_242_880,
        least=1,
        most=LARGEST_BODY_BYTES,
        option="--max-body",
    ),
    Field(
        name="verification",
        kind="object",
        group="sender",
        label="Verification",
        help="A JSON object that describes how a sender of source `custom` proves itself: `method` "
        "is `hmac`, `token`, `bearer`, `basic`, `jwt` or `none`. See docs/sources/custom.md, and "
        "try it with `hookonce trigger verify`.",
        default_text="as the source says",
        example={"method": "hmac", "header": "X-Signature", "signed": "{body}"},
        check=checks.verified,
        option="--verification",
    ),
)
NAMED = {field.name: field for field in FIELDS}
COLUMNS = {field.name: field for field in FIELDS if field.kind != "secret"}
"""Fields with a column of their own name; the secret is kept by `db.encryption`."""
