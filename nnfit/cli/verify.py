"""`nnfit verify`: train again, and say whether the same bytes come out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnfit.cli.threads import DEFAULT, set_threads

if TYPE_CHECKING:
    from nnfit.errors import Problem

MOST_THREADS = 1024  # a file that asks for more does not get them
LISTED = 5  # differences, of which another spec may have hundreds
HINT = "; the paths in a model are looked for from the current folder: go to the folder of its spec, or give --spec"


def verify(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model file.")],
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="SPEC", help="Train from this spec, in place of the one in the model."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; without it, as the model was trained.")] = None,
) -> None:
    """Train again from the spec in MODEL, and say whether the model comes out byte for byte.

    Without --spec, the data are looked for from the current folder, under the paths in the model. If the bytes differ,
    the command says what does: spec, data, versions, threads or seed; it exits with 5 then.
    """
    set_threads(threads or DEFAULT)
    import nnfit
    from nnfit.cli import screen
    from nnfit.config.loader import load_spec, stored_spec
    from nnfit.errors import DataError, ModelFileError, Problem, plain
    from nnfit.fit import checkpoint
    from nnfit.fit import run as pipeline
    from nnfit.fit.prepare import prepare
    from nnfit.storage import json_text

    stored = nnfit.load(model)
    then = int(stored.record["threads"])
    if threads is None and then != DEFAULT and then <= MOST_THREADS:
        # NumPy asks for the number of threads only once, when it is loaded.
        words = sys.orig_argv
        at = words.index("verify") + 1
        os.execv(sys.executable, [sys.executable, *words[1:at], "--threads", str(then), *words[at:]])
    loaded = load_spec(spec) if spec else stored_spec(stored.spec, str(model))
    try:
        prepared = prepare(loaded)
    except DataError as error:
        if spec:
            raise
        raise DataError(*(p._replace(message=p.message + HINT * missing(p)) for p in error.problems)) from None
    run = pipeline.start(prepared)
    for _ in screen.watch(pipeline.epochs(run), loaded.spec.training.epochs, quiet=not sys.stderr.isatty()):
        pass
    again = pipeline.finish(run, threads or DEFAULT)

    if again.to_bytes() == model.read_bytes():
        size = model.stat().st_size
        screen.out().print(plain(f"{model}: trained again, the same {size:,} bytes came out"))
        return
    keys = ("versions", "threads", "seed", "data_sha256")
    old, new = ({"spec": m.spec, **{key: m.record[key] for key in keys}} for m in (stored, again))
    found = list(checkpoint.differences(json_text.plain(old), json_text.plain(new)))
    if not found:
        found = ["neither spec, data, versions, threads nor seed differ: the machine or its libraries must"]
    elif len(found) > LISTED:
        found[LISTED:] = [f"and {len(found) - LISTED:,} more differ"]
    raise ModelFileError(*(Problem(f"other bytes came out: {difference}", str(model)) for difference in found))


def missing(problem: Problem) -> bool:
    """Whether a file could not be read."""
    return problem.message.startswith("cannot be read")
