"""One input column: its type and options, and what the training rows say of it. How it becomes inputs: encoding.py."""

from __future__ import annotations

from typing import NamedTuple

from nnfit.core.expansion import Expansion
from nnfit.data import dates, numeric
from nnfit.data.columns import Boolean, Categorical, ColumnType, Date, Numeric


class Truth(NamedTuple):
    """What the training rows say of a column of true and false: which of both stands in for a missing cell."""

    fill: float

    @property
    def flat(self) -> tuple[float, ...]:
        """The values one after the other, as a model file has them: with the range, as numbers have it."""
        return (self.fill, 0.0, 1.0)


class Categories(NamedTuple):
    """The categories of the training rows, sorted; those that are too rare for an input of their own share one."""

    own: tuple[str, ...]
    merged: tuple[str, ...] = ()

    @property
    def flat(self) -> tuple[float, ...]:
        """No number is fitted."""
        return ()


Fitted = numeric.Fitted | Truth | dates.Fitted | Categories


class Feature(NamedTuple):
    """One column: its type and options, and what was fitted to the training rows."""

    name: str
    options: ColumnType
    indicator: bool
    fitted: Fitted

    @property
    def kind(self) -> str:
        """How the column is read: as numeric or as text."""
        return "numeric" if self.options.type == "numeric" else "text"

    @property
    def unknown(self) -> str | None:
        """What becomes of a category that no training row has; None for a column that has no categories."""
        return self.options.unknown if isinstance(self.options, Categorical) else None

    @property
    def categories(self) -> Categories:
        """The categories; none of a column of another type."""
        return self.fitted if isinstance(self.fitted, Categories) else Categories(())

    @property
    def inputs(self) -> list[str]:
        """The names of the inputs it becomes."""
        return own_inputs(self) + ([f"{self.name} is missing"] if self.indicator else [])

    @property
    def expansion(self) -> Expansion:
        """What a number becomes beside its value; nothing of a column of another type."""
        if not isinstance(self.options, Numeric):
            return numeric.NOTHING
        assert isinstance(self.fitted, numeric.Fitted)
        return numeric.expansion(self.options, self.fitted)

    @property
    def beside(self) -> int:
        """How many of the inputs stand beside the value of a number, behind it: what it is expanded to."""
        return self.expansion.width

    @property
    def kept(self) -> int:
        """How many of the inputs do not: what is kept of a row."""
        return len(self.inputs) - self.beside


def own_inputs(feature: Feature) -> list[str]:
    """The names of the inputs, but for the one that says where a cell is missing."""
    name, options = feature.name, feature.options
    if isinstance(options, Numeric):
        assert isinstance(feature.fitted, numeric.Fitted)
        return numeric.names(name, options, feature.fitted)
    if isinstance(options, Date):
        return [f"{name} {part}" for part in dates.NAMES]
    if isinstance(options, Boolean):
        return [name]
    own, merged = feature.categories
    return [f"{name}={c}" if c else f"{name} is missing" for c in own] + ([f"{name} is rare"] if merged else [])


def size(options: ColumnType) -> int:
    """How many numbers are fitted to a column of this type and these options."""
    if isinstance(options, Numeric):
        return numeric.size(options)
    return {"boolean": 3, "date": dates.SIZE}.get(options.type, 0)


def restored(options: ColumnType, flat: tuple[float, ...], categories: Categories) -> Fitted:
    """What was fitted, from its numbers, as many as `size` says; ValueError if they could not be applied."""
    if isinstance(options, Numeric):
        return numeric.restored(options, flat)
    if isinstance(options, Date):
        return dates.restored(flat)
    if isinstance(options, Categorical):
        return categories
    if flat[0] not in (0, 1):
        raise ValueError("what stands for a missing cell is neither 0 nor 1")
    if flat != Truth(flat[0]).flat:
        raise ValueError("the range of a truth value is not 0 to 1")
    return Truth(flat[0])
