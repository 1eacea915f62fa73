"""`nnfit export`: a model in a form that others run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnfit.cli.arguments import ModelFile
from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from nnfit.data.dialect import Written
    from nnfit.data.table import Table
    from nnfit.model.model import Model

    Writer = Callable[[Path, Path, Model, str | None, Written], None]


def export(
    model: ModelFile,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="Where it goes, ending .onnx or .py.", callback=named),
    ],
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="DATA", help="Rows to check an .onnx file on; - reads stdin."),
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
) -> None:
    """Write the whole model, the preparation of its columns included, as a file that runs without nnfit.

    FILE.onnx is for onnxruntime, in any language: one input for each column that the model reads, by its name, numbers
    as double and NaN where they are missing, everything else as text and empty where it is missing; the outputs are
    prediction and, of classes, probabilities. Members, calibration, threshold and clamp are inside. A category that no
    training row has counts as zeros.

    Before FILE.onnx is written it is run, on rows of the training file if that lies where it was, else of DATA, with
    missing, unknown and extreme values made among them, and compared with nnfit predict; it is refused if they differ
    by more than 1e-5.

    FILE.py is one readable file of plain Python, for a person to read or for where no packages are: predict(row) takes
    a dict from column to value, and python FILE.py reads and writes CSV.
    """
    from nnfit.data.parts import files_of
    from nnfit.model.loading import load
    from nnfit.storage import files

    path = path_of(output)
    assert path is not None
    write = writer(path)
    files.check_outputs([path], [model, *(files_of(data).paths if data not in (None, "-") else [])])
    write(path, model, load(model), data, written(separator, decimal, encoding))


def writer(path: Path) -> Writer:
    """What writes a file of this ending; a UsageError for an ending that none has."""
    from nnfit.errors import Place, Problem, UsageError

    found = WRITERS.get(path.suffix.lower())
    if found is None:
        message = f"a model is exported to a file that ends in {' or '.join(WRITERS)}"
        remedy = f"write {' or '.join(f'-o {path.with_suffix(ending)}' for ending in WRITERS)}"
        raise UsageError(Problem("wrong-ending", message, remedy, Place(f"-o {path}")))
    return found


def write_onnx(path: Path, file: Path, model: Model, data: str | None, written_as: Written) -> None:
    """Write a model as ONNX, once it was checked."""
    import hashlib

    from nnfit.cli import screen
    from nnfit.export.onnx import notes
    from nnfit.export.onnx import written as onnx
    from nnfit.export.onnx.check import check
    from nnfit.export.onnx.proto import level
    from nnfit.export.onnx.rows import drawn
    from nnfit.storage import files
    from nnfit.words import count, listed, plain, quoted

    with files.claimed([path]):
        found, graph = onnx(model, hashlib.sha256(file.read_bytes()).hexdigest())
        table = rows_of(model, data, written_as)
        result = check(model, found, drawn(model) if table is None else table)
        files.write((path, found))
    asked, out = level(graph), screen.out()
    outputs = listed([value.name for value in graph.outputs])
    out.print(
        plain(
            f"{count(len(graph.inputs), 'column')} in, {outputs} out; {len(found):,} bytes, opset {asked.opset}, "
            f"IR version {asked.ir}: onnxruntime from {asked.runtime} on"
        )
    )
    for note in notes(model, graph):
        screen.note(note)
    for name in result.padded:
        screen.note(f"column {quoted(name)}: cells have blanks around them; the input is what is between")
    of = (
        "drawn from the fitted ranges, as the training file is not there (--data FILE.csv checks on yours)"
        if table is None
        else f"of {table.file}"
    )
    ties = f", {count(result.ties, 'label')} at a tie aside" if result.ties else ""
    labels = f", labels are the same{ties}" if model.classes else ""
    out.print(
        plain(
            f"checked in {result.runtime} on {count(result.rows, 'row')} {of}, and {result.hostile:,} with missing, "
            f"unknown and extreme values: at most {result.difference:.1e} from nnfit predict{labels}"
        )
    )
    out.print(plain(f"model written to {path}"))


def rows_of(model: Model, data: str | None, written_as: Written) -> Table | None:
    """The rows to check a file on: those given, else of the training file; None if that does not lie where it was."""
    from nnfit.data.table import read_table
    from nnfit.model.learnt import training_files
    from nnfit.model.prediction import like_training

    files = data if data is not None else training_files(model)
    if files is None:
        return None
    dialect = model.dialect if data is None else written_as(model.dialect)
    with like_training(dialect):
        table = read_table(files, dialect, model.kinds, others=False)
        table.require(list(model.kinds), "columns")
    return table


def write_python(path: Path, file: Path, model: Model, data: str | None, _: Written) -> None:
    """Write a model as one file of plain Python."""
    from nnfit.cli import screen
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.export.python import to_python
    from nnfit.storage import files
    from nnfit.words import count, plain

    if data is not None:
        message = "a Python file is not run before it is written, so there is nothing to check on rows"
        raise UsageError(Problem("usage", message, "leave it out", Place(f"--data {data}")))
    with files.claimed([path]):
        text = to_python(model).encode()
        files.write((path, text))
    columns, weights = count(len(model.features), "column"), count(model.theta.size, "weight")
    out = screen.out()
    out.print(plain(f"{columns} and {weights} in {len(text):,} bytes, for Python from 3.9 on and nothing else"))
    out.print(plain(f"model written to {path}"))


WRITERS: dict[str, Writer] = {".onnx": write_onnx, ".py": write_python}
