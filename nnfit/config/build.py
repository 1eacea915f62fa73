"""Values as YAML and JSON have them into a Spec, and back: what lies between the door and the types."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Union, get_args, get_origin

from nnfit.config.schema import hints, row, stated
from nnfit.config.spec import Column, Named
from nnfit.core.network import Group
from nnfit.core.parameter import Parameter
from nnfit.data.columns import TYPES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Declared = TypeVar("Declared", bound="DataclassInstance")
Absent = Mapping[str, Mapping[str, Any]]  # values of keys that are left out, by declaration
NONE: Absent = {}


def build(declared: type[Declared], value: Mapping[str, Any], absent: Absent = NONE, label: str = "") -> Declared:
    """The typed mapping that a checked one means.

    What it leaves out is what `absent` says under the label of the declaration, by default its name, else the default.
    """
    known = hints(declared)
    whole = {**absent.get(label or declared.__name__, {}), **value}
    given = [each for each in fields(declared) if each.init and each.name in whole]
    return declared(**{each.name: made(known[each.name], whole[each.name], stated(each), absent) for each in given})


def made(hint: Any, value: Any, p: Parameter, absent: Absent) -> Any:
    """The typed value of one key."""
    if p.entries:
        return tuple(group(each, p, absent) for each in value) if isinstance(value, list) else entry(value, p, absent)
    if value is None or (p.nothing and value == p.nothing):
        return None
    if p.words and isinstance(value, str):
        return p.aliases.get(value, value)
    kinds = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    origins = {get_origin(kind): kind for kind in kinds}
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return int(value) if int in kinds else float(value)
    if isinstance(value, dict):
        if Named in origins:
            (inside,) = get_args(origins[Named])
            return Named(tuple((name, made(inside, part, Parameter(""), absent)) for name, part in value.items()))
        return build(next(kind for kind in kinds if isinstance(kind, type) and is_dataclass(kind)), value, absent)
    if tuple in origins and (str not in kinds or isinstance(value, list)):
        inside = get_args(origins[tuple])[0]
        return tuple(
            made(inside, part, Parameter(""), absent) for part in ([value] if isinstance(value, str) else value)
        )
    return value


def entry(value: Any, p: Parameter, absent: Absent) -> Any:
    """The row of a table that a name, or a mapping with a name, means."""
    given = {"name": value} if isinstance(value, str) else value
    declared = p.entries[p.aliases.get(given["name"], given["name"])]
    return build(declared, given, absent, row(declared))


def group(value: Mapping[str, Any], p: Parameter, absent: Absent) -> Group:
    """Some neurons of a mixed layer."""
    return Group(int(value["size"]), entry(value, p, absent))


def dump(value: Any) -> Any:
    """A Spec, or a part of it, as JSON has it; `build` makes the same of it again."""
    if isinstance(value, Group):
        return {"name": value.sigma.name, "size": value.size, **dump(value.sigma)}
    if isinstance(value, Column):
        return column(value)
    if isinstance(value, Mapping):
        return {name: dump(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [dump(part) for part in value]
    if is_dataclass(value):
        return {each.name: dump(getattr(value, each.name)) for each in fields(value)}
    return value


def column(value: Column) -> dict[str, Any]:
    """What is said of a column; of one whose type is known, with the options that may be nothing."""
    kept = {key: part for key, part in vars(value).items() if part is not None}
    if value.type is None:
        return kept
    options = fields(TYPES[value.type])
    return {each.name: getattr(value, each.name) for each in options if each.default is None or each.name in kept}
