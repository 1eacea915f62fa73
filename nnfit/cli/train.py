"""`nnfit train`: from a spec to a model file."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnfit.cli.outputs import named
from nnfit.cli.threads import DEFAULT, set_threads

if TYPE_CHECKING:
    from nnfit.fit.run import Progress


def train(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec of data, network and training.")],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="MODEL", help="Where the model goes, ending .npz.", callback=named),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override one key of the spec, as in training.epochs=50, or 'data.columns.\"a.b\".type=numeric'.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint of a run that was stopped, if there is one.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads for matrix products.")] = DEFAULT,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write the metrics as JSON as well.", callback=named)
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="FILE", help="Write the costs of every epoch as CSV.", callback=named),
    ] = None,
    depfile: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write a make rule: the model depends on the files read.", callback=named),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
) -> None:
    """Train the network of SPEC on its data and save it.

    Prints the network, the epochs and the metrics on the training, validation and test rows, beside those of a
    trivial predictor and of the same network without hidden layers. The model goes to -o, else to the spec's output,
    else beside the spec with the ending .npz.
    The same spec, data, seed, versions and threads give the same bytes. Ctrl-C saves the state of the training in a
    checkpoint, beside the model if training.checkpoint says nothing else; --resume goes on from there.
    """
    set_threads(threads)
    from nnfit.cli import screen, signals
    from nnfit.config.loader import load_spec
    from nnfit.diagnostics.health import stuck, unbalanced
    from nnfit.errors import plain, short
    from nnfit.fit import baseline, checkpoint
    from nnfit.fit import run as pipeline
    from nnfit.fit.prepare import prepare
    from nnfit.storage import files

    loaded = load_spec(spec, overrides)
    path = pipeline.output_path(loaded, spec, output)
    saved = pipeline.checkpoint_path(loaded, path)
    outputs = (path, json_file, history, depfile, saved)
    files.check_outputs(outputs, [spec])
    prepared = prepare(loaded)
    files.check_outputs(outputs, [spec, *prepared.sources])
    screen.warn(prepared.warnings)
    console = screen.out()
    members = loaded.spec.network.members
    if not quiet:
        screen.show_network(console, prepared.network, members)

    run = pipeline.start(prepared)
    screen.warn(pipeline.placed(loaded, unbalanced(pipeline.examine(prepared, run.state.theta))))
    if resume and saved.exists():
        run, changed = checkpoint.read(saved, prepared, threads)
        for difference in changed:
            screen.note(f"warning: {difference}; the model may differ in its last digits")
        screen.note(f"going on after epoch {run.state.epochs} from {saved}")
    elif resume:
        screen.note(f"there is no checkpoint {saved}; starting at the beginning")
    total = loaded.spec.training.epochs
    keeper = Keeper(loaded.spec.training.checkpoint)
    start = time.perf_counter()
    with signals.collected() as stop:
        for epoch in screen.watch(pipeline.epochs(run, stop), total, quiet):
            if keeper.due(epoch.number):
                files.write((saved, checkpoint.to_bytes(run, threads)))
        seconds = time.perf_counter() - start
        model = None if stop else pipeline.finish(run, threads, stop)
        if model is None or stop:
            files.write((saved, checkpoint.to_bytes(run, threads)))
            other = None if threads == DEFAULT else threads
            options = {
                "-o": output,
                "--json": json_file,
                "--history": history,
                "--depfile": depfile,
                "--threads": other,
            }
            again = command(spec, overrides, options, quiet)
            raise signals.Stopped(stop[0], f"{run.state.epochs} of {total} epochs are done; go on with {again}")

    written = [(path, model.to_bytes())]
    if json_file is not None:
        report = {
            "model": str(path),
            "rows": sum(model.record["rows"].values()),
            "epochs": len(run.history),
            "seconds": seconds,
            "metrics": model.record["metrics"],
            "trivial": model.record["trivial"],
            "linear": model.record["linear"],
        }
        written.append((json_file, (json.dumps(report, ensure_ascii=False, indent=2) + "\n").encode()))
    if history is not None:
        written.append((history, costs(run.history).encode()))
    if depfile is not None:
        written.append((depfile, rule(path, [str(spec), *prepared.sources]).encode()))
    files.write(*written)
    if saved.exists() and checkpoint.is_one(saved):
        files.remove(saved)
    screen.warn(pipeline.placed(loaded, stuck(pipeline.examine(prepared, model.theta), trained=True)))
    for doubt in baseline.doubts(model):
        screen.note(f"warning: {doubt}")
    if not quiet:
        record = model.record
        regression = model.target.task == "regression"
        screen.show_metrics(
            console, record["metrics"], record["trivial"], record["rows"], regression, linear=record["linear"]
        )
        if model.target.threshold != 0.5:
            second = short(model.target.classes[1])
            console.print(plain(f"{second} is predicted from the probability {model.target.threshold:.4g} on"))
        last = list(record["metrics"])[-1]
        screen.show_confusion(console, last, record["metrics"][last])
        console.print(plain(f"{len(run.history)} epochs in {seconds:.2f} s; model written to {path}"))


def costs(history: Sequence[Progress]) -> str:
    """The epochs as CSV: cost and validation cost, the mean over the members, and of several members each cost."""
    members = len(history[0].cost) if history else 1
    each = range(members if members > 1 else 0)
    lines = [["epoch", "cost", "validation", *(f"cost_{k + 1}" for k in each)]]
    for epoch in history:
        validation = "" if epoch.validation is None else repr(float(epoch.validation.mean()))
        own = [repr(float(epoch.cost[k])) for k in each]
        lines.append([str(epoch.number), repr(float(epoch.cost.mean())), validation, *own])
    return "".join(",".join(line) + "\n" for line in lines)


class Keeper:
    """When a checkpoint is due: every so many epochs, or seconds."""

    def __init__(self, keys: Any) -> None:
        every = None if keys is None else keys.every
        self.seconds = float(every.removesuffix("s")) if isinstance(every, str) else None
        self.epochs = every if isinstance(every, int) else None
        self.last = time.monotonic()

    def due(self, epoch: int) -> bool:
        if self.seconds is not None and time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            return True
        return self.epochs is not None and epoch % self.epochs == 0


def command(spec: Path, overrides: list[str] | None, options: dict[str, Any], quiet: bool) -> str:
    """The command that goes on with a training: as it was called, since other threads would give other bytes."""
    words = ["nnfit", "train", str(spec)]
    for option, value in options.items():
        words += [] if value is None else [option, str(value)]
    for override in overrides or []:
        words += ["--set", override]
    return shlex.join([*words, *["--quiet"] * quiet, "--resume"])


def rule(model: Path, sources: list[str]) -> str:
    """A make rule: the model depends on what was read; a source that vanishes later does not stop make."""
    names = [os.path.normpath(source) for source in sources]
    target, *sources = [
        name.replace("$", "$$").replace("#", "\\#").replace(" ", "\\ ") for name in (str(model), *names)
    ]
    # In a target, % would make a pattern.
    phony = "".join(f"\n{name.replace('%', chr(92) + '%')}:\n" for name in sources)
    return f"{target.replace('%', chr(92) + '%')}: {' '.join(sources)}\n{phony}"
