"""Outputs: what the options that name one take, and the JSON of all of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typer

from nnfit.storage.paths import direct, is_of_folder


def named(context: typer.Context, option: typer.CallbackParam, text: str | None) -> str | None:
    """What names an output, which is a file with a name: `-` would make a file of that name, `folder/` one `folder`."""
    from nnfit.errors import OutputError, Place, Problem, UsageError

    if text == "-":
        remedy = "name a file"
        if option.name == "output" and context.info_name in ("init", "predict"):
            remedy += f", or leave {option.opts[0]} out for standard output"
        message, place = "outputs do not go to standard output by -", Place(f"{option.opts[0]} -")
        raise UsageError(Problem("usage", message, remedy, place))
    if text is not None and is_of_folder(text):
        raise OutputError(Problem("cannot-write", "cannot be written: is a folder", "name a file", Place(text)))
    return text


def path_of(text: str | None) -> Path | None:
    """The path of an output that is wanted, without detours."""
    return None if text is None else direct(Path(text))


def json_of(report: Mapping[str, Any]) -> str:
    """What a command prints or writes as JSON; what is not finite is null."""
    import json

    from nnfit.storage.json_text import tidy

    return json.dumps(tidy(report), ensure_ascii=False, allow_nan=False, indent=2)
