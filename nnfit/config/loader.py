"""The door: a path, a mapping or a Spec in, one typed Spec out, every mistake with its place and in the same words."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.config import document as yaml_document
from nnfit.config import extends
from nnfit.config.build import build, dump
from nnfit.config.document import MAX_DEPTH, Document
from nnfit.config.messages import name_by_default, problems
from nnfit.config.rules import contradictions, sigmas
from nnfit.config.schema import json_schema
from nnfit.config.source import contents
from nnfit.config.spec import FRAME, Spec
from nnfit.errors import Problem, SpecError, UsageError

Source = Path | str | Mapping[str, Any] | Spec
Overrides = Sequence[str] | Mapping[str, Any]

OVERRIDES = "overrides"  # the place of what they say
LONG = 10**400  # whole numbers from here on are refused, in YAML too


class LoadedSpec(NamedTuple):
    """A spec, where its keys were written (for later errors), and the folder its paths are relative to."""

    spec: Spec
    document: Document
    folder: Path


def load_spec(source: Source, overrides: Overrides = (), frames: Collection[str] = ()) -> LoadedSpec:
    """The spec of a file, of a mapping as YAML gives it, or as it is; every mistake in it is listed in one SpecError.

    `overrides` are KEY=VALUE with the value in YAML, as of --set, or values by KEY. `frames` names those of train,
    validation and test that are given as tables, and so need no file. Paths in a file are relative to its folder, in
    standard input (`-`), a mapping or a Spec to the current one.
    """
    document, folder = read(source)
    named = overrides if isinstance(overrides, Mapping) else {}
    options = () if isinstance(overrides, Mapping) else overrides
    if not isinstance(options, list | tuple) or not all(isinstance(each, str) for each in (*named, *options)):
        message = "overrides are a mapping of values by key, or a list of texts KEY=VALUE"
        raise UsageError(Problem("usage", message, 'write {"training.epochs": 50}'))
    for key, value in named.items():
        path = tuple(yaml_document.parts(key, OVERRIDES))
        yaml_document.put(document, key, plain(value, OVERRIDES, path), OVERRIDES)
    for option in options:
        yaml_document.override(document, option)
    if isinstance(document.value, dict):
        refuse_late(document)
    name_by_default(json_schema(), document)
    if isinstance(document.value, dict) and isinstance(document.value.get("data"), dict):
        document.value["data"] |= dict.fromkeys(frames, FRAME)
    return LoadedSpec(validate(document), document, folder)


def refuse_late(document: Document) -> None:
    """A SpecError for what is overridden after it had its effect: the parent, and anchors."""
    for key in filter(extends.of_file, document.value):
        message = "is read with the file, before anything is overridden, and would change nothing now"
        raise SpecError(document.problem((key,), "too-late", message, "write it in the spec"))


def read(source: Source) -> tuple[Document, Path]:
    """The values of a spec, with what it inherits, their places, and the folder that its paths are relative to."""
    if isinstance(source, Spec | Mapping):
        return extends.whole(Document(None, plain(source)), Path(), parsed), Path()
    if not isinstance(source, os.PathLike | str):
        message = f"a spec is a path, a mapping or a Spec, not {type(source).__name__}"
        remedy = "give its spec, as model.spec" if isinstance(getattr(source, "spec", None), Spec) else ""
        raise UsageError(Problem("usage", message, remedy))
    path = Path(source)
    return extends.whole(parsed(path), path.parent, parsed), path.parent


def parsed(path: Path) -> Document:
    """The values of one file and their places."""
    return yaml_document.parse(*contents(path))


def plain(value: Any, label: str | None = None, path: yaml_document.Path = ()) -> Any:
    """A value from Python as YAML would give it: lists, dicts, and the numbers and texts of Python, all copied.

    Parts of a Spec are taken too, as what they are in YAML. A SpecError, at the path of keys, for what no YAML of a
    spec holds: deep nesting, numbers without end.
    """
    if len(path) >= MAX_DEPTH:
        message = f"nesting deeper than {MAX_DEPTH} levels is refused; no key of a spec lies that deep"
        raise SpecError(Document(label).problem(path, "too-large", message))
    if is_dataclass(value) and not isinstance(value, Mapping | type):
        value = dump(value)
    if hasattr(value, "tolist"):  # numbers and arrays of NumPy, and what pandas makes of them
        value = value.tolist()
    if isinstance(value, Mapping):
        found = {str(key): plain(part, label, (*path, str(key))) for key, part in value.items()}
        if len(found) < len(value):
            twice = 'two keys are the same text, as 1 and "1" are'
            raise SpecError(Document(label).problem(path, "given-twice", twice, "give each once"))
        return found
    if isinstance(value, list | tuple):
        return [plain(part, label, (*path, i)) for i, part in enumerate(value)]
    if isinstance(value, int) and abs(value) >= LONG:
        message = "a number of more than 400 digits is refused"
        raise SpecError(Document(label).problem(path, "too-large", message))
    return str(value) if isinstance(value, Path) else value


def is_sweep(value: Any) -> bool:
    """Whether the values of a file are those of a sweep and not of a spec."""
    return (
        isinstance(value, dict) and not {"data", "network"} & set(value) and bool({"spec", "parameters"} & set(value))
    )


def validate(document: Document) -> Spec:
    """The Spec of a document, with the loss filled in."""
    if is_sweep(document.value):
        raise SpecError(
            document.problem((), "is-a-sweep", "this is a sweep file, and no spec", "train it by nnfit sweep")
        )
    if not isinstance(document.value, dict):
        raise SpecError(document.problem((), "wrong-value", "expected a mapping with the keys data and network"))
    found = problems(json_schema(), document)
    if found:
        raise SpecError(*found)
    spec = build(Spec, document.value)
    if spec.loss is None:  # which nothing after this door is
        output = sigmas(spec.network.layers[-1])[0].name
        spec = replace(spec, loss={"softmax": "cross_entropy", "logistic": "bce"}.get(output, "mse"))
    found = [place(document, path, problem) for path, problem in contradictions(spec)]
    if found:
        raise SpecError(*found)
    return spec


def place(document: Document, path: yaml_document.Path, problem: Problem) -> Problem:
    """A problem at its path of keys; that a loss does not suit the output layer, at the loss if it is written."""
    if problem.code == "loss-activation" and "loss" in document.value:
        path = ("loss",)
    return problem._replace(place=document.place(path))
