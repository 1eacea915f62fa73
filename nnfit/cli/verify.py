"""`nnfit verify`: train again, and say whether the same bytes come out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.threads import DEFAULT, set_threads

MOST_THREADS = 1024


def verify(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model file.")],
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="SPEC", help="Train from this spec, in place of the one in the model."),
    ] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; without it, as the model was trained.")] = None,
) -> None:
    """Train again from the spec in MODEL, and say whether the model comes out byte for byte.

    Without --spec, the paths of the data are looked for from the current folder. If the bytes differ, the command says
    what does: spec, data, versions, threads or seed; it exits with 5 then.
    """
    set_threads(threads or DEFAULT)
    import nnfit
    from nnfit import checkpoint, metadata_text, pipeline
    from nnfit.cli import screen
    from nnfit.errors import ModelFileError, Problem
    from nnfit.preparation import prepare
    from nnfit.spec.loader import load_spec, stored_spec

    stored = nnfit.load(model)
    record = stored.record
    then = int(record["threads"])
    if threads is None and then != DEFAULT and then <= MOST_THREADS:
        # NumPy asks for the number of threads only once, when it is loaded.
        arguments = [str(model), "--threads", str(then), *(["--spec", str(spec)] if spec else [])]
        os.execv(sys.executable, [sys.executable, "-m", "nnfit", "verify", *arguments])
    loaded = load_spec(spec) if spec else stored_spec(stored.spec, str(model))
    prepared = prepare(loaded)
    again = pipeline.train(prepared, threads or DEFAULT)

    if again.to_bytes() == model.read_bytes():
        screen.out().print(f"{model}: trained again, the same {model.stat().st_size:,} bytes came out")
        return
    keys = ("versions", "threads", "seed", "data_sha256")
    old, new = ({"spec": m.spec, **{key: m.record[key] for key in keys}} for m in (stored, again))
    found = list(checkpoint.differences(metadata_text.plain(old), metadata_text.plain(new)))
    found = found or ["neither spec, data, versions, threads nor seed differ: the machine or its libraries must"]
    raise ModelFileError(*(Problem(f"other bytes came out: {difference}", str(model)) for difference in found))
