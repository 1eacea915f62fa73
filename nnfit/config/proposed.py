"""What is proposed for a table, as the mapping that a spec is; proposal.py writes it, with the reasons."""

from __future__ import annotations

from typing import Any

from nnfit.config.findings import Findings
from nnfit.config.recipe import Bend, Recipe
from nnfit.config.task import Task

WIDE = 400  # a spec that lists more columns than this is no longer read by anybody


def proposed(found: Findings, chosen: Recipe) -> dict[str, Any]:
    """The mapping, but for the file: what `nnfit init` writes for such a table."""
    columns = column_keys(found, chosen.bend, len(found.columns) <= WIDE)
    data = {**data_keys(found), **({"columns": columns} if columns else {})}
    return {"data": data, **training_keys(found.task, chosen, found.rows)}


def data_keys(found: Findings, separator: str = ",") -> dict[str, Any]:
    """The target, how the table is written, and the columns that are left out.

    `separator` is the one that the name of the file promises: a tab of .tsv.
    """
    dialect, targets = found.dialect, found.task.targets
    keys: dict[str, Any] = {"target": targets[0] if len(targets) == 1 else list(targets)}
    if found.dropped:
        keys["missing_target"] = "drop"
    for key, usual in (("separator", ","), ("decimal", "."), ("encoding", "utf-8")):
        if getattr(dialect, key) != usual or (key == "separator" and separator != usual):
            keys[key] = getattr(dialect, key)
    if dialect.missing:
        keys["missing"] = list(dialect.missing)
    if found.left_out:
        keys["ignore"] = list(found.left_out)
    return keys


def column_keys(found: Findings, bend: Bend | None, all_of_them: bool) -> dict[str, dict[str, Any]]:
    """The columns and what is said of each, or those alone that would be read otherwise; the targets first."""
    entries = {name: dict(keys) for name, keys in found.task.entries.items()}
    for name, column in found.columns.items():
        beside = column.expanded(bend) if bend is not None else {}
        if all_of_them or column.special or beside:
            entries[name] = {**column.keys, **beside}
    return entries


def training_keys(task: Task, chosen: Recipe, rows: int) -> dict[str, Any]:
    """The network, its cost and how it is trained."""
    hidden = {"size": chosen.width, "activation": "mish"}
    output, loss = output_of(task)
    training: dict[str, Any] = {
        "epochs": chosen.epochs,
        "batch_size": "full" if rows <= chosen.batch_size else chosen.batch_size,
        "optimizer": {"name": "adamw", "learning_rate": 0.01, "beta2": 0.95, "weight_decay": 0.02},
        "schedule": "cosine",
    }
    if chosen.folds:
        training["resample"] = "folds"
    if task.classes is None:
        training["clamp"] = True
    if chosen.folds:
        training["early_stopping"] = {"patience": chosen.patience}
    return {
        "network": {
            "layers": [hidden, dict(hidden), output],
            "initialization": {"bias": 0, "output_gain": 0.1, "data_driven": True},
            "members": chosen.members,
        },
        "loss": loss,
        "training": training,
        "seed": 0,
    }


def output_of(task: Task) -> tuple[dict[str, Any], str]:
    """The output layer and the loss that suit a task."""
    several = len(task.targets) > 1
    if task.classes is None:
        return {"size": "auto" if several else 1, "activation": "linear"}, "mse"
    if several:
        return {"size": "auto", "activation": "logistic"}, "bce"
    if len(task.classes) == 2:
        return {"size": 1, "activation": "logistic"}, "bce"
    return {"size": "auto", "activation": "softmax"}, "cross_entropy"


def outputs(task: Task) -> int:
    """The neurons of the output layer."""
    if len(task.targets) > 1 or task.classes is None:
        return len(task.targets)
    return 1 if len(task.classes) == 2 else len(task.classes)
