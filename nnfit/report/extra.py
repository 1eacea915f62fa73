"""The packages of the extra `report`: asked for by name where they are missing, and loaded without a trace."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from nnfit.errors import Problem, UsageError
from nnfit.storage import files

SETTINGS = ("MPLCONFIGDIR", "MPLBACKEND", "MATPLOTLIBRC")  # the environment that matplotlib reads once, when loaded


def pictures() -> None:
    """Load what draws."""
    import matplotlib.font_manager  # noqa: F401


def pages() -> None:
    """Load what makes pages."""
    import jinja2  # noqa: F401


PACKAGES: Mapping[str, Callable[[], None]] = {"matplotlib": pictures, "jinja2": pages}


def require(*packages: str) -> None:
    """Load these packages, all of the extra unless named; a UsageError that names what to install if one is missing."""
    lost = []
    for name in packages or PACKAGES:
        try:
            PACKAGES[name]()
        except ImportError:
            lost.append(name)
    if lost:
        message, remedy = f"pictures and pages need {' and '.join(lost)}", "pip install 'nnfit[report]'"
        raise UsageError(Problem("needs-extra", message, remedy))


def load_alone() -> None:
    """Load matplotlib for a process of our own: with its own fonts and settings, nothing read or written at home.

    Left to itself it makes folders there, looks through all fonts of the machine with a program, and says so on
    standard error. A program that uses nnfit as a library loads it as it likes. An OutputError if no folder for
    temporary files is writable, without which it does not load.
    """
    if "matplotlib.font_manager" in sys.modules:
        require("matplotlib")
        return
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    kept = {name: os.environ.pop(name) for name in SETTINGS if name in os.environ}
    try:
        with files.momentary(fonts()) as folder:
            os.environ["MPLCONFIGDIR"] = str(folder)
            require("matplotlib")
    finally:
        os.environ.pop("MPLCONFIGDIR", None)
        os.environ.update(kept)


def fonts() -> dict[str, bytes]:
    """The list of fonts that matplotlib would make, by its name, with DejaVu Sans alone, which comes with it.

    Where another matplotlib keeps its list in another form, it passes over this one and makes its own.
    """
    places = (Path(entry, "matplotlib", "font_manager.py") for entry in sys.path)
    source = next((place.read_text("utf-8") for place in places if place.is_file()), "")
    version = re.search(r"^    __version__ = '?([\w.]+)'?$", source, re.M)
    if version is None:
        return {}
    traits = {"style": "normal", "variant": "normal", "stretch": "normal", "size": "scalable"}
    entries = [
        {"fname": f"fonts/ttf/{file}.ttf", "name": "DejaVu Sans", "weight": weight, **traits, "__class__": "FontEntry"}
        for file, weight in (("DejaVuSans", 400), ("DejaVuSans-Bold", 700))
    ]
    known = {
        "_version": version[1],
        "_FontManager__default_weight": "normal",
        "default_size": None,
        "defaultFamily": {"ttf": "DejaVu Sans", "afm": "Helvetica"},
        "afmlist": [],
        "ttflist": entries,
        "__class__": "FontManager",
    }
    return {f"fontlist-v{version[1]}.json": json.dumps(known).encode()}
