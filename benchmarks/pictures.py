"""The pictures of the documentation: the commands of its pages run, and what they draw goes to docs/pictures.

    python benchmarks/pictures.py        (make pictures)

They work in a folder of their own, so nothing else changes. A picture of the tutorial is one whose command says
-o models/NAME.svg; the README shows those of COMMANDS, and the top of a report as Chromium shows it (left as it is
where there is no Chromium).
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
COMMANDS = (
    "nnfit train configs/penguins.yaml -o models/penguins.npz --report models/penguins.html",
    "nnfit train configs/iris.yaml -o models/iris.npz",
    "nnfit plot decision models/iris.npz --data datasets/iris.csv --columns petal_length,petal_width "
    "-o models/decision.svg",
)
WIDTH, HEIGHT = 1000, 1180  # of the top of the report


def commands(page: str) -> list[str]:
    """The commands that a page shows, those aside that are to fail and those whose output alone matters."""
    text = (ROOT / page).read_text("utf-8")
    shown = re.findall(r"^\$ (nnfit .*)$", "\n".join(re.findall(r"^```console\n(.*?)^```$", text, re.S | re.M)), re.M)
    return [command for command in shown if command.split()[1] in ("train", "plot")]


def photograph(page: Path, picture: Path) -> None:
    """The top of a page as a browser shows it."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print(f"{picture} is left as it is: there is no Chromium", file=sys.stderr)
        return
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        shown = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        shown.goto(page.as_uri())
        shown.screenshot(path=picture)
        browser.close()


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
        for command in (*(each for page in PAGES for each in commands(page)), *COMMANDS):
            line = f"{nnfit} {command.removeprefix('nnfit ')}"
            subprocess.run(
                ["bash", "-o", "pipefail", "-c", line], cwd=folder, env=environment, check=True, capture_output=True
            )
        photograph(folder / "models" / "penguins.html", PICTURES / "report.png")
        for picture in sorted((folder / "models").glob("*.svg")):
            shutil.copyfile(picture, PICTURES / picture.name)
            print(PICTURES / picture.name)


if __name__ == "__main__":
    main()
