"""The commands of nnfit, built once: typer builds all anew for every call, which takes longer than many a command."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import pkgutil

import typer.main

import nnfit
from nnfit.cli.main import app
from nnfit.errors import NnfitError

typer.main.get_command = functools.cache(typer.main.get_command)


def warm() -> None:
    """Load now what commands load when they run, for the children that a process will have."""
    for module in pkgutil.walk_packages(nnfit.__path__, "nnfit."):
        if module.name != "nnfit.__main__":
            importlib.import_module(module.name)
    with contextlib.suppress(NnfitError):
        app(["inspect", os.devnull], standalone_mode=False)
