"""`nnfit train`: from a spec to a model file."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nnfit.cli.outputs import json_of, named
from nnfit.cli.threads import DEFAULT, set_threads
from nnfit.words import plain

if TYPE_CHECKING:
    from nnfit.config.loader import LoadedSpec
    from nnfit.config.spec import Checkpoint
    from nnfit.fit.run import Progress
    from nnfit.model.model import Model


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
    from nnfit.config.extends import inherited_outputs
    from nnfit.config.loader import load_spec
    from nnfit.fit import checkpoint
    from nnfit.fit.train import begin
    from nnfit.storage import files

    loaded = load_spec(spec, overrides or ())
    path = model_path(loaded, spec, output)
    saved = checkpoint_path(loaded, path)
    outputs = (path, json_file, history, depfile, saved)
    specs = [str(spec), *loaded.document.parents]
    files.check_outputs(outputs, specs)
    trainer = begin(loaded, threads=threads, resume=saved if resume and saved.exists() else None)
    run, sources = trainer.run, trainer.prepared.sources
    files.check_outputs(outputs, [*specs, *sources])
    screen.warn(*trainer.warnings)
    screen.warn(*(found for found in inherited_outputs(loaded.document) if found.place.key != "output" or not output))
    console = screen.out()
    if not quiet:
        screen.show_network(console, trainer.prepared.network, loaded.spec.network.members)
    if resume:
        on = f"going on after epoch {run.state.epochs} from {saved}"
        screen.note(on if saved.exists() else f"there is no checkpoint {saved}; starting at the beginning")
    total = loaded.spec.training.epochs
    keeper = Keeper(loaded.spec.training.checkpoint)
    start = time.perf_counter()
    with signals.collected() as stop:
        for epoch in screen.watch(trainer.epochs(stop), total, quiet):
            if keeper.due(epoch.number):
                files.write((saved, checkpoint.to_bytes(run, threads)))
        seconds = time.perf_counter() - start
        result = None if stop else trainer.result(stop)
        if result is None or stop:
            files.write((saved, checkpoint.to_bytes(run, threads)))
            again = command(spec, overrides, output, json_file, history, depfile, threads, quiet)
            raise signals.Stopped(stop[0], f"{run.state.epochs} of {total} epochs are done; go on with {again}")

    model = result.model
    written = [(path, model.to_bytes())]
    if json_file is not None:
        written.append((json_file, report(model, path, len(run.history), seconds)))
    if history is not None:
        written.append((history, costs(run.history).encode()))
    if depfile is not None:
        written.append((depfile, rule(path, [*specs, *sources]).encode()))
    files.write(*written)
    if saved.exists() and checkpoint.is_one(saved):
        files.remove(saved)
    screen.warn(*result.warnings[len(trainer.warnings) :])
    if not quiet:
        screen.show_training(console, model)
        console.print(plain(f"{len(run.history)} epochs in {seconds:.2f} s; model written to {path}"))


def model_path(loaded: LoadedSpec, spec: Path, option: Path | None) -> Path:
    """Where the model goes: the option, else the spec's `output`, else beside the spec with the ending .npz."""
    if option is not None:
        return option
    return loaded.folder / loaded.spec.output if loaded.spec.output else spec.with_suffix(".npz")


def checkpoint_path(loaded: LoadedSpec, model: Path) -> Path:
    """Where the checkpoint goes: as the spec says, else beside the model with the ending .checkpoint.npz."""
    keys = loaded.spec.training.checkpoint
    if keys is not None and keys.path is not None:
        return loaded.folder / keys.path
    return model.with_name(model.name.removesuffix(".npz") + ".checkpoint.npz")


def report(model: Model, path: Path, epochs: int, seconds: float) -> bytes:
    """What --json writes."""
    record = model.record
    values = {
        "model": str(path),
        "rows": sum(record["rows"].values()),
        "epochs": epochs,
        "seconds": seconds,
        **{key: record[key] for key in ("metrics", "trivial", "linear")},
    }
    return (json_of(values) + "\n").encode()


def costs(history: Sequence[Progress]) -> str:
    """The epochs as CSV: cost and validation cost, the mean over the members, and of several members each cost."""
    from nnfit.fit.train import history_of

    columns = dict(history_of(history))
    front = {name: columns.pop(name, [None] * len(history)) for name in ("epoch", "cost", "validation")}
    lines = [[*front, *columns], *zip(*front.values(), *columns.values(), strict=True)]
    return "".join(",".join("" if cell is None else str(cell) for cell in line) + "\n" for line in lines)


class Keeper:
    """When a checkpoint is due: every so many epochs, or seconds."""

    def __init__(self, keys: Checkpoint | None) -> None:
        every = None if keys is None else keys.every
        self.seconds = float(every.removesuffix("s")) if isinstance(every, str) else None
        self.epochs = every if isinstance(every, int) else None
        self.last = time.monotonic()

    def due(self, epoch: int) -> bool:
        """Whether one is due after this epoch."""
        if self.seconds is not None and time.monotonic() - self.last >= self.seconds:
            self.last = time.monotonic()
            return True
        return self.epochs is not None and epoch % self.epochs == 0


def command(
    spec: Path,
    overrides: list[str] | None,
    output: Path | None,
    json_file: Path | None,
    history: Path | None,
    depfile: Path | None,
    threads: int,
    quiet: bool,
) -> str:
    """The command that goes on with a training: as it was called, since other threads would give other bytes."""
    words = ["nnfit", "train", str(spec)]
    for option, value in (
        ("-o", output),
        ("--json", json_file),
        ("--history", history),
        ("--depfile", depfile),
        ("--threads", None if threads == DEFAULT else threads),
    ):
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
