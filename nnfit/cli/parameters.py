"""Parameters of commands whose texts are taken as they are, without pydantic, whose import takes as long as numpy's.

typer, since its version 0.26 or so, hands every value to it. A text that any of these few lines settles needs none of
that; all others, and so all errors, stay typer's.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MethodType
from typing import Any, get_args, get_origin

from nnfit.words import encodable

UNSETTLED = object()
FILES = ("MODEL", "SPEC", "DATA", "FILE")  # what the metavars of names of files are


def settled(value: Any, kind: Any, least: float | None, most: float | None) -> Any:
    """The value of a parameter of a kind, where it is plain what it is; else UNSETTLED."""
    if get_origin(kind) is list and isinstance(value, list | tuple):
        found = [settled(each, get_args(kind)[0], least, most) for each in value]
        return UNSETTLED if any(each is UNSETTLED for each in found) else found
    if isinstance(value, str) and not encodable(value):
        return UNSETTLED
    if kind in (str, bool) and type(value) is kind:
        return value
    if kind is int and isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
        value = int(value)
    if kind is int and type(value) is int and (least is None or value >= least) and (most is None or value <= most):
        return value
    if kind is Path and isinstance(value, str) and value and "\0" not in value:
        return Path(value) if os.access(value, os.R_OK) or not os.path.lexists(value) else UNSETTLED
    return UNSETTLED


def process(self: Any, context: Any, value: Any) -> Any:
    """`process_value` of one of typer's parameters, without a look at its type where the value is settled."""
    several = self.multiple or self.nargs == -1
    if value is None:
        found = () if several else None
    else:
        found = settled(value, self.type_descriptor.annotation, getattr(self, "min", None), getattr(self, "max", None))
    if context.resilient_parsing:  # for a shell that completes: as it stands, nothing is refused
        return value if found is UNSETTLED else found
    if found is UNSETTLED or (self.required and self.value_is_missing(found)):
        return type(self).process_value(self, context, value)
    return found if self.callback is None else self.callback(context, self, found)


def refuse_empty(parameters: Iterable[Any], given: Mapping[str, Any]) -> None:
    """A UsageError for the name of a file that is empty, as that of a variable that is not set: a Path makes it `.`."""
    for parameter in parameters:
        value = given.get(parameter.name)
        named = (parameter.metavar or "").strip("[].") in FILES
        if named and (value == "" or (isinstance(value, list | tuple) and "" in value)):
            from nnfit.errors import Place, Problem, UsageError

            option = parameter.param_type_name == "option"
            place = Place(f"{parameter.opts[0] if option else parameter.metavar.strip('[].')} ''")
            raise UsageError(Problem("usage", "the name is empty", "name a file", place))


def lighten(parameters: Iterable[Any]) -> None:
    """Take this way with the parameters of a command, if the typer that is there would ask pydantic."""
    for parameter in parameters:
        if hasattr(parameter, "get_runtime_param"):
            parameter.process_value = MethodType(process, parameter)
