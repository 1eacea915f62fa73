"""What of a spec does not fit the JSON Schema: violations as data, each at its path of keys.

Only what schema.py writes is understood: types, words, bounds, texts, lists, mappings, references, alternatives, and
entries that tell themselves apart by their name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

from nnfit.config.document import Path

Schema = dict[str, Any]
Kind = Literal["missing", "unknown", "nameless", "no-such-name", "twice", "beyond", "wrong"]

FAR = 2**53  # a bound as far out as this is told only to who meets it
BOUNDS: dict[str, tuple[str, Callable[[float, float], bool]]] = {
    "exclusiveMaximum": ("below", lambda x, limit: x < limit),
    "maximum": ("of at most", lambda x, limit: x <= limit),
    "exclusiveMinimum": ("above", lambda x, limit: x > limit),
    "minimum": ("of at least", lambda x, limit: x >= limit),
}


class Violation(NamedTuple):
    """One place that does not fit.

    `detail` is the key that is missing, the item that stands there twice, what was expected of a number that is beyond
    a far bound, or `word` where a word is not among those that are known.
    """

    path: Path
    kind: Kind
    detail: str = ""


def type_of(value: Any) -> str:
    """The JSON type of a value; of a number `number`, whole or not."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    names: dict[type, str] = {str: "string", list: "array", dict: "object"}
    return names.get(type(value), "none")


def resolved(schema: Schema, node: Schema) -> Schema:
    """A node with its reference followed."""
    while "$ref" in node:
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return node


def value_at(value: Any, path: Path) -> Any:
    """The value at a path of keys."""
    for part in path:
        value = value[part]
    return value


def violations(schema: Schema, node: Schema, value: Any, path: Path = ()) -> Iterator[Violation]:
    """What of a value does not fit a node, the innermost places; of alternatives, what the likely ones say."""
    node = resolved(schema, node)
    if "anyOf" in node:
        yield from alternatives(schema, node["anyOf"], value, path)
    elif "discriminator" in node:
        yield from entry(schema, node, value, path)
    elif "enum" in node or "const" in node:
        if not isinstance(value, str):
            yield Violation(path, "wrong")
        elif value not in node.get("enum", [node.get("const")]):
            yield Violation(path, "wrong", "word")
    elif "type" in node and not fits(node["type"], value):
        yield Violation(path, "wrong")
    elif node.get("type") == "object":
        yield from mapping(schema, node, value, path)
    elif node.get("type") == "array":
        yield from sequence(schema, node, value, path)
    elif node.get("type") == "string":
        short, long = len(value) < node.get("minLength", 0), len(value) > node.get("maxLength", math.inf)
        if short or long or not re.search(node.get("pattern", "").replace("$", r"\Z"), value):
            yield Violation(path, "wrong")
    elif node.get("type") in ("number", "integer"):
        yield from number(node, value, path)


def fits(wanted: str, value: Any) -> bool:
    """Whether a value is of a type; a number with no fraction is a whole one, and none is infinite."""
    found = type_of(value)
    if wanted in ("number", "integer") and found == "number":
        if isinstance(value, float) and not math.isfinite(value):
            return False
        return wanted == "number" or value == math.floor(value)
    return found == wanted


def alternatives(schema: Schema, branches: list[Schema], value: Any, path: Path) -> Iterator[Violation]:
    """Nothing if a branch fits; else what the branches of the value's type find."""
    if isinstance(value, str) and any("discriminator" in branch for branch in branches):
        if not any(value in branch.get("enum", ()) for branch in branches):
            yield Violation(path, "no-such-name")
        return
    found: list[Violation] = []
    for branch in branches:
        if likely(resolved(schema, branch), value):
            wrong = list(violations(schema, branch, value, path))
            if not wrong:
                return
            found += wrong
    yield from found or [Violation(path, "wrong")]


def likely(node: Schema, value: Any) -> bool:
    """Whether a branch is for values of this type."""
    wanted = "object" if "discriminator" in node else node.get("type")
    return type_of(value) == ("number" if wanted == "integer" else wanted)


def entry(schema: Schema, node: Schema, value: Any, path: Path) -> Iterator[Violation]:
    """What of an entry of a table does not fit the row of its name."""
    if not isinstance(value, dict):
        yield Violation(path, "wrong")
        return
    if "name" not in value:
        yield Violation(path, "nameless")
        return
    reference = node["discriminator"]["mapping"].get(value["name"] if isinstance(value["name"], str) else "")
    if reference is None:
        yield Violation(path, "no-such-name")
        return
    yield from violations(schema, {"$ref": reference}, value, path)


def mapping(schema: Schema, node: Schema, value: dict[str, Any], path: Path) -> Iterator[Violation]:
    """What of a mapping does not fit: keys that are missing or unknown, and what its values say."""
    known, others = node.get("properties", {}), node.get("additionalProperties", False)
    if not node.get("minProperties", 0) <= len(value) <= node.get("maxProperties", math.inf):
        yield Violation(path, "wrong")
    for name in known:
        if name in value:
            yield from violations(schema, known[name], value[name], (*path, name))
    for name in node.get("required", ()):
        if name not in value:
            yield Violation(path, "missing", name)
    for name, part in value.items():
        if name not in known:
            if others is False:
                yield Violation((*path, name), "unknown")
            elif len(name) < node.get("propertyNames", {}).get("minLength", 0):
                yield Violation((*path, name), "wrong")
            else:
                yield from violations(schema, others, part, (*path, name))


def sequence(schema: Schema, node: Schema, value: list[Any], path: Path) -> Iterator[Violation]:
    """What of a list does not fit: its length, an item that stands there twice, and what its items say."""
    if not node.get("minItems", 0) <= len(value) <= node.get("maxItems", math.inf):
        yield Violation(path, "wrong")
        return
    if node["items"].get("type") in ("number", "integer"):
        yield from numbers(node["items"], value, path)
        return
    sound = True
    for i, item in enumerate(value):
        for violation in violations(schema, node["items"], item, (*path, i)):
            sound = False
            yield violation
    if node.get("uniqueItems") and sound:
        seen: set[Any] = set()
        for item in value:
            if item in seen:
                yield Violation(path, "twice", str(item))
                return
            seen.add(item)


def numbers(node: Schema, value: list[Any], path: Path) -> Iterator[Violation]:
    """The first item of a list of numbers that does not fit. As it may be long, it is looked at as a whole first."""

    def fitting(item: Any) -> bool:
        return fits(node["type"], item) and next(number(node, item, ()), None) is None

    kinds = {int, float} if node["type"] == "number" else {int}
    sound = set(map(type, value)) <= kinds and (not value or (fitting(min(value)) and fitting(max(value))))
    if sound and all(map(math.isfinite, value)):
        return
    wrong = next((i for i, item in enumerate(value) if not fitting(item)), None)
    if wrong is not None:
        yield Violation((*path, wrong), "wrong")


def number(node: Schema, value: float, path: Path) -> Iterator[Violation]:
    """The bound that a number does not keep."""
    for key, (word, keeps) in BOUNDS.items():
        if key in node and not keeps(value, node[key]):
            limit = node[key]
            if abs(limit) >= FAR:
                yield Violation(path, "beyond", f"a number {word} {limit:,}")
            else:
                yield Violation(path, "wrong")
            return
    if node["type"] == "number" and isinstance(value, int) and abs(value) > 1e308:
        yield Violation(path, "wrong")
