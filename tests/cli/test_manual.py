"""The manual pages say what --help says, of every command, and man shows them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main

from nnfit.cli.main import app
from nnfit.cli.manual import pages, plain

MAN = Path(__file__).parents[2] / "docs" / "man"
GROUP: Any = typer.main.get_command(app)
COMMANDS = {"nnfit": GROUP} | {f"nnfit-{name}": command for name, command in GROUP.commands.items()}


def test_the_files_in_docs_are_up_to_date() -> None:
    there = {path.name: path.read_text("utf-8") for path in MAN.iterdir()}
    assert there == pages(), "run make docs"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_is_in_the_page_of_its_command(name: str) -> None:
    text = pages()[f"{name}.1"]
    for parameter in COMMANDS[name].params:
        spelled = parameter.opts if parameter.param_type_name == "option" else [parameter.metavar.strip("[].")]
        for each in spelled:
            assert re.search(rf"^\.B .*{re.escape(plain(each))}\b", text, re.M), each
        assert plain(parameter.help) in text
    assert r"\-h, \-\-help" in text


def test_the_first_page_names_every_command() -> None:
    text = pages()["nnfit.1"]
    for name in GROUP.commands:
        assert f"\n.TP\n.B {name}\n" in text
        assert rf".BR nnfit\-{name} (1)" in text


@pytest.mark.process
@pytest.mark.skipif(not shutil.which("groff"), reason="groff shows manual pages")
def test_a_page_is_shown_without_a_warning() -> None:
    for path in MAN.iterdir():
        command = ["groff", "-man", "-ww", "-Kutf8", "-Tutf8", path]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (ended.returncode, ended.stderr) == (0, "")
        for heading in ("NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS"):
            assert heading in re.sub(".\x08", "", ended.stdout)  # bold is a letter struck twice
