"""The JSON Schema of the spec, made from the declarations of spec.py and the tables of the core.

It is what check.py holds a spec against, and what the messages take their words from. What `nnfit schema` prints is the
same for a file, which may leave to a parent what it does not say: an editor, the check and a message never disagree.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nnfit.config.spec import Named, Spec
from nnfit.core.parameter import Parameter

Schema = dict[str, Any]

LARGEST = 2**53  # whole numbers below this are exact in every reader of JSON

# What a file says of itself, at the top level: neither reaches the spec (extends.py).
EXTENDS, ANCHORS = "extends", "x-"  # a key, and how keys begin
OF_FILE: dict[str, Schema] = {
    EXTENDS: {
        "description": "a spec whose keys hold where this one says nothing; mappings are merged, all else is replaced",
        "minLength": 1,
        "title": "Extends",
        "type": "string",
    },
    ANCHORS: {"description": "any key that begins so is there for anchors, and means nothing by itself"},
}


@cache
def json_schema() -> Schema:
    """The JSON Schema of the spec, draft 2020-12. It is made once; nobody may change it."""
    definitions: dict[str, Schema] = {}
    node = mapping(Spec, definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(sorted(definitions.items())),
        **node,
        "title": "nnfit spec",
    }


def file_schema() -> Schema:
    """The JSON Schema of a file: of the spec, and of what a file says of itself.

    What must be given (`required`) may come from a parent, but for the items of lists, which are replaced as a whole:
    it is asked for on condition that there is no `extends`.
    """
    schema = copy.deepcopy(json_schema())
    needed = loosened(schema, schema, set())
    schema["properties"] = {EXTENDS: OF_FILE[EXTENDS], **schema["properties"]}
    anchors = {"patternProperties": {f"^{ANCHORS}": OF_FILE[ANCHORS]}}
    return schema | anchors | {"if": {"not": {"required": [EXTENDS]}}, "then": needed}


def loosened(schema: Schema, node: Schema, seen: set[str]) -> Schema:
    """What a node and the mappings inside it require, as a schema of its own; they require it no more themselves."""
    needed: Schema = {}
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        if name not in seen:
            seen.add(name)
            needed = loosened(schema, schema["$defs"][name], seen)
    elif "discriminator" in node:  # without a name, any of the entries may be meant
        for row in node["oneOf"]:
            needed |= loosened(schema, row, seen)
        node["anyOf"] = node.pop("oneOf")
    elif "anyOf" in node:
        for branch in node["anyOf"]:
            needed |= loosened(schema, branch, seen)
    elif node.get("type") == "object":
        if "required" in node:
            needed["required"] = node.pop("required")
        inside = {name: loosened(schema, child, seen) for name, child in node.get("properties", {}).items()}
        if any(inside.values()):
            needed["properties"] = {name: part for name, part in inside.items() if part}
    return needed


@cache
def hints(declared: Any) -> dict[str, Any]:
    """The types of the fields of a declaration."""
    found: dict[str, Any] = get_type_hints(declared)
    return found


def stated(each: Field[Any]) -> Parameter:
    """What a field says beside its type and default."""
    found: Parameter = each.metadata["parameter"]
    return found


def mapping(declared: Any, definitions: dict[str, Schema]) -> Schema:
    """The node of a mapping with the keys of a declaration."""
    known = hints(declared)
    properties, required = {}, []
    for each in fields(declared):
        properties[each.name] = key(known[each.name], each, definitions)
        if each.default is MISSING:
            required.append(each.name)
    node: Schema = {"additionalProperties": False, "description": str(declared.__doc__), "properties": properties}
    return node | ({"required": required} if required else {}) | {"title": declared.__name__, "type": "object"}


def key(hint: Any, each: Field[Any], definitions: dict[str, Schema]) -> Schema:
    """The node of one key, with its text and its default."""
    p = stated(each)
    node = dict(value(hint, p, definitions))
    if each.default is not MISSING:
        default = p.otherwise if p.otherwise is not None else each.default
        node["default"] = plain(default)
    return node | {"description": p.text} | title(each.name, node)


def title(name: str, node: Schema) -> Schema:
    """The name of a key in words, unless the mapping that it leads to has one."""
    leads = "$ref" in node or any("$ref" in branch for branch in node.get("anyOf", ()) if len(node["anyOf"]) == 2)
    scalar = any(branch.get("type") not in (None, "null") for branch in node.get("anyOf", ()))
    return {} if leads and not scalar else {"title": name.replace("_", " ").title()}


def value(hint: Any, p: Parameter, definitions: dict[str, Schema]) -> Schema:
    """The node of what a key may hold."""
    branches = list(alternatives(hint, p, definitions))
    return branches[0] if len(branches) == 1 else {"anyOf": branches}


def alternatives(hint: Any, p: Parameter, definitions: dict[str, Schema]) -> Iterator[Schema]:
    """The nodes of the values that a type and a Parameter allow, in the order in which a message names them."""
    arguments = list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]
    if p.entries:
        yield {"enum": spellings(p), "type": "string"}
        yield entries(p, definitions)
        arguments = [each for each in arguments if get_origin(each) is tuple]
    if p.words:
        yield {"enum": spellings(p), "type": "string"} if len(spellings(p)) > 1 else word(*spellings(p))
        arguments = [each for each in arguments if each is not str]
    for each in arguments:
        for node in single(each, p, definitions):
            if each is not str or not any(get_origin(other) is tuple for other in arguments):
                yield node  # else the list says it, of which one may be written as the text alone
    if p.inferred:
        yield {"type": "null"}


def single(hint: Any, p: Parameter, definitions: dict[str, Schema]) -> Iterator[Schema]:
    """The nodes of one type: two where a list of one text may be written as the text alone."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is type(None):
        if p.otherwise is None:
            yield {"type": "null"}
    elif hint is bool:
        yield {"type": "boolean"}
    elif hint is float:
        yield {**bounds(p), "type": "number"}
    elif hint is int:
        whole = {"minimum": 1} | bounds(p)
        yield ({} if "maximum" in whole else {"exclusiveMaximum": LARGEST}) | whole | {"type": "integer"}
    elif hint is str:
        yield text(p)
    elif origin is Literal:
        yield word(*arguments)
    elif origin is tuple and p.entries:
        yield {"items": entries(p, definitions, sized=True), "minItems": p.items, "type": "array"}
    elif origin is tuple:
        items = next(single(arguments[0], Parameter(p.text), definitions))
        if p.items and arguments[0] is str:
            yield text(Parameter(p.text))
        least = {"minItems": p.items} if p.items else {}
        yield {"items": items, **least, **({"uniqueItems": True} if p.distinct else {}), "type": "array"}
    elif origin is Named:
        node: Schema = {"additionalProperties": next(single(arguments[0], p._replace(items=0), definitions))}
        node |= {"minProperties": p.items} if p.items else {}
        node |= {"maxProperties": p.most_items} if p.most_items else {}
        yield node | {"propertyNames": {"minLength": 1}, "type": "object"}
    else:
        name = hint.__name__
        if name not in definitions:
            definitions[name] = mapping(hint, definitions)
        yield {"$ref": f"#/$defs/{name}"}


def word(*words: str) -> Schema:
    """The node of one or several words."""
    return {"enum": list(words), "type": "string"} if len(words) > 1 else {"const": words[0], "type": "string"}


def text(p: Parameter) -> Schema:
    """The node of a text."""
    node: Schema = {"pattern": p.pattern} if p.pattern else {}
    node |= {"maxLength": p.characters} if p.characters else {}
    node |= {"minLength": 1} if not p.pattern or p.characters else {}
    return node | {"type": "string"}


def bounds(p: Parameter) -> Schema:
    """The bounds of a number."""
    named = {"exclusiveMinimum": p.above, "minimum": p.least, "exclusiveMaximum": p.below, "maximum": p.most}
    return {key: bound for key, bound in named.items() if bound is not None}


def spellings(p: Parameter) -> list[str]:
    """The words of a table and their aliases; of an entry each alias behind its word."""
    if p.words:
        return [*p.words, *p.aliases]
    return [spelled for name in p.entries for spelled in (name, *aliases_of(name, p))]


def aliases_of(name: str, p: Parameter) -> list[str]:
    """The further spellings of a word."""
    return [alias for alias, meaning in p.aliases.items() if meaning == name]


def entries(p: Parameter, definitions: dict[str, Schema], sized: bool = False) -> Schema:
    """The node of `{name: …, parameter: …}` for the rows of a table; `sized` ones also give their number of neurons."""
    references: list[Schema] = []
    by_name: dict[str, str] = {}
    for name, declared in p.entries.items():
        spelled = [name, *aliases_of(name, p)]
        label = row(declared) + (".sized" if sized else "")
        if label not in definitions:
            definitions[label] = entry(declared, spelled, name, sized)
        reference = f"#/$defs/{label}"
        references.append({"$ref": reference})
        by_name |= dict.fromkeys(spelled, reference)
    return {"discriminator": {"mapping": dict(sorted(by_name.items())), "propertyName": "name"}, "oneOf": references}


def row(declared: Any) -> str:
    """The label of a row of a table: its file and its name."""
    return f"{declared.__module__.rsplit('.', 1)[-1]}.{declared.name}"


def entry(declared: Any, spelled: list[str], name: str, sized: bool) -> Schema:
    """The node of one row of a table."""
    known = hints(declared)
    properties = {"name": {"description": "its name", "title": "Name", **word(*spelled)}}
    if sized:
        size = {"exclusiveMaximum": LARGEST, "minimum": 1, "title": "Size", "type": "integer"}
        properties["size"] = {"description": "its number of neurons", **size}
    properties |= {each.name: key(known[each.name], each, {}) for each in fields(declared) if each.name != "name"}
    required = ["name", "size"] if sized else ["name"]
    node = {"additionalProperties": False, "properties": properties, "required": required}
    return node | {"title": name, "type": "object"}


def plain(default: Any) -> Any:
    """A default as a user would write it: an entry that is all defaults is its name."""
    if isinstance(default, Mapping):
        return {name: plain(part) for name, part in default.items()}
    if isinstance(default, tuple):
        return [plain(part) for part in default]
    if not is_dataclass(default):
        return default
    parts = {each.name: plain(getattr(default, each.name)) for each in fields(default)}
    return parts.get("name", parts)
