"""The pictures of the documentation: the commands of its pages run, and what they draw goes to docs/pictures.

    python benchmarks/pictures.py        (make pictures)

They work in a folder of their own, so nothing else changes. A picture is one whose command says -o models/NAME.svg.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURES = ROOT / "docs" / "pictures"
PAGES = ("docs/tutorial.md",)


def commands(page: str) -> list[str]:
    """The commands that a page shows, those aside that are to fail and those whose output alone matters."""
    text = (ROOT / page).read_text("utf-8")
    shown = re.findall(r"^\$ (nnfit .*)$", "\n".join(re.findall(r"^```console\n(.*?)^```$", text, re.S | re.M)), re.M)
    return [command for command in shown if command.split()[1] in ("train", "plot")]


def main() -> None:
    """Run the commands of every page, and copy the pictures."""
    PICTURES.mkdir(exist_ok=True)
    nnfit = f"{sys.executable} -m nnfit"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("configs", "datasets"):
            (folder / part).symlink_to(ROOT / part)
        (folder / "models").mkdir()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        for page in PAGES:
            for command in commands(page):
                line = f"{nnfit} {command.removeprefix('nnfit ')}"
                subprocess.run(
                    ["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment, check=True, capture_output=True
                )
        for picture in sorted((folder / "models").glob("*.svg")):
            shutil.copyfile(picture, PICTURES / picture.name)
            print(PICTURES / picture.name)


if __name__ == "__main__":
    main()
