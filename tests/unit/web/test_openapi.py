"""The OpenAPI document describes every member, and its examples are valid."""

from typing import Any

import jsonschema_rs
import pytest

from app.intake import sources
from app.triggers.address import WEBHOOKS
from app.web.api import router
from app.web.api.schemas import members
from tests.support import samples

DOCUMENT = router.document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = [each for methods in DOCUMENT["paths"].values() for each in methods.values()]
PARAMETERS = [one for each in OPERATIONS for one in each["parameters"]]


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_member_is_described_with_a_sentence(name: str) -> None:
    described = {
        member: schema.get("description", "")
        for member, schema in SCHEMAS[name]["properties"].items()
    }

    assert {member for member, text in described.items() if not text.strip()} == set()


def test_every_parameter_is_described() -> None:
    assert {one["name"] for one in PARAMETERS if not one["description"]} == set()


def test_no_description_is_left_of_a_member_that_is_gone() -> None:
    used = {member for each in SCHEMAS.values() for member in each["properties"]}

    assert set(members.EVERYWHERE) - used - {one["name"] for one in PARAMETERS} == set()


def test_every_operation_has_a_tag_that_is_listed() -> None:
    listed = [tag["name"] for tag in DOCUMENT["tags"]]

    assert {tag for each in OPERATIONS for tag in each["tags"]} == set(listed)
    assert len(listed) == len(set(listed))


def test_times_have_the_format_date_time() -> None:
    formats = {
        member: str(schema)
        for each in SCHEMAS.values()
        for member, schema in each["properties"].items()
        if (member.endswith("_at") and member != "found_at") or member in ("since", "until", "hour")
    }

    assert {member for member, text in formats.items() if "date-time" not in text} == set()


@pytest.mark.parametrize("name", members.EXAMPLES)
def test_the_example_of_a_body_is_valid(name: str) -> None:
    bodies = [
        content["application/json"]
        for each in OPERATIONS
        if (content := each.get("requestBody", {}).get("content"))
    ]
    (body,) = [each for each in bodies if each["schema"].get("$ref", "").endswith(f"/{name}")][:1]
    schema = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}

    assert body["example"] == members.EXAMPLES[name]
    jsonschema_rs.validate(schema, body["example"])


@pytest.mark.parametrize("source", sources.built_in())
def test_each_header_of_a_senders_request_is_described_for_its_source(source: str) -> None:
    receive = DOCUMENT["paths"][f"{WEBHOOKS}{{trigger_id}}"]["post"]
    readers = {
        one["name"].lower(): one["description"]
        for one in receive["parameters"]
        if one["in"] == "header"
    }
    sent = {name.lower() for name in samples.json_request(source, {}).headers}
    sent |= {name.lower() for name in sources.named(source).event_headers}

    missing = {name for name in sent if source not in readers.get(name, "")}

    assert missing - {"content-type", "authorization", "x-request-id"} == set()
    assert f"\n- {source}: {sources.named(source).facts.signature}" in receive["description"]
