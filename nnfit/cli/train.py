"""`nnfit train`: from a spec to a model file."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from nnfit.cli.cache import CacheFolder
from nnfit.cli.outputs import named, path_of
from nnfit.cli.threads import Threads
from nnfit.words import plain
from nnfit.workers.blas import DEFAULT
from nnfit.workers.threads import MOST

if TYPE_CHECKING:
    from nnfit.config.loader import LoadedSpec
    from nnfit.config.spec import Checkpoint
    from nnfit.fit.train import Result, Trainer
    from nnfit.model.model import Model


class Outputs(NamedTuple):
    """Where everything goes; the model is the first."""

    model: Path
    json: Path | None
    history: Path | None
    depfile: Path | None
    log: Path | None
    report: Path | None
    checkpoint: Path


def train(
    spec: Annotated[
        Path, typer.Argument(metavar="SPEC", help="The YAML spec of data, network and training; - reads stdin.")
    ],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="MODEL", help="Where the model goes, ending .npz.", callback=named),
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override one key of the spec, as in training.epochs=50, or 'data.columns.\"a.b\".type=numeric'; "
            "repeatable.",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the checkpoint of a run that was stopped, if there is one.")
    ] = False,
    threads: Threads = None,
    blas_threads: Annotated[
        int,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST,
            help="Threads of a matrix product, for one large network; they change the last digits.",
        ),
    ] = DEFAULT,
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Write the metrics, and all that two runs may differ by.", callback=named
        ),
    ] = None,
    history: Annotated[
        str | None,
        typer.Option("--history", metavar="FILE", help="Write the costs of every epoch as CSV.", callback=named),
    ] = None,
    depfile: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Write a make rule: the model depends on the files read.", callback=named),
    ] = None,
    log_file: Annotated[
        str | None,
        typer.Option("--log", metavar="FILE", help="Write what is shown, line by line, even if quiet.", callback=named),
    ] = None,
    report: Annotated[
        str | None,
        typer.Option(
            "--report", metavar="FILE", help="Write an HTML page about the model, as nnfit report.", callback=named
        ),
    ] = None,
    mlflow: Annotated[
        str | None,
        typer.Option(
            "--mlflow",
            metavar="EXPERIMENT",
            help="Keep parameters, costs, metrics and files as a run of MLflow, where MLFLOW_TRACKING_URI says.",
        ),
    ] = None,
    cache_folder: CacheFolder = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read the tables anew, and keep no encoded rows for the next training.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print warnings and errors only.")] = False,
) -> None:
    """Train the network of SPEC on its data and save it.

    Prints the network, the epochs and the metrics on the training, validation and test rows, beside those of a
    trivial predictor and of the linear model at its optimum. The model goes to -o, else to the spec's output, else
    beside the spec with the ending .npz. Paths in a spec from standard input are relative to the current folder.
    The same spec, data, seed, versions and --blas-threads give the same bytes. Ctrl-C saves the state of the training
    in a checkpoint, beside the model if training.checkpoint says nothing else; --resume goes on from there.

    Started as mpirun -n N nnfit train SPEC, N processes share the rows of every batch, on one machine or several, each
    with one thread unless --threads says more; this needs the extra mpi. The weights differ in their last digits then.
    """
    from nnfit.cli import progress, ranks, results, screen, signals, tracking
    from nnfit.cli.ending import spared
    from nnfit.cli.log import logged
    from nnfit.cli.report import refuse_ending
    from nnfit.config.extends import inherited_outputs
    from nnfit.config.loader import load_spec
    from nnfit.config.source import STANDARD_INPUT
    from nnfit.fit import checkpoint
    from nnfit.fit.prepare import paths_of
    from nnfit.fit.train import begin
    from nnfit.report import extra
    from nnfit.storage import cache, files

    kept_in = path_of(cache_folder)
    if quiet:
        progress.hush()
    options = {"-o": output, "--json": json_file, "--history": history, "--depfile": depfile, "--log": log_file}
    options |= {"--report": report, "--mlflow": mlflow}
    with (
        ranks.joined(threads) as joined,
        cache.using(kept_in, not no_cache),
        logged(path_of(log_file) if joined.first else None) as log,
    ):
        if kept_in is not None:
            cache.check(kept_in)
        if joined.first:
            tracking.ready(mlflow)
            if report is not None:
                extra.load_alone()
                extra.require()
                refuse_ending(Path(report), "--report")
        joined.refuse_stream(spec)
        loaded = load_spec(spec, overrides or ())
        places = outputs_of(loaded, spec, options)
        specs = [*([] if loaded.document.file == STANDARD_INPUT else [str(spec)]), *loaded.document.parents]
        sources = [*specs, *(path for files in paths_of(loaded).values() for path in files.paths)]
        if joined.first:
            files.check_outputs(places, sources)
        refuse_name(loaded, places.model, output)
        refuse_checkpoint(places.checkpoint)
        with files.claimed(places if joined.first else ()), spared(loaded.spec) as known:
            saved = places.checkpoint if resume and places.checkpoint.exists() else None
            log.open(append=saved is not None)
            with joined.in_turn(loaded.spec.data.cache and not no_cache and cache.bound() > 0):
                trainer = begin(loaded, blas_threads=blas_threads, resume=saved, ranks=joined.count)
            known.append(trainer.prepared)
            run, total = trainer.run, loaded.spec.training.epochs
            inherited = (p for p in inherited_outputs(loaded.document) if p.place.key != "output" or output is None)
            screen.warn(*trainer.warnings, *trainer.check_size(), *inherited)
            console = screen.out(quiet)
            screen.show_network(console, trainer.prepared.network, loaded.spec.network.members)
            if resume:
                on = f"going on after epoch {run.state.epochs} from {saved}"
                screen.note(on if saved else f"there is no checkpoint {places.checkpoint}; starting at the beginning")
            keeper = Keeper(loaded.spec.training.checkpoint)
            caching = [*([] if cache_folder is None else ["--cache", cache_folder]), *["--no-cache"] * no_cache]
            again = command(spec, overrides, options, blas_threads, [*caching, *["--quiet"] * quiet], joined.count)
            start = time.perf_counter()
            tracked = tracking.tracked(mlflow if joined.first else None, trainer, places.model, spec)
            with tracked as tracker, kept(trainer, places, again) if joined.first else nullcontext():
                with signals.collected() as asked:
                    stop, division = joined.begin(trainer, asked)
                    for epoch in progress.watch(trainer.epochs(stop, division), total, quiet):
                        joined.end_epoch(trainer)
                        tracker.epoch(epoch)
                        if joined.first and keeper.due(epoch.number):
                            keep(trainer, places)
                    seconds = time.perf_counter() - start
                    if stop:
                        joined.stopping()
                        if joined.first:
                            keep(trainer, places)
                        done = f"{run.state.epochs} of {total} epochs are done; go on with {again}"
                        raise signals.Stopped(stop[0], done)
                    if not joined.first:
                        joined.end()
                        return
                with joined.apart():
                    result = trainer.result()
                model, epochs = result.model, len(run.history)
                written = [(places.model, bytes_of(model))]
                if places.json is not None:
                    told = results.report(model, places.model, epochs, seconds, overrides or (), result.warnings)
                    written.append((places.json, told))
                if places.report is not None:
                    written.append((places.report, page_of(trainer, result, places.model, seconds)))
                if places.history is not None:
                    written.append((places.history, results.costs(run.history).encode()))
                if places.depfile is not None:
                    sources = [*specs, *(path for files in trainer.prepared.sources.values() for path in files.paths)]
                    written.append((places.depfile, results.rule(places.model, sources)))
                files.write(*written)
                tracker.finish(model, partial(artifacts, written, places, model, specs))
            if checkpoint.is_one(places.checkpoint):
                files.remove(places.checkpoint)
            screen.warn(*result.warnings[len(trainer.warnings) :])
            screen.show_training(console, model)
            console.print(plain(f"{epochs} epochs in {seconds:.2f} s; model written to {places.model}"))
            tracker.complain()
            joined.end()


def outputs_of(loaded: LoadedSpec, spec: Path, options: Mapping[str, str | None]) -> Outputs:
    """Where everything goes, as the options and the spec say."""
    model = model_path(loaded, spec, path_of(options["-o"]))
    names = ("--json", "--history", "--depfile", "--log", "--report")
    json, history, depfile, log, report = (path_of(options[name]) for name in names)
    return Outputs(model, json, history, depfile, log, report, checkpoint_path(loaded, spec, model))


def model_path(loaded: LoadedSpec, spec: Path, option: Path | None) -> Path:
    """Where the model goes: the option, else the spec's `output`, else beside the spec with the ending .npz."""
    from nnfit.config.source import STANDARD_INPUT
    from nnfit.errors import OutputError, Place, Problem, UsageError
    from nnfit.storage.paths import direct, is_of_folder

    output = loaded.spec.output
    if option is not None:
        return option
    if output is None and loaded.document.file == STANDARD_INPUT:
        message, remedy = "the model has no name without a spec file", "give -o MODEL, or set output in the spec"
        raise UsageError(Problem("usage", message, remedy, Place(STANDARD_INPUT)))
    if output is None:
        return direct(spec.with_suffix(".npz"))
    if is_of_folder(output):
        place, message = loaded.document.place(("output",)), f"{output} cannot be written: is a folder"
        raise OutputError(Problem("cannot-write", message, "name a file", place))
    return direct(loaded.folder / output)


def refuse_name(loaded: LoadedSpec, model: Path, option: str | None) -> None:
    """A UsageError, or a SpecError, for a model whose name does not end in .npz; a device or a pipe may have any."""
    from nnfit.errors import Place, Problem, SpecError, UsageError
    from nnfit.storage.paths import kind

    if model.name.endswith(".npz") or kind(model) not in ("file", "nothing"):
        return
    message = "a model is a NumPy .npz file, and only that ending says so to whoever finds it"
    name = Path(option or str(loaded.spec.output)).with_suffix(".npz")
    if option is not None:
        raise UsageError(Problem("not-npz", message, f"write -o {name}", Place(f"-o {option}")))
    raise SpecError(loaded.document.problem(("output",), "not-npz", message, f"write {name}"))


def checkpoint_path(loaded: LoadedSpec, spec: Path, model: Path) -> Path:
    """Where the checkpoint goes: as the spec says, else beside the model with the ending .checkpoint.npz.

    Beside the spec if the model goes into a device, a pipe or a stream.
    """
    from nnfit.errors import OutputError, Problem
    from nnfit.storage.paths import direct, is_of_folder, what

    keys = loaded.spec.training.checkpoint
    if keys is not None and keys.path is not None:
        if is_of_folder(keys.path):
            place = loaded.document.place(("training", "checkpoint", "path"))
            message = f"{keys.path} cannot be written: is a folder"
            raise OutputError(Problem("cannot-write", message, "name a file", place))
        return direct(loaded.folder / keys.path)
    beside = model if what(model) in ("file", "nothing") else direct(spec.with_suffix(".npz"))
    return beside.with_name(beside.name.removesuffix(".npz") + ".checkpoint.npz")


def refuse_checkpoint(path: Path) -> None:
    """An OutputError where a checkpoint could not be read again."""
    from nnfit.errors import OutputError, Place, Problem
    from nnfit.storage.paths import kind

    found = kind(path)
    if found not in ("file", "nothing"):
        message = f"a checkpoint is read again, and this is a {found}"
        raise OutputError(Problem("cannot-write", message, "name a file", Place(str(path))))


def keep(trainer: Trainer, places: Outputs) -> None:
    """Write the checkpoint."""
    from nnfit.fit import checkpoint
    from nnfit.storage import files

    files.write((places.checkpoint, checkpoint.to_bytes(trainer.run, trainer.blas_threads, trainer.ranks)))


@contextmanager
def kept(trainer: Trainer, places: Outputs, again: str) -> Iterator[None]:
    """Whatever ends the block once all epochs are over: the network as it is trained is saved if the model is not."""
    from nnfit.cli import screen, signals
    from nnfit.errors import OutputError, Problem
    from nnfit.storage import files

    try:
        yield
    except BaseException as error:
        if trainer.run.ended and places.model not in files.placed:
            with suppress(OutputError):
                keep(trainer, places)
                message, remedy = f"the trained network is kept in {places.checkpoint}", f"go on with {again}"
                if isinstance(error, signals.Stopped):
                    error.advice = f"{message}; {remedy}"
                else:
                    screen.warn(Problem("kept", message, remedy))
        raise


def bytes_of(model: Model) -> bytes:
    """The model file; where the record of the training has no room in it, one with less of it, and a warning."""
    from nnfit.cli import screen
    from nnfit.errors import OutputError, Problem

    for left_out in (
        (),
        ("history",),
        ("history", "aggregates", "metrics", "trivial", "linear", "prior", "input_mean"),
    ):
        try:
            data = replace(model, record={k: v for k, v in model.record.items() if k not in left_out}).to_bytes()
        except OutputError as found:
            error = found
            continue
        if left_out:
            message = f"the model file has no room for the record of the training: without {', '.join(left_out)}"
            screen.warn(Problem("record-cut", message, "--history and --json write them to files of their own"))
        return data
    raise error


def page_of(trainer: Trainer, result: Result, path: Path, seconds: float) -> bytes:
    """The report of a training that has just ended."""
    from nnfit.report.make import of_training

    return of_training(result.model, trainer.run, str(path), result.warnings, seconds)


def artifacts(
    written: Sequence[tuple[Path, bytes]], places: Outputs, model: Model, specs: Sequence[str]
) -> dict[str, bytes]:
    """What of a training goes to its tracker: the model, the page, the spec as it was written and as it is resolved."""
    from nnfit.cli.outputs import json_of
    from nnfit.config.build import dump

    found = {path.name: data for path, data in written if path in (places.model, places.report)}
    found |= {f"spec/{Path(path).name}": Path(path).read_bytes() for path in specs if Path(path).is_file()}
    return found | {"spec/resolved.json": json_of(dump(model.spec)).encode("utf-8", "backslashreplace")}


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
    options: Mapping[str, str | None],
    blas_threads: int,
    more: Sequence[str],
    count: int = 1,
) -> str:
    """The command by which so many processes go on: as it was called, but for what changes no byte."""
    words = [*(["mpirun", "-n", str(count)] if count > 1 else []), "nnfit", "train", str(spec)]
    for option, value in {**options, "--blas-threads": None if blas_threads == DEFAULT else str(blas_threads)}.items():
        words += [] if value is None else [option, value]
    for override in overrides or []:
        words += ["--set", override]
    return shlex.join([*words, *more, "--resume"])
