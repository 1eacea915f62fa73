"""A figure as the bytes of a file: the same figure gives the same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

from nnfit.report import svg
from nnfit.report.style import settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DPI = 150


def png(figure: Figure) -> bytes:
    """The figure in pixels."""
    return saved(figure, "png", {"Software": None})


def pdf(figure: Figure) -> bytes:
    """The figure as a page, its letters as text."""
    return saved(figure, "pdf", dict.fromkeys(("Creator", "Producer", "CreationDate")))


def saved(figure: Figure, form: str, metadata: dict[str, None]) -> bytes:
    """The figure as matplotlib writes it, without times and versions."""
    file = io.BytesIO()
    with settings(), svg.silent():
        figure.savefig(file, format=form, dpi=DPI, metadata=metadata)
    return file.getvalue()


FORMS: dict[str, Callable[[Figure], bytes]] = {"png": png, "svg": svg.document, "pdf": pdf}
