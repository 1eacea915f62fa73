"""Frames of other libraries as pandas has them, each column with its type: what speaks Arrow, as polars and pyarrow do.

Nothing of these libraries is imported: they hand their columns over by the Arrow PyCapsule interface, which pyarrow
reads where it is installed. Without it, the columns of a polars frame are taken as Python's own values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import pandas as pd

from nnfit.errors import DataError, Place, Problem, UsageError
from nnfit.extras import require
from nnfit.words import quoted, short

if TYPE_CHECKING:
    import pyarrow as pa


class SpeaksArrow(Protocol):
    """A table that hands itself over as a stream of Arrow: of polars, pyarrow, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The stream, as a PyCapsule."""


Frame: TypeAlias = pd.DataFrame | SpeaksArrow


def as_pandas(frame: Any, name: str) -> pd.DataFrame:
    """A frame as pandas has it; a DataError for what is none."""
    if isinstance(frame, pd.DataFrame):
        return frame
    if hasattr(frame, "__arrow_c_stream__") and not hasattr(frame, "to_frame"):  # a Series speaks Arrow, too
        try:
            require("arrow", f"a {type(frame).__name__} needs", "pyarrow")
        except UsageError:
            if not hasattr(frame, "get_columns"):
                raise
            return of_python(frame, name)
        return of_arrow(frame, name)
    remedy = "pandas.DataFrame(…) makes one, with the names of the columns"
    if hasattr(frame, "collect"):
        remedy = "frame.collect() makes one"
    raise DataError(Problem("not-a-frame", f"expected a pandas DataFrame, got {type(frame).__name__}", remedy))


def of_arrow(frame: SpeaksArrow, name: str) -> pd.DataFrame:
    """The columns of a stream of Arrow, with their Arrow types."""
    import pyarrow as pa

    try:
        table = pa.table(frame)
        return pd.DataFrame(
            {k: pd.Series(pd.arrays.ArrowExtensionArray(column)) for k, column in enumerate(table.columns)}
        ).set_axis(table.column_names, axis=1)
    except (pa.ArrowException, TypeError, NotImplementedError, OverflowError) as error:
        message = f"the {type(frame).__name__} cannot be read: {short((str(error).splitlines() or ['?'])[0])}"
        raise DataError(Problem("not-a-frame", message, "convert it with its to_pandas()", Place(name))) from None


def of_python(frame: Any, name: str) -> pd.DataFrame:
    """The columns of a polars frame as Python's own values, with the dtypes that say as much as its own do."""
    columns: dict[str, pd.Series[Any]] = {}
    for position, column in enumerate(frame.get_columns(), 1):
        values, kind = column.to_list(), str(column.dtype)
        if kind.startswith(("Int", "UInt")):
            columns[column.name] = pd.Series(values, dtype="UInt64" if kind == "UInt64" else "Int64")
        elif kind.startswith("Float"):
            columns[column.name] = pd.Series([np.nan if value is None else value for value in values], dtype=float)
        elif kind.startswith("Date") and "time_zone='" not in kind:
            columns[column.name] = pd.Series(values, dtype="datetime64[us]")
        elif kind == "Boolean":
            columns[column.name] = pd.Series(values, dtype="boolean")
        elif kind.startswith(("Categorical", "Enum")):
            columns[column.name] = pd.Series(pd.Categorical(values))
        elif kind.startswith("Duration"):
            message = f"column {quoted(column.name)}: {short(kind)} is none of numbers, texts, dates, true and false"
            remedy = "convert it, or leave it out with data.ignore"
            raise DataError(Problem("wrong-dtype", message, remedy, Place(name, None, position)))
        else:
            columns[column.name] = pd.Series(values, dtype=object)
    return pd.DataFrame(columns)


def native(values: pd.Series[Any]) -> pd.Series[Any]:
    """A column with a dtype of Arrow as one of those that pandas has without it, where Arrow itself computes less."""
    if not isinstance(values.dtype, pd.ArrowDtype):
        return values
    import pyarrow as pa

    declared: pa.DataType = values.dtype.pyarrow_dtype
    if pa.types.is_floating(declared):
        return pd.Series(values.to_numpy(np.float64, na_value=np.nan))
    if pa.types.is_dictionary(declared):
        return pd.Series(pd.Categorical(pa.array(values.array).to_pylist()))
    if pa.types.is_string_view(declared):
        return pd.Series(pa.array(values.array).to_pylist(), dtype=object)
    return values


def is_date(values: pd.Series[Any]) -> bool:
    """Whether a column holds dates, by its dtype, or as Python's own values, of which none is anything else."""
    if isinstance(values.dtype, pd.ArrowDtype):
        import pyarrow as pa

        declared = values.dtype.pyarrow_dtype
        return bool(pa.types.is_date(declared) or pa.types.is_timestamp(declared))
    if values.dtype == object:
        return pd.api.types.infer_dtype(values, skipna=True) in ("date", "datetime", "datetime64")
    return values.dtype.kind == "M"
