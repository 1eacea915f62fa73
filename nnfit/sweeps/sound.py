"""What of a sweep file can be used, where some of it is wrong: so that one mistake does not hide the others."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, NamedTuple

from nnfit.config.build import build
from nnfit.config.check import violations
from nnfit.config.document import Document
from nnfit.config.document import Path as Keypath
from nnfit.config.messages import problems
from nnfit.errors import Problem
from nnfit.sweeps.keys import Keys, Range, json_schema
from nnfit.sweeps.space import Values

ANY = {"method": "random", "trials": 1}  # in place of a search that is wrong: it asks nothing of the parameters


class Sound(NamedTuple):
    """The keys and parameters of a sweep file that fit its schema; the others are as if they were not written.

    `spec` is None where the file names none.
    """

    keys: Keys
    parameters: dict[str, Values]
    spec: str | None
    wrong: frozenset[str]  # the keys at the top in which something is


def sound(document: Document) -> Sound:
    """What fits the schema of a document that is a mapping."""
    schema, value = json_schema(), copy.deepcopy(document.value)
    bad = list(violations(schema, schema, value))
    for path, kind, _ in bad:
        if kind == "unknown":
            remove(value, path)
    wrong = set()
    for path, kind, _ in bad:
        if kind != "unknown" and path:
            remove(value, path[:2] if path[0] == "parameters" else path[:1])
            wrong.add(str(path[0]))
    spec = value.setdefault("spec", "")
    if "search" in wrong:
        value["search"] = ANY
    written = value.pop("parameters", {})
    parameters: dict[str, Values] = {
        key: build(Range, values) if isinstance(values, dict) else values for key, values in written.items()
    }
    return Sound(build(Keys, value), parameters, spec or None, frozenset(wrong))


def remove(value: Any, path: Keypath) -> None:
    """Remove what is at a path, if it is there still."""
    for part in path[:-1]:
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, dict):
        value.pop(path[-1], None)


def of_schema(document: Document) -> list[Problem]:
    """What of a document that is a mapping does not fit the schema."""
    found = problems(json_schema(), document)
    if document.value.get("parameters", ...) is None:
        message, remedy = "there are none", "write keys of the spec with their values; or {}, to repeat it as it is"
        none = document.problem(("parameters",), "wrong-value", message, remedy)
        found = [none if problem.place == none.place else problem for problem in found]
    return found
