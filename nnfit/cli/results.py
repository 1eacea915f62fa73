"""What a training writes beside its model: the report as JSON, the costs of the epochs as CSV, a make rule."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from nnfit.cli.outputs import json_of

if TYPE_CHECKING:
    from nnfit.errors import Problem
    from nnfit.fit.run import Progress
    from nnfit.model.model import Model

RECORD = ("metrics", "trivial", "linear", "best_epochs", "seed", "blas_threads", "versions", "data_sha256", "sha256")


def report(
    model: Model, path: Path, epochs: int, seconds: float, overrides: Sequence[str], warnings: Sequence[Problem]
) -> bytes:
    """What --json writes: how good the model is, and all by which two runs may differ."""
    from nnfit.config.build import dump

    record = model.record
    values = {
        "model": str(path),
        "rows": sum(n for name, n in record["rows"].items() if not name.startswith("out_of_")),  # those are of train
        "epochs": epochs,
        "seconds": seconds,
        **{key: record[key] for key in RECORD},
        **({"ranks": record["ranks"]} if "ranks" in record else {}),
        "overrides": list(overrides),
        "warnings": [warning.as_json() for warning in warnings],
        "spec": dump(model.spec),
    }
    return (json_of(values) + "\n").encode("utf-8", "backslashreplace")  # in JSON, too, \udcff is half a character


def costs(history: Sequence[Progress]) -> str:
    """The epochs as CSV: cost and validation cost, the mean over the members, and of several members each cost."""
    from nnfit.fit.train import history_of

    columns = dict(history_of(history))
    front = {name: columns.pop(name, [None] * len(history)) for name in ("epoch", "cost", "validation")}
    lines = [[*front, *columns], *zip(*front.values(), *columns.values(), strict=True)]
    return "".join(",".join("" if cell is None else str(cell) for cell in line) + "\n" for line in lines)


def rule(model: Path, sources: list[str]) -> bytes:
    """A make rule: the model depends on what was read; a source that vanishes later does not stop make."""
    from nnfit.storage.paths import direct

    names = [str(direct(Path(source))) for source in sources]
    target, *sources = [
        name.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ") for name in (str(model), *names)
    ]
    # In a target, % would make a pattern.
    phony = "".join(f"\n{name.replace('%', chr(92) + '%')}:\n" for name in sources)
    return os.fsencode(f"{target.replace('%', chr(92) + '%')}: {' '.join(sources)}\n{phony}")
