"""What only some users need: packages that are loaded when asked for, and named with what installs them if missing."""

from __future__ import annotations

from importlib import import_module

from nnfit.errors import Problem, UsageError


def require(extra: str, who: str, *modules: str) -> None:
    """Load these modules of an extra; a UsageError says what needs the missing ones ("pictures need") and the remedy.

    The packages of an extra and their versions stand in pyproject.toml.
    """
    lost = []
    for module in modules:
        try:
            import_module(module.partition(".")[0])
            import_module(module)
        except ImportError:
            lost.append(module.partition(".")[0])
    if lost:
        message, remedy = f"{who} {' and '.join(lost)}", f"pip install 'nnfit[{extra}]'"
        raise UsageError(Problem("needs-extra", message, remedy))
