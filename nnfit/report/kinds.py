"""The kinds of picture that `nnfit plot` makes: one row each, from which help, refusals and tests follow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnfit.data.table import Table
    from nnfit.model.model import Model


@dataclass(frozen=True)
class Request:
    """What is asked for: models by their names, the rows of DATA if it is given, columns and other names."""

    models: dict[str, Model]
    table: Table | None = None
    columns: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


class Kind(NamedTuple):
    """One row: what it shows, how it is drawn, how many models it takes, whether it needs DATA, and which targets."""

    text: str
    draw: Callable[[Request], Figure]
    models: str = "one"  # none: the arguments are names; one; several
    data: str = "none"  # none, optional, needed
    target: str = "any"  # any, classes, real


def of_names(request: Request) -> Figure:
    """The activations that are named, or all."""
    from nnfit.report import figures

    return figures.activations(request.names or None)


KINDS: dict[str, Kind] = {
    "activations": Kind("σ and σ′ of every activation, or of those named in place of MODEL", of_names, models="none"),
}
