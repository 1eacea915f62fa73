"""Predictions as a stream: blocks of rows in, pieces of CSV out, in constant memory and in the order of the input."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from nnfit.data.cells import Text
from nnfit.data.dialect import Dialect
from nnfit.data.output import to_csv
from nnfit.data.reader import Reader
from nnfit.data.rows import DIALECT_CODES
from nnfit.data.table import from_block, require
from nnfit.errors import DataError, Place, Problem, UsageError
from nnfit.model.model import Model
from nnfit.words import quoted


@contextmanager
def like_training(dialect: Dialect) -> Iterator[None]:
    """Errors in data for a model. A remedy that names keys of a spec, which nobody can set here, is replaced."""
    try:
        yield
    except DataError as error:
        missing = " or ".join(["empty", *map(quoted, dialect.missing)])
        advice = (
            f"the file must be like the training file: separator {quoted(dialect.separator)}, encoding "
            f"{dialect.encoding}, decimal {quoted(dialect.decimal)}, missing cells {missing}"
        )
        remedies = dict.fromkeys(DIALECT_CODES, advice) | {"missing-target": "remove such rows"}
        raise DataError(*(p._replace(remedy=remedies.get(p.code, p.remedy)) for p in error.problems)) from None


def csv_predictions(
    model: Model,
    reader: Reader,
    proba: bool,
    keep: Sequence[str],
    unknown: str | None,
    warn: Callable[[Problem], None],
    uncertainty: bool = False,
) -> Iterator[bytes]:
    """The predictions for all rows of a reader, as CSV; `warn` is called once for each kind of warning.

    Columns are matched by name. Those to keep are copied in front as they were written.
    """
    kinds = model.kinds
    header = Place(reader.file, 1)
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
    first = True
    for block in reader.blocks(kinds | dict.fromkeys(keep, "text"), "predicting"):
        table = from_block(block, reader, kinds)
        found = model.predictions(table, proba, unknown, uncertainty, remarks)
        kept = {name: cells.cells() for name in keep if isinstance(cells := block.columns[name], Text)}
        yield to_csv(kept | found, header=first)
        first = False
    for problem in remarks.problems():
        warn(problem)
