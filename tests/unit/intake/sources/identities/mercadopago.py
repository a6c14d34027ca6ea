"""https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications/webhooks"""

from typing import Any


def payment(**changes: Any) -> dict[str, Any]:
    base = {"id": 112233, "action": "payment.updated", "type": "payment", "data": {"id": "999"}}
    return base | {"date_created": "2026-03-05T05:29:56.000-04:00"} | changes


def merchant_order(**changes: Any) -> dict[str, Any]:
    base = {"id": "23600", "action": "update", "type": "topic_merchant_order_wh", "version": 1}
    return base | {"data": {"status": "opened"}, "status": "opened"} | changes


def order(action: str, version: int, identity: str = "ORD01") -> dict[str, Any]:
    data = {"id": identity, "status": action.removeprefix("order."), "version": version}
    return {"action": action, "type": "order", "data": data}


def intent(state: str, **changes: Any) -> dict[str, Any]:
    return {"id": "7f25", "state": state, "amount": 1500, "payment": {"id": 1}} | changes


def subscription(version: int) -> dict[str, Any]:
    base = {"id": "777", "action": "updated", "type": "subscription_preapproval"}
    return base | {"data": {"id": "777"}, "entity": "preapproval", "version": version}


EVENTS = [
    payment(),
    payment(action="payment.created"),
    payment(id=112234),
    merchant_order(),
    merchant_order(action="create", version=0),
    merchant_order(version=2),
    merchant_order(version=3, status="closed", data={"status": "closed"}),
    merchant_order(id="23601"),
    order("order.processed", 2),
    order("order.refunded", 3),
    order("order.refunded", 4),
    order("order.processed", 2, "ORD02"),
    intent("OPEN"),
    intent("FINISHED"),
    intent("FINISHED", payment={"id": 2}),
    intent("FINISHED", id="7f26"),
    subscription(8),
    subscription(9),
    subscription(8) | {"type": "subscription_preapproval_plan"},
    {"type": "order", "action": "order.processed", "data": {"id": "ORD03", "status": "processed"}},
    {"type": "order", "action": "order.processed", "data": {"id": "ORD03", "status": "refunded"}},
]
REDELIVERIES = [
    (payment(), payment(date_created="2026-03-05T05:44:56.000-04:00")),
    (merchant_order(), merchant_order(date_created="2026-03-05T05:44:56.000-04:00")),
    (intent("FINISHED"), intent("FINISHED", attempts=2, sent="2026-03-05T05:44:56Z")),
]
KEPT = [(payment(), ['["112233","payment.updated"]'])]
UNKEYED = [{"action": "order.processed", "type": "order"}, {"type": "payment", "data": {}}]
