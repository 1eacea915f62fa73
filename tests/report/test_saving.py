"""Files of pictures: the same figure gives the same bytes, whoever draws beside it and whatever they have set."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import pytest
from matplotlib.figure import Figure
from pictures import Examples

from nnfit.errors import UsageError
from nnfit.report import extra, figures, saving, svg
from nnfit.report.extra import require
from nnfit.report.kinds import KINDS

DRAWN = [("members", kind, "svg") for kind in KINDS if kind not in ("activations", "residuals")]
DRAWN += [("real", "residuals", "svg"), ("real", "decision", "png"), ("members", "roc", "png")]
BEGIN = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


def picture(examples: Examples, name: str, kind: str) -> Figure:
    """The picture of a kind."""
    return KINDS[kind].draw(examples[name].request(KINDS[kind]))


@pytest.mark.parametrize(("name", "kind", "form"), DRAWN)
def test_the_same_model_and_data_give_the_same_bytes(examples: Examples, name: str, kind: str, form: str) -> None:
    first, second = (picture(examples, name, kind) for _ in range(2))
    found = saving.FORMS[form](first)
    assert found.startswith(BEGIN[form])
    assert found == saving.FORMS[form](second)


@pytest.mark.parametrize("kind", ["network", "decision"])
def test_a_pdf_has_neither_a_time_nor_a_version_in_it(examples: Examples, kind: str) -> None:
    first, second = (picture(examples, "real", kind) for _ in range(2))
    found = saving.pdf(first)
    assert found.startswith(BEGIN["pdf"])
    assert found == saving.pdf(second)
    assert b"CreationDate" not in found
    assert matplotlib.__version__.encode() not in found


def test_what_the_user_has_set_of_matplotlib_counts_for_nothing_and_stays(examples: Examples) -> None:
    expected = saving.png(figures.activations(["relu"]))
    mine = {"font.size": 30, "axes.facecolor": "red", "text.usetex": True, "lines.linewidth": 9, "savefig.dpi": 10}
    with matplotlib.rc_context(mine):
        assert saving.png(figures.activations(["relu"])) == expected
        assert {key: matplotlib.rcParams[key] for key in mine} == mine
    assert "matplotlib.pyplot" not in sys.modules


def test_threads_draw_beside_each_other(examples: Examples) -> None:
    model = examples["members"].model
    expected = saving.svg.document(figures.network(model))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: saving.svg.document(figures.network(model)), range(6)))
    assert found == [expected] * 6


def test_letters_that_the_font_lacks_are_text_in_svg_and_boxes_elsewhere(examples: Examples) -> None:
    figure = figures.network(examples["hostile"].model)
    assert "漢字 😀".encode() in svg.document(figure)
    assert saving.png(figure).startswith(BEGIN["png"])


def test_without_matplotlib_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matplotlib", "jinja2"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=r"need matplotlib and jinja2; pip install 'nnfit\[report\]'") as caught:
        require()
    assert caught.value.code == "needs-extra"
    with pytest.raises(UsageError, match="need matplotlib; pip install"):
        figures.activations(["relu"])


ALONE = """
import os, sys
from nnfit.report.extra import load_alone
before = dict(os.environ)
load_alone()
assert dict(os.environ) == before
import matplotlib.font_manager as fonts
assert {font.name for font in fonts.fontManager.ttflist} == {"DejaVu Sans"}
assert "matplotlib.pyplot" not in sys.modules
"""


@pytest.mark.process
def test_loaded_alone_it_reads_and_writes_nothing_at_home_and_starts_no_program(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("no such key: 1\nfont.size: thirteen\n")
    environment = {
        "HOME": str(tmp_path / "none"),
        "PATH": str(tmp_path),  # no fc-list
        "MPLBACKEND": "nonsense",
        "PYTHONPATH": str(Path(extra.__file__).parents[2]),
    }
    audit = "import sys; sys.addaudithook(lambda event, _: event == 'subprocess.Popen' and sys.exit('a program'))\n"
    done = subprocess.run([sys.executable, "-c", audit + ALONE], cwd=tmp_path, env=environment, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["matplotlibrc"]
