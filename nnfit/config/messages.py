"""Validation errors in the words of the spec: `expected a number above 0, got "fast"`, at the key's own place.

What was expected is read from the JSON Schema of the place, so a message can never disagree with the check.
"""

from __future__ import annotations

import json
from typing import Any

from nnfit.config.check import FAR, Violation, resolved, value_at, violations
from nnfit.config.document import Document, Path
from nnfit.config.schema import EXTENDS
from nnfit.errors import Problem
from nnfit.words import nearest, quoted

Schema = dict[str, Any]


def problems(schema: Schema, document: Document) -> list[Problem]:
    """One problem per wrong place of a document, in the order of the file, and then of its parents."""
    found: dict[Path, Problem] = {}
    for violation in violations(schema, schema, document.value):
        path, problem = told(schema, document, violation)
        found.setdefault(path, problem)
    # A list with a wrong item is also reported as a wrong list: the innermost place says it best.
    innermost = [
        problem
        for path, problem in found.items()
        if not any(other != path and other[: len(path)] == path for other in found)
    ]
    files = [document.file, *document.parents]

    def order(problem: Problem) -> tuple[int, int, int]:
        file, line, column, _ = problem.place
        return files.index(file) if file in files else 0, line or 0, column or 0

    return sorted(innermost, key=order)


def told(schema: Schema, document: Document, violation: Violation) -> tuple[Path, Problem]:
    """A violation in words, and the place that it speaks of."""
    path, kind, detail = violation
    if kind == "missing":
        inside = (*path, detail)
        message = f"the key {detail} is missing{described(schema, inside)}"
        return inside, document.problem(path, "missing-key", message)
    if kind == "unknown":
        places = branches(schema, at(schema, schema, path[:-1], document.value))
        known = list(dict.fromkeys(key for place in places for key in place.get("properties", {})))
        known += [EXTENDS] if len(path) == 1 and "network" in known else []
        remedy = nearest(str(path[-1]), known) or f"known here: {', '.join(known)}"
        cause, message = document.options.get((*path[:-1], "name")), "there is no such key"
        if cause is not None:  # the key was one before the option named another
            message += f" for {shown(value_at(document.value, (*path[:-1], 'name')))}, as {cause} says"
        return path, document.problem(path, "unknown-key", message, remedy)
    if kind == "twice":
        return path, document.problem(path, "given-twice", f'"{detail}" stands there twice')
    node, value = at(schema, schema, path, document.value), value_at(document.value, path)
    known = names(schema, node)
    if kind == "nameless":
        default = node.get("default")
        remedy = f"add name: {default}, which is the default" if isinstance(default, str) else ""
        return path, document.problem(path, "missing-key", f"the key name is missing, one of {listed(known)}", remedy)
    if kind == "no-such-name":
        if isinstance(value, dict):
            path, value = (*path, "name"), value["name"]
        remedy = nearest(value, known) if isinstance(value, str) else ""
        message = f"expected one of {listed(known)}, got {shown(value)}"
        return path, document.problem(path, "wrong-value", message, remedy)
    expected = detail if kind == "beyond" else words(schema, node)
    remedy = "put it in quotes to make it text" if expected.startswith("text") and scalar(value) else ""
    if isinstance(value, str) and known:
        remedy = nearest(value, known)
    empty = isinstance(value, str | list) and not value
    if empty and ("text" if isinstance(value, str) else "a list") in expected:
        remedy = "give it a value" if isinstance(value, str) else "put at least one item in it"
        remedy += ", or leave the key out" if expected.endswith("or nothing") else ""
    return path, document.problem(path, "wrong-value", f"expected {expected}, got {shown(value)}", remedy)


def name_by_default(schema: Schema, document: Document) -> None:
    """What --set writes into an entry that the spec leaves out goes to its default, if that has such keys."""
    for path in document.options:
        node, value = at(schema, schema, path, document.value), value_at(document.value, path)
        default = node.get("default")
        if isinstance(value, dict) and value and "name" not in value and isinstance(default, str):
            rows = named_branch(schema, node, {"name": default})
            if rows and set(value) <= set(rows[0]["properties"]):
                value["name"] = default


def shown(value: object) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= 60 else text[:57] + "…"


def scalar(value: object) -> bool:
    """Whether a value is a number or a truth value, which quotes would make a text."""
    return isinstance(value, bool | int | float)


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
    told = [word for word in known if word in lower or word.lower() not in lower]
    return ", ".join(word if any(map(str.isalnum, word)) else quoted(word) for word in told)


def words(schema: Schema, node: Schema) -> str:
    """What a place takes, as a phrase."""
    return " or ".join(dict.fromkeys(phrase(schema, option) for option in branches(schema, node)))


def phrase(schema: Schema, node: Schema) -> str:
    """What a node without alternatives takes, as a phrase."""
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
        return "a list of " + {"a mapping": "mappings", "": "values", "any value": "values"}.get(items, items)
    if not node.keys() - {"description"}:
        return "any value"
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
