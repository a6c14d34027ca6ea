"""The senders we know, by the name an operator picks."""

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
    paddle,
    shopify,
    slack,
    standard,
    stripe,
    telegram,
    twilio,
    whatsapp,
)

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
    )
}


def names() -> list[str]:
    """Every source there is, in order."""
    return sorted(_SOURCES)


def known(name: str) -> bool:
    """Whether there is a source of this name."""
    return name in _SOURCES


def retry_seconds() -> dict[str, float | None]:
    """How long after the first delivery each source's last retry may come."""
    return {name: source.facts.retry_seconds for name, source in _SOURCES.items()}


def named(name: str) -> Source:
    """The source of this name; one that is not known is read like `custom`.

    Rows of the older system may carry any name there.
    """
    return _SOURCES.get(name) or custom.like(name)
