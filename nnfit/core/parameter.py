"""What a table entry (activation, optimizer, schedule, initialization) says about each number a user may set."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


class Parameter(NamedTuple):
    """One setting: its default, its check and its text stand side by side.

    A `bool` default is a switch, an `int` a count of at least 1, `choices` a fixed list of words, anything else a
    finite number with the bounds `above` < value, `least` ≤ value, value < `below`.
    """

    name: str
    default: float | bool | str
    text: str
    above: float | None = None
    least: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
