"""The default of each input of a trigger's form, in short, as the placeholder shows it. Pure."""

from app.executions import retention, retry_policy
from app.intake import key, sources
from app.intake.message import Source
from app.settings import Settings
from app.web.pages import duration_field


def of(source: Source, settings: Settings) -> dict[str, str]:
    """Return the defaults of a trigger of this source."""
    kept = retention.of_settings(settings).of(source.facts.retry_seconds)
    tolerance = source.tolerance_seconds
    largest = sources.body_bytes(source.name, settings.hookonce_max_body_bytes)
    return {
        "secret": sources.steps(source.name).credential_form or "a random secret",
        "event_filter": "every event",
        "action_payload": "report.sh --daily",
        "idempotency_key_from": key.of_new_trigger(source) or key.in_words(source, ()),
        "tolerance_seconds": "no limit" if tolerance is None else duration_field.text(tolerance),
        "max_body_bytes": str(largest),
        "max_concurrency": "no limit",
        "keep_payload_seconds": duration_field.text(kept.payload_seconds),
        "keep_rows_seconds": duration_field.text(kept.rows_seconds),
        "verification": "as the source says",
        **_of_retries(),
    }


def _of_retries() -> dict[str, str]:
    policy = retry_policy.DEFAULT
    return {
        "retry_max_attempts": str(policy.max_attempts),
        "retry_base_seconds": duration_field.text(policy.base_seconds),
        "retry_factor": f"{policy.factor:g}",
        "retry_cap_seconds": duration_field.text(policy.cap_seconds),
        "retry_max_age_seconds": "no limit",
    }
