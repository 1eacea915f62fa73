"""`nnfit plot`: one picture of the report, or of the notes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import set_threads
from nnfit.report.kinds import KINDS

if TYPE_CHECKING:
    from nnfit.report.kinds import Kind

WIDTH = max(map(len, KINDS))
LIST = "\n".join(f"  {name:<{WIDTH}}  {kind.text}" for name, kind in KINDS.items())
INCHES = (0.5, 50.0)  # sides of a picture


def plot(
    kind: Annotated[str, typer.Argument(metavar="KIND", help=f"One of {', '.join(KINDS)}.")],
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MODEL]...", help="Model files; of activations, the names of some."),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where it goes, ending .png, .svg or .pdf.", callback=named
        ),
    ] = ...,  # type: ignore[assignment]
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Width and height in inches, as in 6x4; default: as it fits.")
    ] = None,
) -> None:
    """Draw one picture, and write it to a file."""
    set_threads()
    from nnfit.report import extra
    from nnfit.report.kinds import Request
    from nnfit.report.saving import FORMS
    from nnfit.storage import files

    chosen, inches = kind_of(kind), inches_of(size)
    path = path_of(output)
    assert path is not None
    form = form_of(path, list(FORMS))
    given = models or []
    inputs = [] if chosen.models == "none" else given
    files.check_outputs([path], inputs)
    extra.load_alone()
    with files.claimed([path]):
        figure = chosen.draw(Request({}, names=tuple(given)))
        if inches is not None:
            figure.set_size_inches(*inches)
        files.write((path, FORMS[form](figure)))


plot.__doc__ = f"{plot.__doc__}\n\n\b\nKIND is one of\n{LIST}"


def kind_of(name: str) -> Kind:
    """The kind of a name; a UsageError that lists all if there is none."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import nearest, quoted

    if name not in KINDS:
        remedy = nearest(name, KINDS) or f"there are {', '.join(KINDS)}"
        raise UsageError(Problem("unknown-kind", f"there is no picture {quoted(name)}", remedy, Place("plot")))
    return KINDS[name]


def form_of(path: Path, forms: list[str]) -> str:
    """The form of picture that the ending of a file says; a UsageError for another ending."""
    from nnfit.errors import Place, Problem, UsageError

    ending = path.suffix.removeprefix(".").lower()
    if ending not in forms:
        message, remedy = "the ending says the form of the picture", f"write {', '.join(f'.{form}' for form in forms)}"
        raise UsageError(Problem("wrong-ending", message, remedy, Place(f"-o {path}")))
    return ending


def inches_of(size: str | None) -> tuple[float, float] | None:
    """Width and height of a picture, as typed; a UsageError for what is none."""
    from nnfit.errors import Place, Problem, UsageError

    if size is None:
        return None
    try:
        width, height = (float(part) for part in size.lower().replace("×", "x").split("x"))
    except ValueError:
        width = height = float("nan")
    if not all(INCHES[0] <= side <= INCHES[1] for side in (width, height)):
        message = f"expected width and height in inches, each from {INCHES[0]:g} to {INCHES[1]:g}"
        raise UsageError(Problem("wrong-size", message, "as in 6x4", Place(f"--size {size}")))
    return width, height
