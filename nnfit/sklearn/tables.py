"""What scikit-learn passes around, frames, arrays and lists, as the tables that nnfit learns from and predicts for."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.utils import check_array, check_consistent_length
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import column_or_1d, validate_data

from nnfit.data.cells import Text
from nnfit.data.columns import Boolean, Date
from nnfit.data.dialect import Dialect
from nnfit.data.encoding import readings
from nnfit.data.feature import Feature
from nnfit.data.frames import from_frame, labelled, unique
from nnfit.data.scales import Floats
from nnfit.data.table import Table
from nnfit.errors import DataError, Problem
from nnfit.words import quoted

LEAST = 2  # rows to learn from


class Targets(NamedTuple):
    """The columns to predict by name; `labels` are the classes in their own dtype, and `texts` what they are called."""

    columns: dict[str, Any]
    labels: np.ndarray[Any, Any] | None = None
    texts: tuple[str, ...] = ()
    flat: bool = True  # whether y was one column (n,), and none of (n, K)


# --- X -------------------------------------------------------------------------------------------------------------


def frame_of(estimator: Any, X: Any, fitting: bool) -> pd.DataFrame:
    """X as a frame whose columns have the names that were learnt: their own, or x0, x1, … of an array.

    What scikit-learn refuses in any X is refused in its words.
    """
    least = LEAST if fitting else 1
    if isinstance(X, pd.DataFrame) or hasattr(X, "__arrow_c_stream__"):
        frame = labelled(X, "X")
        unique(frame, "X")
        validate_data(estimator, X, skip_check_array=True, reset=fitting)
        for axis, what, wanted in ((0, "sample", least), (1, "feature", 1)):
            if frame.shape[axis] < wanted:
                found = f"Found array with {frame.shape[axis]} {what}(s) (shape={frame.shape})"
                raise ValueError(f"{found} while a minimum of {wanted} is required.")
    else:
        cells = validate_data(
            estimator, spelled_apart(X), dtype=None, ensure_all_finite=False, ensure_min_samples=least, reset=fitting
        )
        frame = pd.DataFrame(cells)
    names = getattr(estimator, "feature_names_in_", None)
    return frame.set_axis([f"x{i}" for i in range(frame.shape[1])] if names is None else list(names), axis=1)


def spelled_apart(X: Any) -> Any:
    """Lists with texts in them cell by cell: as one array, NumPy would make texts of the numbers as well."""
    if isinstance(X, list | tuple):
        array = np.asarray(X)
        return np.asarray(X, object) if array.dtype.kind in "US" else array
    return X


def types_of(frame: pd.DataFrame) -> dict[str, str]:
    """What the dtypes of columns say that are no numbers, and no texts or objects, whose cells decide."""
    words = {"b": "boolean", "M": "date"}
    return {
        str(name): "categorical" if isinstance(dtype, pd.CategoricalDtype) else words[dtype.kind]
        for name, dtype in frame.dtypes.items()
        if isinstance(dtype, pd.CategoricalDtype) or dtype.kind in words
    }


def looked_at(frame: pd.DataFrame) -> Table:
    """The table that is looked at before anything is known of it: numbers where the dtype says so, else texts."""
    settled = types_of(frame)
    kinds = {
        str(name): "numeric" if dtype.kind in "iufc" and name not in settled else "text"
        for name, dtype in frame.dtypes.items()
    }
    return from_frame(frame, Dialect(), kinds, "X")


# --- y and weights -------------------------------------------------------------------------------------------------


def classes_in(y: Any, spec_names: Sequence[str], taken: Collection[str]) -> Targets:
    """The target of a classifier, each class as the text that a CSV would hold; of several, columns of 0 and 1."""
    names = names_of(y)
    values = without_gaps(y)
    check_classification_targets(values)
    if type_of_target(values) == "multilabel-indicator":
        several = check_array(values, dtype=None, input_name="y")
        columns = {
            name: pd.Categorical.from_codes(column.astype(np.intp), pd.Index(["0", "1"]))
            for name, column in zip(named(names, several.shape[1], spec_names, taken), several.T, strict=True)
        }
        return Targets(columns, np.array([0, 1], several.dtype), ("0", "1"))
    values = column_or_1d(values, warn=True)
    labels, codes = np.unique(values, return_inverse=True)
    texts = tuple(map(text_of, labels))
    if "" in texts:
        message = "an empty text cannot be a class: it stands for a missing cell"
        raise DataError(Problem("empty-class", message, "give the class a name"))
    if len(labels) < 2:
        message = f"y has a single class, {quoted(texts[0])}; there is nothing to learn"
        raise DataError(Problem("single-class", message))
    (name,) = named(names, 1, spec_names, taken)
    return Targets(
        {name: pd.Categorical.from_codes(codes.astype(np.intp), pd.Index(texts, dtype=object))}, labels, texts
    )


def numbers_in(y: Any, spec_names: Sequence[str], taken: Collection[str]) -> Targets:
    """The target of a regressor: one column of numbers, or several."""
    names = names_of(y)
    values = check_array(without_gaps(y), ensure_2d=False, dtype=np.float64, input_name="y")
    columns = values.reshape(len(values), -1)
    found = dict(zip(named(names, columns.shape[1], spec_names, taken), columns.T, strict=True))
    return Targets(found, flat=values.ndim == 1)


def without_gaps(y: Any) -> Any:
    """The values of y, of which none may be missing."""
    values = y.to_numpy() if isinstance(y, pd.Series | pd.DataFrame | pd.Index) else y
    if not hasattr(values, "toarray") and pd.isna(values := np.asarray(values)).any():
        raise ValueError("Input y contains NaN.")
    return check_array(values, ensure_2d=False, allow_nd=True, dtype=None, ensure_min_samples=0, input_name="y")


def names_of(y: Any) -> list[str]:
    """The names that y brings along, if it has any."""
    found: list[Any] = [y.name] if isinstance(y, pd.Series) else list(y.columns) if isinstance(y, pd.DataFrame) else []
    return found if all(isinstance(name, str) and name for name in found) and len({*found}) == len(found) else []


def named(own: Sequence[str], n: int, spec_names: Sequence[str], taken: Collection[str]) -> list[str]:
    """Names of n targets that no column of X has: those of a spec, else their own, else target, or target_1 and on."""
    if spec_names:
        if len(spec_names) != n:
            message = f"the spec names {len(spec_names)} as data.target, and y has {n}"
            raise DataError(Problem("wrong-target", message, "leave data.target out of it, or name as many"))
        return [free(name, taken) for name in spec_names]
    names = own or (["target"] if n == 1 else [f"target_{k}" for k in range(1, n + 1)])
    return [free(name, taken) for name in names]


def free(name: str, taken: Collection[str]) -> str:
    """The name, or one like it that is not taken."""
    while name in taken:
        name += "_"
    return name


def text_of(label: Any) -> str:
    """A class as the text that a CSV would hold: a whole number without its decimals."""
    whole = isinstance(label, float | np.floating) and math.isfinite(label) and label == math.floor(label)
    return str(int(label)) if whole else str(label)


def weights_of(sample_weight: Any, targets: Targets) -> Floats:
    """The weights of the rows, of which one number means all; of classes more than one must have some."""
    column, *others = targets.columns.values()
    n = len(column)
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, float(sample_weight))
    found = check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if found.ndim != 1:
        raise ValueError("Sample weights must be 1D array or scalar")
    check_consistent_length(found, range(n))
    if (found < 0).any() or not found.any():
        message = "sample_weight is below zero in some rows" if found.any() else "sample_weight is zero in all rows"
        raise DataError(Problem("wrong-weight", message))
    if targets.texts and not others and len(np.unique(column.codes[found > 0])) < 2:
        message = "sample_weight is zero in all rows but those of a single class; there is nothing to learn"
        raise DataError(Problem("single-class", message))
    return np.asarray(found, np.float64)


# --- rows to predict -----------------------------------------------------------------------------------------------


def readable(frame: pd.DataFrame, features: Sequence[Feature], dialect: Dialect) -> tuple[Table, list[Problem]]:
    """The table of rows to predict. A text that its column, as it was learnt, cannot have counts as a missing cell.

    So a cross-validation goes on where a fold has what the others do not; a warning tells.
    """
    truths = [
        feature.name for feature in features if feature.kind == "numeric" and frame[feature.name].dtype.kind == "b"
    ]
    frame = frame.astype(dict.fromkeys(truths, np.float64)) if truths else frame
    strange: dict[str, list[str]] = {}
    table = from_frame(frame, dialect, {feature.name: feature.kind for feature in features}, "X", strange)
    for feature in features:
        if isinstance(feature.options, Boolean | Date):
            column = table.text(feature.name)
            _, wrong = readings(feature.name, feature.options, table)
            if wrong:
                strange[feature.name] = [column.labels[code] for code in wrong]
                labels = ["" if code in {*wrong} else label for code, label in enumerate(column.labels)]
                table.columns[feature.name] = Text(column.codes, tuple(labels))
    return table, [missing(feature, strange[feature.name]) for feature in features if feature.name in strange]


def missing(feature: Feature, strange: Sequence[str]) -> Problem:
    """What is told of texts that count as missing cells."""
    shown = ", ".join(map(quoted, strange[:3])) + ", …" * (len(strange) > 3)
    message = f"column {quoted(feature.name)}: {shown} cannot be read as {feature.options.type}"
    return Problem("taken-as-missing", f"{message}, and counts as a missing cell")
