"""`nnfit verify`: train again, and say whether the same bytes come out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnfit.cli.threads import Threads
from nnfit.words import count, listed, plain
from nnfit.workers.blas import DEFAULT
from nnfit.workers.threads import MOST

if TYPE_CHECKING:
    from nnfit.cli.ranks import Alone
    from nnfit.errors import Problem
    from nnfit.fit.train import Trainer
    from nnfit.model.model import Model

LISTED = 5  # differences, of which another spec may have hundreds
REMEDY = "the paths in a model are looked for from the current folder: go to the folder of its spec, or give --spec"


def verify(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="The model file.")],
    spec: Annotated[
        Path | None,
        typer.Option("--spec", metavar="SPEC", help="Train from this spec, in place of the one in the model."),
    ] = None,
    threads: Threads = None,
    blas_threads: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST,
            help="Threads of a matrix product; without it, as many as the model was trained with.",
        ),
    ] = None,
) -> None:
    """Train again from the spec in MODEL, and say whether the model comes out byte for byte.

    Without --spec, the data are looked for from the current folder, under the paths in the model. If the bytes differ,
    the command says what does: spec, data, versions, BLAS threads or seed; it exits with 5 then. A model of several
    ranks is trained again by as many: mpirun -n N nnfit verify MODEL.
    """
    import nnfit
    from nnfit.cli import ranks
    from nnfit.errors import NnfitError

    stored: Model | NnfitError
    try:
        stored = nnfit.load(model)
    except NnfitError as error:
        stored = error  # told where all ranks have met
    else:
        if blas_threads is None:
            begin_anew(stored)
    with ranks.joined(threads) as joined:
        if isinstance(stored, NnfitError):
            raise stored
        refuse_other_ranks(stored, model, joined.count)
        trainer = trained_again(joined, stored, model, spec, blas_threads or DEFAULT)
        if joined.first:
            with joined.apart():
                compare(model, stored, trainer.result().model)
        joined.end()


def begin_anew(stored: Model) -> None:
    """Start the command again with the threads of matrix products that a model says, if they are not the usual ones.

    NumPy asks for their number only once, when it is loaded.
    """
    from nnfit.model.metadata import blas_threads_of

    then = blas_threads_of(stored.record) or DEFAULT
    if DEFAULT != then <= MOST:  # a file that asks for more does not get them
        words = sys.orig_argv
        at = words.index("verify") + 1
        os.execv(sys.executable, [sys.executable, *words[1:at], "--blas-threads", str(then), *words[at:]])


def trained_again(joined: Alone, stored: Model, path: Path, spec: Path | None, blas_threads: int) -> Trainer:
    """The training of a model, or of a spec in place of the one in it, at its end."""
    from nnfit.cli import progress, signals
    from nnfit.cli.ending import spared
    from nnfit.config.build import dump
    from nnfit.config.document import Document
    from nnfit.config.loader import LoadedSpec, load_spec
    from nnfit.config.spec import FRAME
    from nnfit.errors import DataError, ModelFileError, Place, Problem
    from nnfit.fit.train import begin
    from nnfit.storage import cache

    if spec is None and FRAME in (stored.spec.data.train, stored.spec.data.validation, stored.spec.data.test):
        remedy = "train again with nnfit.train, or name a spec and its files with --spec"
        message = "was trained on a DataFrame, which no file holds"
        raise ModelFileError(Problem("no-frame", message, remedy, Place(str(path))))
    if spec is not None:
        joined.refuse_stream(spec)
    loaded = load_spec(spec) if spec else LoadedSpec(stored.spec, Document(str(path), dump(stored.spec)), Path())
    with spared(loaded.spec), cache.using(None, on=False):  # what is held against the model is made anew, from the data
        try:
            trainer = begin(loaded, blas_threads=blas_threads, ranks=joined.count)
        except DataError as error:
            if spec:
                raise
            raise DataError(*(advised(p) if p.code == "unreadable" else p for p in error.problems)) from None
        with signals.collected() as asked:
            stop, division = joined.begin(trainer, asked)
            quiet = not sys.stderr.isatty()
            for _ in progress.watch(trainer.epochs(stop, division), loaded.spec.training.epochs, quiet):
                joined.end_epoch(trainer)
            if stop:
                joined.stopping()
                raise signals.Stopped(stop[0])
    return trainer


def compare(path: Path, stored: Model, again: Model) -> None:
    """Say that a model came out again byte for byte; else a ModelFileError that says what differs."""
    from nnfit.cli import screen
    from nnfit.errors import ModelFileError, Place, Problem
    from nnfit.fit import checkpoint
    from nnfit.storage import json_text

    if again.to_bytes() == path.read_bytes():
        size = path.stat().st_size
        screen.out().print(plain(f"{path}: trained again, the same {size:,} bytes came out"))
        return
    old, new = (json_text.plain(conditions(each)) for each in (stored, again))
    differing = other_files(old, new)
    differing += checkpoint.differences(old, {key: new.get(key) for key in old})
    if not differing:
        differing = [
            "neither spec, data, versions, BLAS threads nor seed differ: the machine or its libraries must, "
            "or its training was stopped, and went on with other ones, or by another number of ranks"
        ]
    elif len(differing) > LISTED:
        differing[LISTED:] = [f"and {len(differing) - LISTED:,} more differ"]
    raise ModelFileError(
        Problem("other-bytes", f"other bytes came out: {'; '.join(differing)}", place=Place(str(path)))
    )


def refuse_other_ranks(stored: Model, path: Path, now: int) -> None:
    """A ModelFileError where a model was trained by another number of processes than these: sums have another order."""
    from nnfit.errors import ModelFileError, Place, Problem

    then = stored.record.get("ranks", 1)
    if then != now:
        message = (
            f"was trained by {count(then, 'rank')}, and this is {count(now, 'rank')}, which adds up in another order"
        )
        remedy = f"mpirun -n {then} nnfit verify trains it again" if then > 1 else "verify it without mpirun"
        raise ModelFileError(Problem("other-ranks", message, remedy, Place(str(path))))


def conditions(model: Model) -> dict[str, Any]:
    """What the bytes of a model depend on, as far as its file has recorded it."""
    from nnfit.config.build import dump
    from nnfit.model.metadata import blas_threads_of

    record = {**model.record, "blas_threads": blas_threads_of(model.record)}
    keys = ("versions", "blas_threads", "seed", "data_sha256")
    found = {"spec": dump(model.spec), **{key: record[key] for key in keys if record.get(key) is not None}}
    files = record.get("sha256", {})  # that of training stands above
    found["sha256"] = {name: digest for name, digest in files.items() if name != "train"}
    return found | {"files": record.get("files", {})}


def other_files(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """In words, the sets whose globs match other files now; their SHA-256 and names are no longer compared."""
    told = []
    for name, files in old.pop("files").items():
        now = new["files"].get(name, files)
        if now == files:
            continue
        for digests, key in ((old, "data_sha256"), (new, "data_sha256")) if name == "train" else ():
            digests.pop(key, None)
        old["sha256"].pop(name, None)
        new["sha256"].pop(name, None)
        lost, more = (listed([file for file in one if file not in two]) for one, two in ((files, now), (now, files)))
        said = [f"lacks {lost}"] if lost else []
        said += [f"has {more} besides"] if more else []
        told.append(f"data.{name} matches other files now: it {' and '.join(said) or 'has them in another order'}")
    return told


def advised(problem: Problem) -> Problem:
    """The problem of a file that cannot be read, with what would do here beside what would do anywhere."""
    return problem._replace(remedy="; ".join(filter(None, (problem.remedy, REMEDY))))
