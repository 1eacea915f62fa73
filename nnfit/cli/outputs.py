"""Outputs: what the options that name one take, and the JSON of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer


def named(context: typer.Context, option: typer.CallbackParam, path: Path | None) -> Path | None:
    """The path of an output, which is a file with a name: `-` would make a file of that name."""
    from nnfit.errors import Place, Problem, UsageError

    if path == Path("-"):
        remedy = "name a file"
        if option.name == "output" and context.info_name != "train":
            remedy += f", or leave {option.opts[0]} out for standard output"
        message, place = "outputs do not go to standard output by -", Place(f"{option.opts[0]} -")
        raise UsageError(Problem("usage", message, remedy, place))
    return path


def json_of(report: Mapping[str, Any]) -> str:
    """What a command prints or writes as JSON."""
    import json

    return json.dumps(report, ensure_ascii=False, indent=2)
