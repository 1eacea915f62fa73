"""nnfit trains multi-layer neural networks on CSV data, driven by YAML specs.

From Python: `nnfit.load(path)` gives a model, `model.predict(frame)` its predictions; every error that nnfit raises
on purpose is an `nnfit.NnfitError`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nnfit.errors import NnfitError
from nnfit.version import __version__

if TYPE_CHECKING:
    from nnfit.model.model import Model

__all__ = ["NnfitError", "__version__", "load"]


def load(path: Path | str) -> Model:
    """The model in a file; ModelFileError if it is not one that nnfit wrote."""
    from nnfit.model.model import load  # here, so that `nnfit --help` need not import NumPy and pandas

    return load(path)
