"""Which rows of the training file are drawn for validation and test: for who trains, and for who asks a model later."""

from __future__ import annotations

import numpy as np

from nnfit.config.spec import Spec
from nnfit.data.cells import Rows
from nnfit.data.seeds import Purpose, generator
from nnfit.data.split import draw, places
from nnfit.data.table import Table
from nnfit.errors import DataError, Place, Problem
from nnfit.words import count


def split(spec: Spec, whole: Table, stratified: bool) -> dict[str, Rows]:
    """The rows of train, validation and test that are drawn from the training file, stratified by class."""
    targets = spec.data.target
    shares = (("test", spec.data.test), ("validation", spec.data.validation))
    strata = None
    if stratified and any(isinstance(share, float) for _, share in shares):
        sorted_codes = []  # by label, so that the order of the rows in the file does not matter
        for name in targets:
            text = whole.text(name)
            sorted_codes.append(np.argsort(np.argsort(np.array(text.labels))).astype(np.int32)[text.codes])
        strata = places(sorted_codes)
    rng = generator(spec.split_seed, Purpose.SPLIT)
    left = np.arange(whole.n)
    drawn = {}
    for name, share in shares:
        if isinstance(share, float):
            part = draw(len(left), share * whole.n / len(left), None if strata is None else strata[left], rng)
            drawn[name] = left[part]
            left = np.delete(left, part)
            if not len(left):
                message = f"{count(whole.n, 'row')} cannot be split: none is left to train on"
                raise DataError(Problem("no-rows-left", message, place=Place(whole.file)))
    return {"train": left, **drawn}
