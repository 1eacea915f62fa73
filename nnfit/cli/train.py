"""`nnfit train`: from a spec to a model file."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated

import typer

from nnfit.cli.threads import DEFAULT, set_threads


def train(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec of data, network and training.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="MODEL", help="Where the model goes, ending .npz.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Override one key of the spec, as in training.epochs=50."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads for matrix products.")] = DEFAULT,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the metrics as JSON as well.")
    ] = None,
    depfile: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a make rule: the model depends on the files read.")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
) -> None:
    """Train the network of SPEC on its data and save it.

    Prints the network, the epochs and the metrics on the training, validation and test rows, beside those of a
    trivial predictor. The model goes to -o, else to the spec's output, else beside the spec with the ending .npz.
    The same spec, data, seed, versions and threads give the same bytes.
    """
    set_threads(threads)
    from nnfit import files, pipeline
    from nnfit.cli import screen
    from nnfit.errors import plain
    from nnfit.preparation import prepare
    from nnfit.spec.loader import load_spec

    loaded = load_spec(spec, overrides)
    path = pipeline.output_path(loaded, spec, output)
    files.check_outputs((path, json_file, depfile), [spec])
    prepared = prepare(loaded)
    files.check_outputs((path, json_file, depfile), [spec, *prepared.sources])
    screen.warn(prepared.warnings)
    console = screen.out()
    members = loaded.spec.network.members
    if not quiet:
        screen.show_network(console, prepared.network, members)

    theta = pipeline.initial(prepared)
    start = time.perf_counter()
    epochs = pipeline.epochs(prepared, theta)
    history = list(screen.watch(epochs, loaded.spec.training.epochs, quiet))
    seconds = time.perf_counter() - start
    model = pipeline.finish(prepared, theta, history, threads)

    outputs = [(path, model.to_bytes())]
    if json_file is not None:
        report = {
            "model": str(path),
            "rows": sum(model.record["rows"].values()),
            "epochs": len(history),
            "seconds": seconds,
            "metrics": model.record["metrics"],
            "trivial": model.record["trivial"],
        }
        outputs.append((json_file, (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode()))
    if depfile is not None:
        outputs.append((depfile, rule(path, [str(spec), *prepared.sources]).encode()))
    files.write(*outputs)
    if not quiet:
        record = model.record
        regression = model.target.task == "regression"
        screen.show_metrics(console, record["metrics"], record["trivial"], record["rows"], regression)
        last = list(record["metrics"])[-1]
        screen.show_confusion(console, last, record["metrics"][last])
        console.print(plain(f"{len(history)} epochs in {seconds:.2f} s; model written to {path}"))


def rule(model: Path, sources: list[str]) -> str:
    """A make rule: the model depends on what was read; a source that vanishes later does not stop make."""
    names = [os.path.normpath(source) for source in sources]
    target, *sources = [
        name.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ") for name in (str(model), *names)
    ]
    # In a target, % would make a pattern.
    phony = "".join(f"\n{name.replace('%', chr(92) + '%')}:\n" for name in sources)
    return f"{target.replace('%', chr(92) + '%')}: {' '.join(sources)}\n{phony}"
