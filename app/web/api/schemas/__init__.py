"""Types of the API's input and output; validation and OpenAPI schemas are derived from them."""
