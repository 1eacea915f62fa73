"""Validation errors in the words of the spec: `expected a number above 0, got "fast"`, at the key's own place.

What was expected is read from the JSON Schema of the place, so a message can never disagree with the check.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ValidationError

from nnfit.config.document import Document, Path
from nnfit.errors import Problem, nearest

Schema = dict[str, Any]

FAR = 2**53  # a bound as far out as this is told only to who meets it
BOUNDS = {
    "less_than": "below",
    "less_than_equal": "of at most",
    "greater_than": "above",
    "greater_than_equal": "of at least",
}


def problems(error: ValidationError, document: Document, model: type[BaseModel]) -> list[Problem]:
    """One problem per wrong place, in the order of the file."""
    schema = model.model_json_schema(mode="validation")
    found: dict[Path, Problem] = {}
    beyond = {
        located(detail["loc"], document.value): f"a number {BOUNDS[detail['type']]} {limit:,}"
        for detail in error.errors()
        if detail["type"] in BOUNDS and abs(limit := next(iter(detail["ctx"].values()))) >= FAR
    }
    for detail in error.errors():
        path = located(detail["loc"], document.value)
        kind = detail["type"]
        if kind == "missing":
            key = str(detail["loc"][-1])
            problem = document.problem(path, f"the key {key} is missing{described(schema, (*path, key))}")
            path = (*path, key)
        elif kind == "extra_forbidden":
            known = list(resolved(schema, at(schema, schema, path[:-1], document.value)).get("properties", {}))
            unknown = str(detail["loc"][-1])
            hint = nearest(unknown, known) or f"; known here: {', '.join(known)}"
            problem = document.problem(path, f"there is no such key{hint}")
        elif kind == "union_tag_not_found" and isinstance(detail["input"], dict):
            known = names(schema, at(schema, schema, path, document.value))
            problem = document.problem(path, f"the key name is missing, one of {listed(known)}")
        elif kind == "union_tag_invalid":
            name = detail["input"].get("name") if isinstance(detail["input"], dict) else detail["input"]
            known = names(schema, at(schema, schema, path, document.value))
            hint = nearest(name, known) if isinstance(name, str) else ""
            path = (*path, "name") if isinstance(value_at(document.value, path), dict) else path
            problem = document.problem(path, f"expected one of {listed(known)}, got {shown(name)}{hint}")
        elif kind == "distinct":
            problem = document.problem(path, detail["msg"])
        else:
            value = value_at(document.value, path)
            expected = beyond.get(path) or words(schema, at(schema, schema, path, document.value))
            hint = "; put it in quotes to make it text" if expected.startswith("text") and scalar(value) else ""
            if isinstance(value, str) and (known := names(schema, at(schema, schema, path, document.value))):
                hint = nearest(value, known)
            if (value == "" and "text" in expected) or (value == [] and "a list" in expected):
                hint = "; give it a value" + (", or leave the key out" if expected.endswith("or nothing") else "")
            problem = document.problem(path, f"expected {expected}, got {shown(value)}{hint}")
        found.setdefault(path, problem)
    # A list with a wrong item is also reported as a wrong list: the innermost place says it best.
    innermost = [
        problem
        for path, problem in found.items()
        if not any(other != path and other[: len(path)] == path for other in found)
    ]
    return sorted(innermost, key=lambda problem: (problem.line or 0, problem.column or 0))


def shown(value: object) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def scalar(value: object) -> bool:
    return isinstance(value, bool | int | float)


def located(loc: tuple[str | int, ...], value: Any) -> Path:
    """The part of pydantic's location that is in the document: it also names the branches of unions."""
    path: list[str | int] = []
    for part in loc:
        inside = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if inside or (isinstance(value, dict) and part in value):
            path.append(part)
            value = value[part]
    return tuple(path)


def value_at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def resolved(schema: Schema, node: Schema) -> Schema:
    """A schema node with its reference followed."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def branches(schema: Schema, node: Schema) -> list[Schema]:
    """The alternatives of a node, unions flattened."""
    node = resolved(schema, node)
    alternatives = node.get("anyOf", node.get("oneOf"))
    if alternatives is None:
        return [node]
    return [branch for alternative in alternatives for branch in branches(schema, alternative)]


def at(schema: Schema, node: Schema, path: Path, value: Any) -> Schema:
    """The schema of a place in the document; `value` chooses between entries that share a name key."""
    for part in path:
        children = []
        for option in named_branch(schema, node, value) or branches(schema, node):
            if isinstance(part, str):
                child = option.get("properties", {}).get(part, option.get("additionalProperties"))
            else:
                child = option.get("items")
            if isinstance(child, dict):
                children.append(child)
        if not children:
            return {}
        node = children[0] if len(children) == 1 else {"anyOf": children}
        value = value_at(value, (part,)) if isinstance(value, dict | list) else None
    return next(iter(named_branch(schema, node, value)), node)


def named_branch(schema: Schema, node: Schema, value: Any) -> list[Schema]:
    """The entries of a union whose name is the value's."""
    name = value.get("name") if isinstance(value, dict) else None
    if not isinstance(name, str):
        return []
    return [option for option in branches(schema, node) if "properties" in option and name in names(schema, option)]


def names(schema: Schema, node: Schema) -> list[str]:
    """The words that a place takes, by themselves or as the name of an entry."""
    found: dict[str, None] = {}
    for option in branches(schema, node):
        entry = resolved(schema, option.get("properties", {}).get("name", option))
        for word in entry.get("enum", [entry["const"]] if "const" in entry else []):
            found[str(word)] = None
    return list(found)


def listed(known: list[str]) -> str:
    """Words for a message, without those that differ from another in their capitals alone."""
    lower = {word for word in known if word.islower()}
    return ", ".join(word for word in known if word in lower or word.lower() not in lower)


def words(schema: Schema, node: Schema) -> str:
    """What a place takes, as a phrase."""
    return " or ".join(dict.fromkeys(phrase(schema, option) for option in branches(schema, node)))


def phrase(schema: Schema, node: Schema) -> str:
    known = names(schema, node) if "properties" not in node else []
    if known:
        return known[0] if len(known) == 1 else "one of " + listed(known)
    kind = node.get("type")
    if kind in ("number", "integer"):
        noun = "a number" if kind == "number" else "a whole number"
        low, high = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
        bounds = [f"above {low:g}"] if low is not None else []
        least = node.get("minimum")
        if least is not None and least > -FAR:
            bounds.append(f"of at least {least:g}")
        most = node.get("maximum")
        if most is not None and most < FAR:
            bounds.append(f"at most {most:g}")
        if high is not None and high < FAR:
            bounds.append(f"below {high:g}")
        return " ".join([noun, " and ".join(bounds)]).strip()
    if kind == "string":
        return "one ASCII character" if node.get("maxLength") == 1 else "text"
    if kind == "array":
        items = words(schema, node.get("items", {}))
        return "a list of " + {"a mapping": "mappings", "": "values"}.get(items, items)
    plain = {"boolean": "true or false", "null": "nothing", "object": "a mapping"}
    return plain.get(str(kind), "another value")


def described(schema: Schema, path: Path) -> str:
    """The description of a key, for an error about its absence."""
    node = schema
    for part in path:
        node = resolved(schema, node)
        node = node.get("properties", {}).get(part, {}) if isinstance(part, str) else node.get("items", {})
    text = node.get("description")
    return f" ({text})" if text else ""
