"""YAML files that remember their lines, and the way from a validation error to a line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from nexus.stack.errors import Fault, ManifestError, suggest

Model = TypeVar("Model", bound=BaseModel)
Location = tuple[str | int, ...]

_MENDS = {
    "missing": "add it",
    "string_type": "write a text",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "float_parsing": "write a number",
    "tuple_type": "write a list: [first, second]",
    "mapping_type": "write a mapping: {key: value}",
    "dict_type": "write a mapping: {key: value}",
    "model_type": "write a mapping: {key: value}",
    "string_pattern_mismatch": "use the pattern {pattern}",
    "greater_than": "use more than {gt}",
    "greater_than_equal": "use {ge} or more",
    "less_than_equal": "use {le} or less",
    "literal_error": "use {expected}",
}


@dataclass(frozen=True)
class Source:
    """A parsed YAML file. `base` is where the validated part stands in it (`()` is the whole file)."""

    file: Path
    data: Any
    base: Location = ()

    def line(self, location: Location) -> int:
        """Return the line (from 1) of a field, or of the nearest thing around it that exists."""
        node, line = self.data, 1
        for key in (*self.base, *location):
            if isinstance(node, CommentedMap) and key in node:
                line = node.lc.key(key)[0] + 1
                node = node[key]
            elif isinstance(node, CommentedSeq) and isinstance(key, int) and key < len(node):
                line = node.lc.item(key)[0] + 1
                node = node[key]
            elif not (isinstance(key, str) and key == "[key]"):
                break
        return line

    def fault(self, location: Location, what: str, mend: str) -> Fault:
        """Return a fault at a field of this file."""
        field = ".".join(str(part) for part in (*self.base, *location) if part != "[key]")
        return Fault(self.file, self.line(location), field, what, mend)

    def part(self, *keys: str) -> Source:
        """Return the source of a part of this file."""
        return Source(self.file, self.data, (*self.base, *keys))


def read_yaml(file: Path) -> Source:
    """Read a YAML mapping. Raises ManifestError when the file is missing or is not YAML."""
    try:
        with file.open(encoding="utf-8") as stream:
            data = YAML(typ="rt").load(stream)
    except OSError as error:
        raise ManifestError(
            [Fault(file, 0, "", f"cannot be read ({error.strerror})", "create it")]
        ) from error
    except UnicodeDecodeError as error:
        raise ManifestError([Fault(file, 0, "", "is not UTF-8 text", "save it as UTF-8")]) from error
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        what = f"is not YAML ({error.problem or error.context})".replace("\n", " ")
        raise ManifestError([Fault(file, line, "", what, "mend the syntax of this line")]) from error
    except YAMLError as error:
        raise ManifestError([Fault(file, 0, "", f"is not YAML ({error})", "mend its syntax")]) from error
    if not isinstance(data, CommentedMap):
        raise ManifestError([Fault(file, 1, "", "is not a mapping", "begin with `name: ...`")])
    return Source(file, data)


def validate(model: type[Model], body: Mapping[str, Any], source: Source) -> Model:
    """Turn plain data into a model. Raises ManifestError with one fault for each wrong field."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=True)
        raise ManifestError(_faults(model, details, source)) from error


def _faults(model: type[BaseModel], details: Iterable[Any], source: Source) -> list[Fault]:
    found: dict[Location, Fault] = {}
    for detail in details:
        location = tuple(detail["loc"])
        kind, context = detail["type"], detail.get("ctx", {})
        if kind == "extra_forbidden":
            fields = _fields_at(model, location[:-1])
            found[location] = source.fault(
                location, "is not a known field", suggest(str(location[-1]), fields)
            )
        elif kind == "missing":
            found[location] = source.fault(location, "is missing", "add it")
        elif kind == "value_error":
            what, _, mend = str(context["error"]).partition("; ")
            found.setdefault(location, source.fault(location, what, mend or "see docs/manifests.md"))
        else:
            # A value may fail several alternatives of one union: the first is enough to act on.
            what = f"{detail['input']!r}: {detail['msg'][0].lower()}{detail['msg'][1:]}"
            mend = _MENDS.get(kind, "see docs/manifests.md").format_map(context)
            place = _existing(location, source)
            found.setdefault(place, source.fault(place, what, mend))
    return list(found.values())


def _existing(location: Location, source: Source) -> Location:
    """Cut from a location the names of union members, which pydantic adds and no file contains."""
    node = source.data
    for key in source.base:
        node = node[key]
    kept: list[str | int] = []
    for key in location:
        if key == "[key]":
            kept.append(key)
            continue
        try:
            node = node[key]
        except (KeyError, IndexError, TypeError):
            break
        kept.append(key)
    return tuple(kept)


def _fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the field names of the model at a location inside `model`."""
    current: type[BaseModel] | None = model
    for key in location:
        field = _by_alias(current, str(key)) if current else None
        if field is None:
            continue
        current = _model_in(field)
    return [info.alias or name for name, info in current.model_fields.items()] if current else []


def _by_alias(model: type[BaseModel], key: str) -> Any:
    return next((f.annotation for n, f in model.model_fields.items() if key in (n, f.alias)), None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        if (inner := _model_in(argument)) is not None:
            return inner
    return None
