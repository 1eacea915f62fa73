"""`nnfit plot`: one picture of the report, or of the notes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import Threads
from nnfit.cli.written import Decimal, Encoding, Separator, written
from nnfit.report.kinds import KINDS

if TYPE_CHECKING:
    from nnfit.data.dialect import Written
    from nnfit.model.model import Model
    from nnfit.report.kinds import Kind, Request

WIDTH = max(map(len, KINDS))
LIST = "\n".join(f"  {name:<{WIDTH}}  {kind.text}" for name, kind in KINDS.items())
NEEDING = ", ".join(name for name, kind in KINDS.items() if kind.data == "needed")
SIDES = (0.5, 50.0)  # inches of a picture


def plot(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="What it shows, from the list above.")],
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where it goes, ending .png, .svg or .pdf.", callback=named
        ),
    ],
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Model files; for activations, names of some.", show_default=False),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="A labelled table; - reads stdin. Default: rows the model tells of."),
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help='Columns of the picture; "a,b" in quotes is one name.')
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Width and height in inches, as in 6x4; default: as it fits.")
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    threads: Threads = None,
) -> None:
    """Draw one picture, and write it to a file."""
    from nnfit.cli import screen
    from nnfit.data.parts import files_of
    from nnfit.report import extra
    from nnfit.report.saving import FORMS
    from nnfit.storage import files

    row, inches, given = kind_of(kind), inches_of(size), models or []
    chosen = names_of(columns)
    refuse(kind, row, given, data, chosen)
    path = path_of(output)
    assert path is not None
    draw = FORMS[form_of(path, list(FORMS))]
    inputs = [*([] if row.models == "none" else given), *(files_of(data).paths if data else [])]
    files.check_outputs([path], inputs)
    extra.load_alone()
    with files.claimed([path]):
        request = request_of(kind, row, given, data, chosen, written(separator, decimal, encoding))
        figure = row.draw(request)
        if inches is not None:
            figure.set_size_inches(*inches)
        picture = draw(figure)
        screen.warn(*request.warnings)
        files.write((path, picture))


plot.__doc__ = f"""{plot.__doc__}

\b
KIND is one of
{LIST}

Without DATA, pictures of predictions are of rows that the model was not trained on, where it has a record of them;
{NEEDING} need DATA. The same model and data give the same bytes.
"""


def request_of(
    kind: str, row: Kind, given: list[str], data: str | None, columns: Sequence[str], written: Written
) -> Request:
    """The models and the rows; a UsageError where the picture is not one of such a target."""
    from nnfit.data.table import read_table
    from nnfit.model.loading import load
    from nnfit.model.prediction import like_training
    from nnfit.report.kinds import Request

    if row.models == "none":
        return Request(names=given)
    models = {path: load(path) for path in given}
    for path, model in models.items():
        refuse_target(kind, row, path, model)
    if data is None:
        return Request(models, columns=columns)
    (model,) = models.values()
    dialect = written(model.dialect)
    with like_training(dialect):
        table = read_table(data, dialect, model.labelled_kinds, others=False)
        table, dropped = model.labelled(table)
    return Request(models, table, columns, warnings=[*dropped])


# --- what is refused -----------------------------------------------------------------------------------------------


def kind_of(name: str) -> Kind:
    """The kind of a name; a UsageError if there is none."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import nearest, quoted

    if name not in KINDS:
        remedy = nearest(name, KINDS) or f"there are {', '.join(KINDS)}"
        raise UsageError(Problem("unknown-kind", f"there is no picture {quoted(name)}", remedy, Place("plot")))
    return KINDS[name]


def refuse(kind: str, row: Kind, given: list[str], data: str | None, columns: Sequence[str]) -> None:
    """A UsageError for models, data and columns that a picture does not take, or that it lacks."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import count

    if row.models != "none" and not given:
        message, remedy = "is of a model", f"nnfit plot {kind} MODEL"
    elif row.models == "one" and len(given) > 1:
        message, remedy = f"is of one model, not of {len(given)}", "draw each alone"
    elif len(set(given)) < len(given):
        message, remedy = "the same is given twice", "give it once"
    elif row.data == "needed" and data is None:
        message, remedy = "is of rows", "give --data"
    elif row.data == "none" and data is not None:
        message, remedy = "is of no rows", "leave --data out"
    elif len(columns) > row.columns:
        takes = count(row.columns, "column") if row.columns else "no columns"
        message, remedy = f"takes {takes}, not {len(columns)}", "" if row.columns else "leave --columns out"
    else:
        return
    raise UsageError(Problem("usage", message, remedy, Place(f"plot {kind}")))


def refuse_target(kind: str, row: Kind, path: str, model: Model) -> None:
    """A UsageError for a picture of classes where a model predicts numbers, and the other way round."""
    from nnfit.errors import Place, Problem, UsageError

    own = "classes" if model.classes else "real"
    if row.target not in ("any", own):
        words = {"classes": "classes", "real": "numbers"}
        others = ", ".join(name for name, each in KINDS.items() if each.target == own)
        message = f"{kind} is of {words[row.target]}, and this model predicts {words[own]}"
        raise UsageError(Problem("wrong-target", message, f"for these there is {others}", Place(path)))


def form_of(path: Path, forms: list[str]) -> str:
    """The form of picture that the ending of a file says; a UsageError for another ending."""
    from nnfit.errors import Place, Problem, UsageError

    ending = path.suffix.removeprefix(".").lower()
    if ending not in forms:
        message, remedy = "the ending says the form of the picture", f"write {', '.join(f'.{form}' for form in forms)}"
        raise UsageError(Problem("wrong-ending", message, remedy, Place(f"-o {path}")))
    return ending


def names_of(columns: str | None) -> list[str]:
    """The columns that are named, separated by commas; one with a comma in it stands in quotes, as in a CSV."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import short

    if columns is None:
        return []
    try:
        return next(csv.reader([columns], skipinitialspace=True, strict=True), [])
    except csv.Error:
        message = "names are separated by commas; one with a comma, a quote or a line break stands in double quotes"
        remedy = "double the quotes within it, as in a CSV file"
        raise UsageError(Problem("usage", message, remedy, Place(f"--columns {short(columns)}"))) from None


def inches_of(size: str | None) -> tuple[float, float] | None:
    """Width and height of a picture, as typed; a UsageError for what is none."""
    from nnfit.errors import Place, Problem, UsageError

    if size is None:
        return None
    try:
        width, height = (float(part) for part in size.lower().replace("×", "x").split("x"))
    except ValueError:
        width = height = float("nan")
    if not all(SIDES[0] <= side <= SIDES[1] for side in (width, height)):
        message = f"expected width and height in inches, each from {SIDES[0]:g} to {SIDES[1]:g}"
        raise UsageError(Problem("wrong-size", message, "as in 6x4", Place(f"--size {size}")))
    return width, height
