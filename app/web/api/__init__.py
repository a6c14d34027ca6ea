"""The JSON API under `/api`: operations, schemas, and the OpenAPI document made from them."""
