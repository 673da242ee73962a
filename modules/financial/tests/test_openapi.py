"""The published OpenAPI document is kept: no 5xx, no answer outside the schema."""
