"""The reference of the API is complete, and its links have a target."""

import re

import pytest
from falcon import testing

from app.web.api import router
from tests.support.visitor import Visitor


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_the_reference_shows_every_operation_and_schema(
    client: testing.TestClient, viewer: str
) -> None:
    visitor = Visitor(client)
    visitor.log_in(viewer)
    page = visitor.get("/docs").text
    ids = re.findall(r' id="([^"]+)"', page)

    assert {operation.name for operation in router.OPERATIONS} <= set(ids)
    assert "receive_webhook" in ids
    assert "Read for a trigger of source github, whatsapp." in page
    assert "application/x-www-form-urlencoded" in page
    assert "With Retry-After." in page
    assert {f"schema-{name}" for name in router.document()["components"]["schemas"]} <= set(ids)
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)
    assert len(ids) == len(set(ids))
    assert "<script>" not in page
