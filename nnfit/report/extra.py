"""The packages of the extra `report`: asked for by name where they are missing, and loaded without a trace."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from nnfit.errors import OutputError, Problem, UsageError

SETTINGS = ("MPLCONFIGDIR", "MPLBACKEND", "MATPLOTLIBRC")  # the environment that matplotlib reads once, when loaded


def require(*packages: str) -> None:
    """A UsageError that names what to install, if one of these packages (all of the extra, unless named) is missing."""
    lost = [name for name in packages or ("matplotlib", "jinja2") if find_spec(name) is None]
    if lost:
        message, remedy = f"pictures and pages need {' and '.join(lost)}", "pip install 'nnfit[report]'"
        raise UsageError(Problem("needs-extra", message, remedy))


def load_alone() -> None:
    """Load matplotlib for a process of our own: with its own fonts and settings, nothing read or written at home.

    Left to itself it makes folders there, looks through all fonts of the machine with a program, and says so on
    standard error. A program that uses nnfit as a library loads it as it likes. An OutputError if no folder for
    temporary files is writable, without which it does not load.
    """
    require("matplotlib")
    if "matplotlib.font_manager" in sys.modules:
        return
    logging.getLogger("matplotlib").setLevel(logging.CRITICAL)
    kept = {name: os.environ.pop(name) for name in SETTINGS if name in os.environ}
    try:
        with tempfile.TemporaryDirectory(prefix="nnfit-") as folder:
            os.environ["MPLCONFIGDIR"] = folder
            list_fonts(Path(folder))
            import matplotlib.font_manager  # noqa: F401
    except OSError as error:
        message, remedy = f"matplotlib needs a folder for temporary files: {error}", "set TMPDIR to one"
        raise OutputError(Problem("cannot-write", message, remedy)) from None
    finally:
        os.environ.pop("MPLCONFIGDIR", None)
        os.environ.update(kept)


def list_fonts(folder: Path) -> None:
    """Write the list of fonts that matplotlib would make, with DejaVu Sans alone, which comes with it.

    Where another matplotlib keeps its list in another form, it passes over this one and makes its own.
    """
    found = find_spec("matplotlib.font_manager")
    source = Path(found.origin).read_text("utf-8") if found and found.origin else ""
    version = re.search(r"^    __version__ = '?([\w.]+)'?$", source, re.M)
    if version is None:
        return
    traits = {"style": "normal", "variant": "normal", "stretch": "normal", "size": "scalable"}
    fonts = [
        {"fname": f"fonts/ttf/{file}.ttf", "name": "DejaVu Sans", "weight": weight, **traits, "__class__": "FontEntry"}
        for file, weight in (("DejaVuSans", 400), ("DejaVuSans-Bold", 700))
    ]
    known = {
        "_version": version[1],
        "_FontManager__default_weight": "normal",
        "default_size": None,
        "defaultFamily": {"ttf": "DejaVu Sans", "afm": "Helvetica"},
        "afmlist": [],
        "ttflist": fonts,
        "__class__": "FontManager",
    }
    (folder / f"fontlist-v{version[1]}.json").write_text(json.dumps(known), "utf-8")
