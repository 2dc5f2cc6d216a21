"""Checks the shape of a bundle: turns each pydantic error into a finding with its place and a word on what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from routing.document import BUNDLE_PARTS, subject_of
from routing.errors import did_you_mean, listed
from routing.marks import Findings, Path, dotted, shown

_Model = TypeVar("_Model", bound=BaseModel)


def check_shape(data: Mapping[str, object], findings: Findings) -> None:
    """Note every part that is missing, unknown or of a wrong type, unless its place is noted already."""
    note_shape(BUNDLE_PARTS[subject_of(data)], data, findings)


def note_shape(model: type[BaseModel], data: Mapping[str, object], findings: Findings) -> None:
    """Note every part of a document that is not as a model says, unless its place is noted already."""
    try:
        model.model_validate(data)
    except ValidationError as error:
        schema = model.model_json_schema()
        noted = {problem.where for problem in findings.problems}
        for item in error.errors():
            path = tuple(key for key in item["loc"] if key != "[key]")
            if dotted(path) not in noted:
                findings.error(path, _message(item, path, schema))


def read_part(model: type[_Model], data: object) -> _Model | None:
    """Read one part; None if its shape is wrong, which `check_shape` has noted."""
    try:
        return model.model_validate(data)
    except ValidationError:
        return None


def section_of(data: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a mapping of the document, an empty one if there is none or something else."""
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def list_of(data: Mapping[str, Any], name: str) -> list[Any]:
    """Return a list of the document, an empty one if there is none or something else."""
    found = data.get(name)
    return found if isinstance(found, list) else []


def _message(item: Any, path: Path, schema: dict[str, Any]) -> str:
    key = path[-1] if path else ""
    match item["type"]:
        case "missing":
            return f"`{key}` is missing. Add it{_described(schema, path)}."
        case "extra_forbidden":
            known = _children(schema, path[:-1])
            return f"`{key}` is not known here. Expected: {listed(known)}.{did_you_mean(str(key), known)}"
        case "model_type" | "model_attributes_type" | "dict_type" | "list_type":
            wanted = "a list" if item["type"] == "list_type" else "a mapping"
            return f"found {shown(item['input'])}, expected {wanted}."
        case "enum" | "literal_error":
            expected = str(item["ctx"]["expected"]).replace("'", "")
            options = expected.replace(" or ", ", ").split(", ")
            return f"found {shown(item['input'])}, expected {expected}.{did_you_mean(str(item['input']), options)}"
        case "too_short":
            least = item["ctx"]["min_length"]
            return f"found {item['ctx']['actual_length']} item(s), expected at least {least} item{'s'[: least > 1]}."
    # e.g. "Input should be a valid string", "String should match pattern …", "Value error, a time with a zone"
    said = str(item["msg"]).replace("Value error, ", "Input should be ", 1)
    return f"found {shown(item['input'])}; it should {said.partition(' should ')[2] or said}."


def _children(schema: dict[str, Any], path: Sequence[str | int]) -> list[str]:
    """Return the keys that the schema allows at a path."""
    return list(_schema_at(schema, path).get("properties", {}))


def _described(schema: dict[str, Any], path: Sequence[str | int]) -> str:
    words = _schema_at(schema, path[:-1])["properties"][path[-1]].get("description")
    return f": {words}" if words else ""


def _schema_at(schema: dict[str, Any], path: Sequence[str | int]) -> dict[str, Any]:
    node = _dereferenced(schema, schema)
    for key in path:
        if isinstance(key, int):
            node = node["items"]
        else:
            node = node.get("properties", {}).get(key) or node["additionalProperties"]
        node = _dereferenced(node, schema)
    return node


def _dereferenced(node: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    options = node.get("anyOf")
    if options:
        node = next((option for option in options if "$ref" in option or "properties" in option), options[0])
    if "$ref" in node:
        found: dict[str, Any] = schema["$defs"][node["$ref"].rsplit("/", 1)[-1]]
        return found
    return node
