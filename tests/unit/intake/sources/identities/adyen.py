"""https://docs.adyen.com/development-resources/webhooks/webhook-types"""

from typing import Any

PAYMENT = {
    "pspReference": "7914073381342284",
    "eventCode": "AUTHORISATION",
    "success": "true",
    "merchantAccountCode": "Berth",
}


def items(*changed: dict[str, Any]) -> dict[str, Any]:
    listed = [{"NotificationRequestItem": PAYMENT | each} for each in changed]
    return {"live": "false", "notificationItems": listed}


def report(**changes: str) -> dict[str, Any]:
    base = {"eventCode": "REPORT_AVAILABLE", "pspReference": "settlement_batch_1.csv"}
    base |= {"additionalData": {"hmacSignature": "made up"}}  # without one it is no event
    return items(base | {"eventDate": "2026-01-05T08:00:00+01:00"} | changes)


CAPTURE = {"eventCode": "CAPTURE", "originalReference": "7914073381342284"}
EVENTS = [
    items({}, CAPTURE | {"pspReference": "8825408195409505"}),
    items({"success": "false"}),
    items({"eventCode": "CANCELLATION"}),
    items(CAPTURE | {"pspReference": "8825408195409506"}),
    items(CAPTURE | {"pspReference": "8825408195409505", "success": "false"}),
    report(),
    report(merchantAccountCode="Crane"),
    report(eventDate="2026-01-06T08:00:00+01:00"),
    report(pspReference="settlement_batch_2.csv"),
]
REDELIVERIES = [(items({}), items({"success": True})), (report(), report(reason="made"))]
KEPT = [(items({}), ['["7914073381342284","AUTHORISATION","true",""]'])]
UNKEYED = [items({"pspReference": ""}), {"live": "false", "notificationItems": []}]
