"""The JSON Schemas of the manifests, for editors and for readers."""

from __future__ import annotations

from typing import Any, Literal

from nexus.stack.manifest import ServiceManifest
from nexus.stack.stackfile import StackManifest


def json_schema(which: Literal["module", "stack"] = "module") -> dict[str, Any]:
    """Return the JSON Schema of `module.yaml` (module) or `nexus.yaml` (stack)."""
    module = ServiceManifest.model_json_schema(by_alias=True)
    if which == "module":
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **module}
    stack = StackManifest.model_json_schema(by_alias=True)
    definitions = {**module.pop("$defs", {}), **stack.pop("$defs", {})}
    module["required"] = [name for name in module["required"] if name != "name"]
    del module["properties"]["name"]
    definitions["Infrastructure"] = module
    stack["properties"]["infrastructure"]["additionalProperties"] = {"$ref": "#/$defs/Infrastructure"}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **stack, "$defs": definitions}
