"""/docs: the reference of the API, made from the document that programs read."""

from collections.abc import Iterator
from typing import Any

from app.auth import VIEWER
from app.web.api import router
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages

PAGES = Pages()


@PAGES.get("/docs", VIEWER)
def show(_request: PageRequest) -> PageResponse:
    """Show every operation by its tag, and the schemas that they name."""
    return HtmlPage("reference.html")


def values() -> dict[str, Any]:
    """Return what the template of the reference shows; it is the same for every reader."""
    document = router.document()
    schemas = document["components"]["schemas"]
    operations = list(_operations(document["paths"]))
    tags = [tag["name"] for tag in document["tags"]]
    return {
        "version": document["info"]["version"],
        "tags": {tag: [each for each in operations if tag in each["tags"]] for tag in tags},
        "schemas": {name: _members(each) for name, each in schemas.items()},
    }


def _operations(paths: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            parameters = [each | _shape(each["schema"]) for each in operation["parameters"]]
            responses = [_response(*each) for each in operation["responses"].items()]
            yield operation | {
                "method": method.upper(),
                "path": path,
                "parameters": parameters,
                "body": _content(operation.get("requestBody", {})),
                "responses": responses,
            }


def _response(status: str, response: dict[str, Any]) -> dict[str, Any]:
    headers = list(response.get("headers", ()))
    text = response["description"]
    return {"status": status, "description": text, "headers": headers} | _content(response)


def _content(holder: dict[str, Any]) -> dict[str, Any]:
    """Return the type and example of the first of the media types, and the names of all."""
    media = holder.get("content", {})
    if not media:
        return {"type": "", "media": []}
    content = next(iter(media.values()))
    return _shape(content["schema"]) | {"example": content.get("example"), "media": list(media)}


def _members(schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", [])
    members = [
        {"name": name, "required": name in required, "description": each.get("description", "")}
        | _shape(each)
        for name, each in schema.get("properties", {}).items()
    ]
    return {"description": schema.get("description", ""), "members": members}


def _shape(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema's type in words, and the named schema that it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {"type": name, "refers_to": name}
    if "anyOf" in schema:
        shapes = [_shape(each) for each in schema["anyOf"]]
        named = [each["refers_to"] for each in shapes if each["refers_to"]]
        return {
            "type": " or ".join(each["type"] for each in shapes),
            "refers_to": named[0] if named else None,
        }
    if schema.get("type") == "array":
        items = _shape(schema["items"])
        return {"type": f"list of {items['type']}", "refers_to": items["refers_to"]}
    if "enum" in schema:
        return {"type": ", ".join(map(str, schema["enum"])), "refers_to": None}
    words = [schema.get("type", "any JSON"), schema.get("format"), _limits(schema)]
    return {"type": " ".join(filter(None, words)), "refers_to": None}


def _limits(schema: dict[str, Any]) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    return "" if least is None and most is None else f"{least or 0:g} to {most:.15g}"
