"""The commands of nnfit, built once: typer builds all anew for every call, which takes longer than many a command."""

from __future__ import annotations

import functools

import typer.main

from nnfit.cli.main import app

typer.main.get_command = functools.cache(typer.main.get_command)


def build() -> None:
    """Build them now, for the children that a process will have."""
    typer.main.get_command(app)
