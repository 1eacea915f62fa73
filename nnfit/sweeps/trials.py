"""A point of a sweep with one of its seeds is a trial: its spec, and the hash that it is known by.

The hash is of the resolved spec, but for where it writes, of the data and of nnfit's version: what has the same hash
gives the same score, and is never trained again.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from nnfit.config.build import dump
from nnfit.config.document import Document, put
from nnfit.config.loader import LoadedSpec, refuse_late, validate
from nnfit.config.messages import name_by_default
from nnfit.config.schema import json_schema
from nnfit.config.spec import Spec
from nnfit.errors import Problem, SpecError
from nnfit.storage.json_text import tidy
from nnfit.sweeps.space import Point
from nnfit.version import __version__


class Trial(NamedTuple):
    """One training: the number of its point, from 1, and which of its seeds, from 0; its spec, or why it has none.

    Paths of the spec are relative to `folder`. With a hash from an earlier command, the spec is made when it
    is needed.
    """

    number: int
    repeat: int
    values: Point
    spec: Spec | None
    problems: tuple[Problem, ...]
    id: str
    folder: Path

    @property
    def loaded(self) -> LoadedSpec:
        """Its spec as those who train take it."""
        if self.spec is None:
            raise SpecError(*self.problems)
        return LoadedSpec(self.spec, Document(None, {}), self.folder)


Digest = Mapping[tuple[str, ...], str]  # the SHA-256 of a table, by the names of its files in the spec


def trial(base: Document, folder: Path, digest: Digest, number: int, repeat: int, values: Point) -> Trial:
    """The trial of a point; what is wrong with its spec is told when it is its turn."""
    try:
        spec = spec_of(base, values)
    except SpecError as error:
        key = json.dumps([tidy(values), repeat, [str(problem) for problem in error.problems], __version__])
        return Trial(number, repeat, values, None, error.problems, hashed(key), folder)
    spec = replace(spec, seed=spec.seed + repeat)
    return Trial(number, repeat, values, spec, (), identity(spec, digest), folder)


def spec_of(base: Document, values: Mapping[str, object]) -> Spec:
    """The spec of a point: that of the base, with the value of each parameter in its place."""
    return validate(with_values(Document(None, copy.deepcopy(base.value)), values, [""] * len(values)))


def with_values(document: Document, values: Mapping[str, object], labels: Sequence[str]) -> Document:
    """The document, with values by key, errors about each of which name its label."""
    for (key, value), label in zip(values.items(), labels, strict=True):
        put(document, key, copy.deepcopy(value), label)
    if isinstance(document.value, dict):
        refuse_late(document)
    name_by_default(json_schema(), document)
    return document


def identity(spec: Spec, digest: Digest) -> str:
    """The hash of a trial."""
    written = replace(spec, data=spec.data.anywhere(), output=None, training=replace(spec.training, checkpoint=None))
    return hashed(json.dumps([dump(written), [digest.get(files, "") for files in files_of(spec)], __version__]))


def hashed(text: str) -> str:
    """A hash that two trials of a sweep have in common by no chance."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def files_of(spec: Spec) -> list[tuple[str, ...]]:
    """The tables of a spec, each as the names of its files: of training, validation and test."""
    given = (spec.data.train, spec.data.validation, spec.data.test)
    several = ((each,) if isinstance(each, str) else each for each in given)
    return [each for each in several if isinstance(each, tuple)]
