"""The argument MODEL, as the commands that read one model, or several, have it in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ModelFile = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file that nnfit train wrote.")]
ModelFiles = Annotated[list[Path], typer.Argument(metavar="MODEL", help="Model files that nnfit train wrote.")]
