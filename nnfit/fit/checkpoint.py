"""Where a training stands, as a file: a run that was stopped goes on from it as if nothing had happened.

A checkpoint holds all that training changes, and the spec and data that it belongs to; of others it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnfit.config.build import dump
from nnfit.core.schedules import Stage
from nnfit.core.stopping import Watch
from nnfit.errors import ModelFileError, Place, Problem
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import Progress, Run, start
from nnfit.model.model import versions
from nnfit.storage import json_text, npz
from nnfit.storage.npz import Form
from nnfit.version import __version__

FORMAT = 2
LARGEST = float(np.finfo(np.float64).max)
FLOATS = ("<f4", "<f8")
FORMS = {
    "theta": Form(FLOATS, 2),
    "slots": Form(FLOATS, 3, finite=False),  # a mean of squares may be, where the weights are
    "average": Form(FLOATS, 2),
    "cost": Form(("<f8",), 1),
    "steps": Form(("<i8",), 1),
    "history_cost": Form(("<f8",), 2),
    "history_validation": Form(("<f8",), 2, finite=False),  # an epoch may cost more than any number
    "best_theta": Form(FLOATS, 2),
    "cross_fitted_y_hat": Form(FLOATS, 3, finite=False),  # a row far out may overflow
    **{
        f"{who}_{key}": form
        for who in ("best", "cross_fitted")
        for key, form in (
            ("cost", Form(("<f8",), 1)),
            ("epoch", Form(("<i8",), 1)),
            ("lowered", Form(("<i8",), 1)),
            ("stopped", Form(("|u1",), 1)),
        )
    },
    json_text.MEMBER: Form(("|u1",), 1),
}
STOPPING = tuple(name for name in FORMS if name.startswith(("best_", "cross_fitted_")))

Fail = Callable[[str], NoReturn]


def to_bytes(run: Run, blas_threads: int, ranks: int = 1) -> bytes:
    """The file of a run, between any two of its steps."""
    state, members = run.state, len(run.state.theta)
    metadata = {
        "checkpoint": FORMAT,
        **identity(run.prepared),
        "versions": versions(),
        "blas_threads": blas_threads,
        **({"ranks": ranks} if ranks > 1 else {}),
        "epochs": state.epochs,
        "plateau": [[float(min(value, LARGEST)) for value in part] for part in run.stage],
    }
    stopping = of_stopping(run)
    stopping |= {name: array.astype(np.uint8) for name, array in stopping.items() if array.dtype == bool}
    watched = [epoch.validations for epoch in run.history if epoch.validations is not None]
    return npz.pack(
        {
            "theta": state.theta,
            "slots": state.slots,
            "cost": state.cost,
            "steps": state.steps,
            "history_cost": np.array([epoch.costs for epoch in run.history], np.float64).reshape(-1, members),
            "history_validation": np.array(watched, np.float64).reshape(-1, members),
            **stopping,
            **({} if state.average is None else {"average": state.average}),
            json_text.MEMBER: np.frombuffer(json_text.write(metadata), np.uint8),
        }
    )


def of_stopping(run: Run) -> dict[str, NDArray[Any]]:
    """What early stopping remembers, by the names of the file; nothing without it."""
    if run.best is None or run.cross_fitted is None:
        return {}
    found = {"best_theta": run.best.theta, "cross_fitted_y_hat": run.cross_fitted.y_hat}
    for who, watch in watches_of(run).items():
        found |= {f"{who}_{key}": value for key, value in vars(watch).items()}
    return {name: found[name] for name in STOPPING}


def watches_of(run: Run) -> dict[str, Watch]:
    """What early stopping watches: the members, and the parts that are scored by what others choose."""
    if run.best is None or run.cross_fitted is None:
        return {}
    return {"best": run.best.watch, "cross_fitted": run.cross_fitted.watch}


def identity(prepared: Prepared) -> dict[str, Any]:
    """What a checkpoint belongs to: the resolved spec, but for where files go, and the bytes of the data."""
    spec = prepared.spec
    spec = replace(spec, output=None, training=replace(spec.training, checkpoint=None))
    return {"spec": dump(spec), "data_sha256": prepared.sha256}


def read(path: Path, prepared: Prepared, blas_threads: int, ranks: int = 1) -> tuple[Run, list[Problem]]:
    """The run that a checkpoint holds, and warnings about what of this process is not as it was then.

    A ModelFileError if it is damaged, of another nnfit, or made from another spec or other data: it lists what differs.
    """
    try:
        arrays = npz.read(path, FORMS)
    except ModelFileError:
        if "theta_1" in npz.names(path):
            message = "is a model, whose training is over, and no checkpoint"
            problem = Problem("a-model", message, "train without --resume", Place(str(path)))
            raise ModelFileError(problem) from None
        raise
    return restored(arrays, str(path), prepared, blas_threads, ranks=ranks)


def from_bytes(
    data: bytes, name: str, prepared: Prepared, blas_threads: int, like: Run | None = None
) -> tuple[Run, list[Problem]]:
    """What `read` gives, of a checkpoint in memory, which errors call `name`; `like` as in `start`."""
    return restored(npz.parsed(data, name, FORMS), name, prepared, blas_threads, like)


def restored(
    arrays: npz.Arrays, name: str, prepared: Prepared, blas_threads: int, like: Run | None = None, ranks: int = 1
) -> tuple[Run, list[Problem]]:
    """The run that the arrays of a checkpoint hold, and warnings; a ModelFileError as of `read`."""

    def refuse(code: str, message: str, remedy: str = "") -> NoReturn:
        raise ModelFileError(Problem(code, message, remedy, Place(name)))

    fail = partial(refuse, "damaged-checkpoint")
    metadata = json_text.read(arrays[json_text.MEMBER].tobytes(), name) if json_text.MEMBER in arrays else {}
    if "checkpoint" not in metadata:
        refuse("not-a-checkpoint", "not a checkpoint that nnfit wrote")
    then = metadata.get("versions")
    author = then.get("nnfit") if isinstance(then, dict) else None
    if author != __version__:
        message = f"the checkpoint was made by nnfit {str(author)[:20]}, and this is nnfit {__version__}"
        refuse("other-version", message, "go on with that version, or train without --resume to start anew")
    if metadata["checkpoint"] != FORMAT:
        refuse("other-format", f"not a checkpoint of format {FORMAT}")
    if not is_complete(arrays):
        fail("damaged: an array is not there")
    ours = json_text.plain(identity(prepared))
    globbed = {
        f"the {name} file has other contents": f"the files that data.{name} matches are others, or have other contents"
        for name in prepared.matched
    }
    found = [globbed.get(each, each) for each in differences({key: metadata.get(key) for key in ours}, ours)]
    if found:
        listed = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        message = f"the checkpoint was made from another spec or other data: {listed}"
        refuse("cannot-resume", message, "train without --resume to start anew, or undo the change")

    run = start(prepared) if like is None else start(prepared, like)
    restore_arrays(run, arrays, fail)
    restore_counters(run, metadata, fail)
    restore_history(run, arrays, fail)
    now = {"versions": versions(), "blas_threads": blas_threads, "ranks": ranks}
    changed = differences({key: metadata.get(key, 1 if key == "ranks" else None) for key in now}, now)
    warning = "the model may differ in its last digits"
    return run, [Problem("other-environment", difference, warning) for difference in changed]


def restore_arrays(run: Run, arrays: npz.Arrays, fail: Fail) -> None:
    """Take over what the optimizer, the average and early stopping remember, each of the shape that it has here."""
    mine: dict[str, NDArray[Any]] = {name: getattr(run.state, name) for name in ("theta", "slots", "cost", "steps")}
    if run.state.average is not None:
        mine["average"] = run.state.average
    elif "average" in arrays:
        fail("damaged: average is there, and the spec asks for none")
    mine |= of_stopping(run)
    if run.best is None and "best_epoch" in arrays:
        fail("damaged: best_epoch is there, and no early stopping")
    for name, array in mine.items():
        stored = arrays.get(name, np.empty(0))
        if array.dtype == bool:
            if stored.max(initial=0) > 1:
                fail(f"damaged: {name} is neither 0 nor 1")
            stored = stored.astype(bool)
        if (array.shape, array.dtype) != (stored.shape, stored.dtype):
            fail(f"damaged: {name} is not that of this network and optimizer")
        array[...] = stored


def restore_counters(run: Run, metadata: dict[str, Any], fail: Fail) -> None:
    """Take over how far the run is, and where each member stands on its plateau; refused if no run could be there."""
    state, per_epoch = run.state, run.steps
    epochs = metadata.get("epochs")
    if type(epochs) is not int or not 0 <= epochs < 2**62:
        fail(f"damaged: epochs is {epochs!r}")
    state.epochs = epochs
    run.stage = stage_of(metadata.get("plateau"), run, fail)
    state.factor[:] = run.stage.factor
    if not ((state.steps >= 0) & (state.steps <= per_epoch)).all() or (state.steps == per_epoch).all():
        fail(f"damaged: members have done {state.steps.min()} to {state.steps.max()} of {per_epoch} steps")
    for who, watch in watches_of(run).items():
        lowered, epoch = watch.lowered, watch.epoch
        if not ((lowered >= 0) & (lowered <= epoch) & (epoch <= state.epochs)).all():
            fail(f"damaged: {who}_epoch or {who}_lowered is no epoch of the run")


def restore_history(run: Run, arrays: npz.Arrays, fail: Fail) -> None:
    """Take over the costs of the epochs that are complete."""
    costs, watched = arrays["history_cost"], arrays["history_validation"]
    members, epochs = run.state.theta.shape[0], run.state.epochs
    wanted = 0 if run.held_out is None else epochs
    if epochs > run.plan.epochs or (len(costs), len(watched)) != (epochs, wanted):
        fail(f"damaged: a history of {len(costs)} epochs, of which {epochs} are complete")
    for name, column in (("history_cost", costs), ("history_validation", watched)):
        if column.shape[1] != members:
            fail(f"damaged: {name} is of {column.shape[1]} members, not {members}")
    for i, cost in enumerate(costs):
        run.history.append(Progress(i + 1, cost.copy(), watched[i].copy() if wanted else None))


def stage_of(stored: Any, run: Run, fail: Fail) -> Stage:
    """Where each member stands on its plateau; refused if no run could stand there."""
    members = len(run.state.theta)
    if not isinstance(stored, list) or len(stored) != len(run.stage):
        fail("damaged: plateau is not what nnfit writes")
    for part in stored:
        if not isinstance(part, list) or len(part) != members or not all(type(x) is float for x in part):
            fail("damaged: plateau is not what nnfit writes")
    _, since, factor = stored
    if not all(x in range(run.state.epochs + 1) for x in since) or not all(0 <= x <= 1 for x in factor):
        fail("damaged: plateau is not what nnfit writes")
    return Stage(*(np.array(part, own.dtype) for part, own in zip(stored, run.stage, strict=True)))


def is_complete(arrays: npz.Arrays) -> bool:
    """Whether all arrays of a checkpoint are there; those of early stopping, and the average, may be left out."""
    return set(arrays) | {"average"} in (set(FORMS), set(FORMS) - set(STOPPING))


def is_one(path: Path) -> bool:
    """Whether a file is a checkpoint."""
    try:
        return is_complete(npz.read(path, FORMS))
    except ModelFileError:
        return False


def differences(then: Any, now: Any, key: str = "") -> Iterator[str]:
    """Where two values of JSON differ, key by key, in words."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name in dict.fromkeys([*then, *now]):
            inside = f"{key}.{name}" if key else str(name)
            yield from differences(then.get(name), now.get(name), inside.removeprefix("spec."))
    elif then != now:
        if "sha256" in key:
            yield f"the {key.rpartition('sha256')[2].lstrip('.') or 'data'} file has other contents"
        else:
            yield f"{key} was {short(then)} and is {short(now)}"


def short(value: Any) -> str:
    """A value in a few words."""
    text = "not there" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
