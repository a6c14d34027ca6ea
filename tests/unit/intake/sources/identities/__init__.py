"""For each source the events that are easily taken for each other, and their redeliveries."""

from tests.unit.intake.sources.identities import (
    evolution,
    evolution_go,
    mercadopago,
    whatsapp,
)

TABLES = {
    "evolution": evolution,
    "evolution_go": evolution_go,
    "mercadopago": mercadopago,
    "whatsapp": whatsapp,
}
