"""Where a training stands, as a file: a run that was stopped goes on from it as if nothing had happened.

A checkpoint holds all that training changes, and the spec and data that it belongs to; of others it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnfit.core.schedules import Plateau
from nnfit.errors import ModelFileError, Problem
from nnfit.fit import run as pipeline
from nnfit.fit.prepare import Prepared
from nnfit.fit.run import Progress, Run
from nnfit.model.model import versions
from nnfit.storage import json_text, npz
from nnfit.storage.npz import Form

FORMAT = 1
LARGEST = float(np.finfo(np.float64).max)
FLOATS = ("<f4", "<f8")
FORMS = {
    "theta": Form(FLOATS, 2),
    "slots": Form(FLOATS, 3),
    "average": Form(FLOATS, 2),
    "cost": Form(("<f8",), 1),
    "history_cost": Form(("<f8",), 2),
    "history_validation": Form(("<f8",), 2),
    "best_theta": Form(FLOATS, 2),
    "best_cost": Form(("<f8",), 1),
    "best_epoch": Form(("<i8",), 1),
    "best_lowered": Form(("<i8",), 1),
    "best_stopped": Form(("|u1",), 1),
    json_text.MEMBER: Form(("|u1",), 1),
}
BEST = ("theta", "cost", "epoch", "lowered", "stopped")
COUNTERS = ("epochs", "steps", "updates")


def to_bytes(run: Run, threads: int) -> bytes:
    """The file of a run, between any two of its steps."""
    state, members = run.state, len(run.state.theta)
    metadata = {
        "checkpoint": FORMAT,
        **identity(run.prepared),
        "versions": versions(),
        "threads": threads,
        **{key: getattr(state, key) for key in COUNTERS},
        "plateau": [[float(min(value, LARGEST)) for value in part] for part in run.plateau],
    }
    best = {} if run.best is None else {f"best_{key}": getattr(run.best, key) for key in BEST}
    if best:
        best["best_stopped"] = best["best_stopped"].astype(np.uint8)
    watched = [epoch.validation for epoch in run.history if epoch.validation is not None]
    return npz.pack(
        {
            "theta": state.theta,
            "slots": state.slots,
            "cost": state.cost,
            "history_cost": np.array([epoch.cost for epoch in run.history], np.float64).reshape(-1, members),
            "history_validation": np.array(watched, np.float64).reshape(-1, members),
            **best,
            **({} if state.average is None else {"average": state.average}),
            json_text.MEMBER: np.frombuffer(json_text.write(metadata), np.uint8),
        }
    )


def identity(prepared: Prepared) -> dict[str, Any]:
    """What a checkpoint belongs to: the resolved spec, but for where files go, and the bytes of the data."""
    spec = {key: value for key, value in prepared.spec.items() if key != "output"}
    spec["training"] = {key: value for key, value in spec["training"].items() if key != "checkpoint"}
    return {"spec": spec, "data_sha256": prepared.sha256}


def read(path: Path, prepared: Prepared, threads: int) -> tuple[Run, list[str]]:
    """The run that a checkpoint holds, and what about this process is not as it was then.

    A ModelFileError if it is damaged, or was made from another spec or other data: it lists what differs.
    """

    def fail(message: str) -> NoReturn:
        raise ModelFileError(Problem(message, str(path)))

    arrays = npz.read(path, FORMS)
    if not is_complete(arrays):
        fail("not a checkpoint that nnfit wrote")
    metadata = json_text.read(arrays.pop(json_text.MEMBER).tobytes(), str(path))
    if metadata.get("checkpoint") != FORMAT:
        fail(f"not a checkpoint of format {FORMAT}")
    ours = json_text.plain(identity(prepared))
    found = list(differences({key: metadata.get(key) for key in ours}, ours))
    if found:
        listed = "; ".join(found[:5]) + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        remedy = "train without --resume to start anew, or undo the change"
        fail(f"the checkpoint was made from another spec or other data: {listed}; {remedy}")

    run = pipeline.start(prepared)
    mine: dict[str, NDArray[Any]] = {name: getattr(run.state, name) for name in ("theta", "slots", "cost")}
    if run.state.average is not None:
        mine["average"] = run.state.average
    elif "average" in arrays:
        fail("damaged: average is there, and the spec asks for none")
    if run.best is not None:
        mine |= {f"best_{key}": getattr(run.best, key) for key in BEST}
    for name, array in mine.items():
        stored = arrays.get(name, np.empty(0)).astype(bool) if name == "best_stopped" else arrays.get(name, np.empty(0))
        if (array.shape, array.dtype) != (stored.shape, stored.dtype):
            fail(f"damaged: {name} is not that of this network and optimizer")
        array[...] = stored
    if "best_epoch" in arrays and run.best is None:
        fail("damaged: best_epoch is there, and no early stopping")
    total = prepared.spec["training"]["epochs"]
    for key in COUNTERS:
        if type(metadata.get(key)) is not int or not 0 <= metadata[key] < 2**62:
            fail(f"damaged: {key} is {metadata.get(key)!r}")
        setattr(run.state, key, metadata[key])
    run.plateau = plateau_of(metadata.get("plateau"), run, fail)
    run.state.factor[:] = run.plateau.factor
    state, per_epoch = run.state, pipeline.steps(run)
    if state.steps >= per_epoch or state.updates != state.epochs * per_epoch + state.steps:
        fail(f"damaged: {state.updates} updates in {state.epochs} epochs and {state.steps} steps")
    if run.best is not None:
        lowered, epoch = run.best.lowered, run.best.epoch
        if not ((lowered >= 0) & (lowered <= epoch) & (epoch <= state.epochs)).all():
            fail("damaged: best_epoch or best_lowered is no epoch of the run")
    if "best_stopped" in arrays and arrays["best_stopped"].max(initial=0) > 1:
        fail("damaged: best_stopped is neither 0 nor 1")
    costs, watched = arrays["history_cost"], arrays["history_validation"]
    lengths = (len(costs), len(watched))
    wanted = 0 if run.held_out is None else state.epochs
    if state.epochs > total or lengths != (state.epochs, wanted):
        fail(f"damaged: a history of {len(costs)} epochs, of which {state.epochs} are complete")
    for name, column in (("history_cost", costs), ("history_validation", watched)):
        if column.shape[1] != len(state.theta):
            fail(f"damaged: {name} is of {column.shape[1]} members, not {len(state.theta)}")
    for i, cost in enumerate(costs):
        run.history.append(Progress(i + 1, cost.copy(), watched[i].copy() if wanted else None))
    now = {"versions": versions(), "threads": threads}
    then = {key: metadata.get(key) for key in now}
    return run, list(differences(then, now))


def plateau_of(stage: Any, run: Run, fail: Callable[[str], NoReturn]) -> Plateau:
    """Where each member stands on its plateau; refused if no run could stand there."""
    members = len(run.state.theta)
    if not isinstance(stage, list) or len(stage) != len(run.plateau):
        fail("damaged: plateau is not what nnfit writes")
    for part in stage:
        if not isinstance(part, list) or len(part) != members or not all(type(x) is float for x in part):
            fail("damaged: plateau is not what nnfit writes")
    _, since, factor = stage
    if not all(x in range(run.state.epochs + 1) for x in since) or not all(0 <= x <= 1 for x in factor):
        fail("damaged: plateau is not what nnfit writes")
    return Plateau(*(np.array(part, own.dtype) for part, own in zip(stage, run.plateau, strict=True)))


def is_complete(arrays: npz.Arrays) -> bool:
    """Whether all arrays of a checkpoint are there; those of early stopping, and the average, may be left out."""
    best = {f"best_{key}" for key in BEST}
    return set(arrays) | {"average"} in (set(FORMS), set(FORMS) - best)


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
            yield f"the {key.removeprefix('data_sha256').lstrip('.') or 'data'} file has other contents"
        else:
            yield f"{key} was {short(then)} and is {short(now)}"


def short(value: Any) -> str:
    text = "not there" if value is None else str(value)
    return text if len(text) <= 60 else text[:59] + "…"
