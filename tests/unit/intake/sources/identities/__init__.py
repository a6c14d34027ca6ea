"""For each source the events that are easily taken for each other, and their redeliveries.

- EVENTS: requests whose events all have different keys, among them the same request's events.
- REDELIVERIES: pairs of requests with the same keys, as the sender repeats them.
- KEPT: keys of requests that were admitted before a change and must stay.
- UNKEYED: requests whose events have no id, and so no key.
"""

from tests.unit.intake.sources.identities import (
    adyen,
    clickup,
    discord,
    evolution,
    evolution_go,
    github,
    gitlab,
    linear,
    mercadopago,
    paddle,
    presets,
    shopify,
    slack,
    standard,
    stripe,
    telegram,
    twilio,
    whatsapp,
)

TABLES = {
    "adyen": adyen,
    "clickup": clickup,
    "discord": discord,
    "evolution": evolution,
    "evolution_go": evolution_go,
    "github": github,
    "gitlab": gitlab,
    "linear": linear,
    "mercadopago": mercadopago,
    "paddle": paddle,
    "shopify": shopify,
    "slack": slack,
    "standard": standard,
    "stripe": stripe,
    "telegram": telegram,
    "twilio": twilio,
    "whatsapp": whatsapp,
    **presets.TABLES,
}
