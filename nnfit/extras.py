"""What only some users need: packages that are loaded when asked for, and named with what installs them if missing."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Literal

from nnfit.errors import Problem, UsageError

# These are named in the code alone, never in a file: what a file names is not imported.
Module = Literal[
    "matplotlib.font_manager",
    "jinja2",
    "sklearn",
    "onnx",
    "pyarrow",
    "pyarrow.parquet",
    "mlflow",
    "distributed",
    "mpi4py",
]


def there(*modules: Module) -> bool:
    """Whether all of these packages are installed; none is loaded."""
    return all(find_spec(module.partition(".")[0]) is not None for module in modules)


def require(extra: str, who: str, *modules: Module) -> None:
    """Load these modules of an extra; a UsageError says what needs the missing ones ("pictures need") and the remedy.

    The packages of an extra and their versions stand in pyproject.toml.
    """
    lost = []
    for module in modules:
        try:
            import_module(module.partition(".")[0])  # one that is gone is hidden by a module of it that is loaded
            import_module(module)
        except ImportError:
            lost.append(module.partition(".")[0])
    if lost:
        message, remedy = f"{who} {' and '.join(lost)}", f"pip install 'nnfit[{extra}]'"
        raise UsageError(Problem("needs-extra", message, remedy))
