"""The standalone Python file by itself: every Python runs it; it reads dates and CSV as nnfit does, or says why not."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pytest
from conftest import Ended
from standalone import as_csv, assert_same, every_type, of_table, rich, standalone, table, trained

from nnfit.errors import NnfitError
from nnfit.export.python import to_python

pytestmark = pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")

VERSIONS = [f"3.{minor}" for minor in range(9, 15)]


def started(python: Path, file: Path, arguments: Sequence[str] = (), rows: str = "") -> Ended:
    """The file, run by some Python that knows of nothing else."""
    done = subprocess.run([python, "-I", file, *arguments], input=rows.encode(), capture_output=True, check=False)
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def candidates(version: str) -> Iterator[str]:
    """Where a Python of this version may be."""
    yield from (os.environ["PYTHONS"].split() if "PYTHONS" in os.environ else [f"python{version}"])
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from (str(path) for path in sorted(folder.glob(f"{version}.*/bin/python")))


def python_of(version: str) -> Path:
    """A Python of this version that starts; the test is skipped where there is none."""
    said = "import sys; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, map(shutil.which, candidates(version))):
        done = subprocess.run([path, "-I", "-c", said], capture_output=True, check=False, text=True)
        if done.stdout.strip() == version:
            return Path(path)
    pytest.skip(f"no Python {version} is here")


ISO = [
    *("2024-03-01", "2024-3-1", "20240301", "2024-W10-5", "2024W105", "2024-W10", "2024-03-01T12", "20240301T1200Z"),
    *("2024-03-01T12:00:00Z", "2024-03-01 12:00:00.5", "2024-03-01T120000", "2024-3-1 08:30", "2024-03-01T08:30:00,25"),
    *(
        "2024-03-01T12:00+0130",
        "2024-03-01T12:00:00.1234567-01:30",
        "2024-03-01T12:00+01",
        "2020-W53-7",
        " 2024-03-01 ",
    ),
    *("2024-03-01T12:00:00.123456+01:30:15", "2024-03-01+01:00"),
]
NO_DATES = [
    *("2024-060", "2024-03", "2024-03-01T", "2024-03-01T12:0000", "2024-03-01T1200:00", "2024-03-01T12:00:60"),
    *("2024-W53-7", "2024-W10-0", "2024W10-5", "2024-0301", "2024-03-01T12:00+24:00", "٢٠٢٤-03-01", "2024-02-30"),
    *("2024-03-01T12:00Z+01:00", "2024-03-01T12:00:00.", "2024-3-1T8:30", "2024-1-111", "0000-01-01"),
]


def test_dates_in_every_form_of_iso_8601_are_read_as_nnfit_reads_them() -> None:
    predict, row = standalone(every_type()), {"x": 1, "u": 2, "c": "red", "b": "no"}
    for text in [*ISO, *NO_DATES]:
        frame = pd.DataFrame([{**row, "d": text}], dtype=object)
        if text in ISO:
            expected = every_type().predict_proba(frame).iloc[0].to_dict()
            assert_same({k: v for k, v in predict({**row, "d": text}).items() if k != "prediction"}, expected)
            continue
        with pytest.raises(NnfitError):
            every_type().predict(frame)
        with pytest.raises(ValueError, match="column 'd': expected a date"):
            predict({**row, "d": text})


@pytest.mark.process
@pytest.mark.parametrize("version", VERSIONS)
def test_other_pythons_run_the_file_and_write_what_nnfit_predict_writes(version: str, tmp_path: Path) -> None:
    model, data = rich(), as_csv(table(20).assign(u="$1.5", d=ISO))
    python = python_of(version)
    (tmp_path / "model.py").write_text(to_python(model), encoding="utf-8")
    (tmp_path / "rows.csv").write_text(data, encoding="utf-8")
    done = started(python, tmp_path / "model.py", rows=data)
    assert (done.code, done.err) == (0, "")
    assert started(python, tmp_path / "model.py", [str(tmp_path / "rows.csv")]) == done
    found, expected = list(csv.DictReader(io.StringIO(done.out))), of_table(model, data, tmp_path)
    assert len(found) == 20
    for i, row in enumerate(found):
        values = {name: text if name == "prediction" else float(text) for name, text in row.items()}
        assert_same(values, {name: column[i] for name, column in expected.items()})


@pytest.mark.process
@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x,u,c,b,d\n1,2,red,no,2020-01-01\n1,2,pink,no,\n", "line 3: column 'c': the training rows have no 'pink'\n"),
        ("x,u,c,b,d\n1,2,red\n", "line 2: 3 cells, but the header has 5\n"),
        ("x,u,c,c\n1,2,red,red\n", "line 1: a column is there twice\n"),
        ("x,u,c,b\n1,2,red,no\n", "line 2: columns are missing: 'd'\n"),
        ("", "the file is empty; expected a header and rows\n"),
        ("\nx,u\n1,2\n", "line 1: a header is needed, and this line is blank\n"),
        ("x,u,c,b,d\n", "line 1: a header but no rows\n"),
        ("x,u,c,b,d\n1,2,red,no,\n\n\n1,2,red,no,\n", "line 3: a blank line stands between the rows\n"),
    ],
)
def test_a_line_that_cannot_be_predicted_ends_the_run_with_its_number(rows: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(to_python(every_type()), encoding="utf-8")
    done = started(Path(sys.executable), tmp_path / "model.py", rows=rows)
    assert (done.code, done.err) == (1, message)


@pytest.mark.process
def test_blank_lines_at_the_end_are_no_rows_and_a_missing_cell_alone_is_one(tmp_path: Path) -> None:
    model = trained("y", table()[["x", "y"]])
    (tmp_path / "model.py").write_text(to_python(model), encoding="utf-8")
    done = started(Path(sys.executable), tmp_path / "model.py", rows='x\n1\n""\n2\n\n\n')
    assert (done.code, done.err, len(done.out.splitlines())) == (0, "", 4)


@pytest.mark.process
def test_a_file_that_is_not_there_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(to_python(every_type()), encoding="utf-8")
    done = started(Path(sys.executable), tmp_path / "model.py", [str(tmp_path / "none.csv")])
    assert (done.code, done.out, len(done.err.splitlines())) == (1, "", 1)
    assert "none.csv" in done.err
