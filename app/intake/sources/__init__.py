"""The known sources (senders), by the name that a trigger refers to."""

from app.intake.message import Source
from app.intake.sources import (
    adyen,
    clickup,
    custom,
    discord,
    evolution,
    github,
    gitlab,
    linear,
    mercadopago,
    more_presets,
    paddle,
    plugins,
    preset,
    presets,
    shopify,
    slack,
    standard,
    steps_of_messengers,
    steps_of_services,
    stripe,
    telegram,
    twilio,
    whatsapp,
)
from app.intake.sources.sender_steps import SenderSteps
from app.settings import Settings

DEFAULT_BODY_BYTES = Settings().hookonce_max_body_bytes
_SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        adyen.SOURCE,
        clickup.SOURCE,
        custom.SOURCE,
        discord.SOURCE,
        evolution.SOURCE,
        evolution.GO,
        github.SOURCE,
        gitlab.SOURCE,
        linear.SOURCE,
        mercadopago.SOURCE,
        paddle.SOURCE,
        shopify.SOURCE,
        slack.SOURCE,
        standard.SOURCE,
        stripe.SOURCE,
        telegram.SOURCE,
        twilio.SOURCE,
        whatsapp.SOURCE,
        *map(preset.source, (*presets.PRESETS, *more_presets.PRESETS)),
    )
}

_STEPS = steps_of_messengers.STEPS | steps_of_services.STEPS


def built_in() -> list[str]:
    """Return the names of the built-in sources, sorted: no plug-in can take one of them."""
    return sorted(_SOURCES)


def names() -> list[str]:
    """Return the names of all known sources, sorted."""
    return sorted({*_SOURCES, *plugins.group.names()})


def checking_curve() -> list[str]:
    """Return the names of the sources whose requests are verified with an elliptic curve."""
    return [name for name, source in _SOURCES.items() if source.checks_curve]


def steps(name: str) -> SenderSteps:
    """Return the steps that connect this sender to a trigger; general ones of a plug-in."""
    general = ("At the sender, enter the webhook URL and the secret.",)
    return _STEPS.get(name) or SenderSteps(title=name, steps=general)


def known(name: str) -> bool:
    """Return True if a source has this name."""
    return name in _SOURCES or name in plugins.group.names()


def unusable(name: str) -> str | None:
    """Return a sentence if this source is known and cannot be used; else None."""
    return None if name in _SOURCES else plugins.unusable(name)


def _all() -> list[Source]:
    return [named(name) for name in names()]


def retry_seconds() -> dict[str, float | None]:
    """Return for each source the seconds from the first delivery to its last possible retry."""
    return {source.name: source.facts.retry_seconds for source in _all()}


def event_headers() -> dict[str, tuple[str, ...]]:
    """Return for each source the headers that the action `http` passes on, if there are any."""
    return {source.name: source.event_headers for source in _all() if source.event_headers}


def body_bytes(name: str, general: int) -> int:
    """Return the most bytes of a body from this source.

    The operator's own limit counts for every source. The default is too small for some, and a
    sender such as GitHub never sends again what was refused.
    """
    documented = named(name).body_bytes
    return max(general, documented or 0) if general == DEFAULT_BODY_BYTES else general


def largest_body_bytes(general: int) -> int:
    """Return the most bytes of a body from any source."""
    return max(body_bytes(name, general) for name in names())


def answer_seconds(name: str) -> float | None:
    """Return the seconds within which this source wants its answer; None if it does not say."""
    return named(name).facts.answer_seconds


def named(name: str) -> Source:
    """Return the source of this name; an unknown name is handled like `custom`.

    Rows of the older system may hold any name.
    """
    return _SOURCES.get(name) or plugins.named(name) or custom.like(name)
