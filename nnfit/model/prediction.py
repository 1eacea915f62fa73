"""Predictions as a stream: blocks of rows in, blocks of columns out, in constant memory, in the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

from nnfit.data.blocks import TableReader
from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect, mark
from nnfit.data.rows import DIALECT_CODES
from nnfit.data.source import STANDARD_INPUT
from nnfit.data.table import from_block, require
from nnfit.data.unpacking import Source
from nnfit.errors import DataError, NnfitError, Place, Problem, UsageError
from nnfit.model.model import Model
from nnfit.words import quoted


@contextmanager
def like_training(dialect: Dialect) -> Iterator[None]:
    """Errors in data for a model. A remedy that names keys of a spec, which nobody can set here, is replaced.

    `dialect` says how the data are read: as the training file, or as options say.
    """
    try:
        yield
    except DataError as error:
        raise DataError(*(p._replace(remedy=remedy(p, dialect)) for p in error.problems)) from None


def remedy(problem: Problem, dialect: Dialect) -> str:
    """What would do about a problem in data for a model: how its file was read, which stands in no other place."""
    if problem.code == "missing-target":
        return "remove such rows"
    if problem.code not in DIALECT_CODES:
        return problem.remedy
    others = "".join(f" or {quoted(each)}" for each in dialect.missing)
    file = problem.place.file or ""
    if is_columnar(file):
        return f"convert the column to the type that it had in training; missing cells are null{others}"
    used = dialect if file == STANDARD_INPUT else dialect.of_file(file)
    return (
        f"it is read with separator {mark(used.separator)}, encoding {used.encoding}, decimal {mark(used.decimal)}, "
        f"missing cells empty{others}: as the training file, or as --separator, --encoding and "
        "--decimal say"
    )


def is_columnar(file: str) -> bool:
    """Whether a file that can be read again is a Parquet or Arrow file."""
    try:
        with closing(Source(file)) as source:
            return source.columnar
    except NnfitError:
        return False


def predictions(
    model: Model,
    reader: TableReader,
    proba: bool,
    keep: Sequence[str],
    unknown: str | None,
    warn: Callable[[Problem], None],
    uncertainty: bool = False,
) -> Iterator[Mapping[str, Any]]:
    """The predictions for all rows of a reader, in blocks of columns; `warn` is called once for each kind of warning.

    Columns are matched by name. Those to keep are copied in front: as texts as they were written, those of a Parquet or
    Arrow file as its arrays.
    """
    kinds = model.kinds
    header = Place(reader.file, None if reader.types else 1)
    require(list(kinds), reader.header, header, "columns")
    require(keep, reader.header, header, "columns to keep are")
    if proba and not model.target.classes:
        message = "this model predicts real numbers, which have no probabilities"
        warn(Problem("no-probabilities", message, place=Place("--proba")))
    if uncertainty:
        model.require_members(Place("--uncertainty"))
    clash = sorted(set(keep) & set(model.output_names(proba, uncertainty)))
    if clash:
        message = "the output has a column of that name already"
        raise UsageError(Problem("name-taken", message, place=Place(f"--keep {clash[0]}")))
    data = model.spec.data
    used = {*kinds, *keep, *model.target.columns, *data.ignore, data.weight}
    extra = [name for name in reader.header if name not in used]
    if extra:
        named = ", ".join(extra[:10]) + (", …" if len(extra) > 10 else "")
        warn(Problem("unused-columns", f"columns the model does not use: {named}"))
    remarks = model.remarks()
    for block in reader.blocks(kinds, "predicting", keep):
        table = from_block(block, reader, kinds)
        found = model.predictions(table, proba, unknown, uncertainty, remarks)
        kept = {name: cells.cells() if isinstance(cells, Text) else cells for name, cells in block.kept.items()}
        yield kept | found
    for problem in remarks.problems():
        warn(problem)
