"""nnfit trains multi-layer neural networks on tables or DataFrames, driven by specs.

    import nnfit

    result = nnfit.train("iris.yaml", overrides={"training.epochs": 50})
    result.model.save("iris.npz")
    nnfit.load("iris.npz").predict(frame)

Every error that nnfit raises on purpose is an `nnfit.NnfitError`, every warning an `nnfit.NnfitWarning`.
`help(nnfit.train)`, `help(nnfit.sweep)`, `help(nnfit.load)` and `help(nnfit.Model)` tell the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nnfit.errors import NnfitError, NnfitWarning
from nnfit.version import __version__

if TYPE_CHECKING:
    from nnfit.config.spec import Spec
    from nnfit.fit.train import Result, train
    from nnfit.model.loading import load
    from nnfit.model.model import Model
    from nnfit.sweeps.sweep import sweep

__all__ = ["Model", "NnfitError", "NnfitWarning", "Result", "Spec", "__version__", "load", "sweep", "train"]


def __getattr__(name: str) -> Any:
    """A public name, imported when it is first asked for: `nnfit --help` needs neither NumPy nor pandas."""
    home: Any
    if name in ("Result", "train"):
        from nnfit.fit import train as home
    elif name == "sweep":
        from nnfit.sweeps import sweep as home
    elif name == "Model":
        from nnfit.model import model as home
    elif name == "load":
        from nnfit.model import loading as home
    elif name == "Spec":
        from nnfit.config import spec as home
    else:
        raise AttributeError(f"module 'nnfit' has no attribute {name!r}")
    globals()[name] = getattr(home, name)
    return globals()[name]


def __dir__() -> list[str]:
    """The public names."""
    return __all__
