"""The packages of the extra `report`: asked for by name where they are missing, and loaded without a trace."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from pathlib import Path

from nnfit import extras
from nnfit.storage import files

SETTINGS = ("MPLCONFIGDIR", "MPLBACKEND", "MATPLOTLIBRC")  # the environment that matplotlib reads once, when loaded


PICTURES: extras.Module = "matplotlib.font_manager"
PAGES: extras.Module = "jinja2"


def there() -> bool:
    """Whether all of the extra is installed; nothing is loaded."""
    return extras.there(PICTURES, PAGES)


def require(*modules: extras.Module) -> None:
    """Load these modules, all of the extra unless named; a UsageError that names what to install if one is missing."""
    extras.require("report", "pictures and pages need", *(modules or (PICTURES, PAGES)))


def load_alone() -> None:
    """Load matplotlib for a process of our own: with its own fonts and settings, nothing read or written at home.

    Left to itself it makes folders there, looks through all fonts of the machine with a program, and says so on
    standard error. A program that uses nnfit as a library loads it as it likes. An OutputError if no folder for
    temporary files is writable, without which it does not load.
    """
    if "matplotlib.font_manager" in sys.modules:
        require(PICTURES)
        return
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    kept = {name: os.environ.pop(name) for name in SETTINGS if name in os.environ}
    try:
        with files.momentary(fonts()) as folder:
            os.environ["MPLCONFIGDIR"] = str(folder)
            require(PICTURES)
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
