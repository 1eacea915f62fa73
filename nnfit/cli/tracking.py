"""A training as a run of MLflow: what was asked for, the costs epoch by epoch, and what came out, to compare runs by.

Where the runs are kept is said by MLflow's own environment variables. A tracker that fails never costs the training:
until the first epoch it is an error, since nothing is lost; from then on it is told, the training goes on, and the
command ends with exit code 7 once all its files are written, for an output that was asked for is not whole.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nnfit.errors import OutputError, Place, Problem, UsageError
from nnfit.words import plain

if TYPE_CHECKING:
    from nnfit.fit.run import Progress
    from nnfit.fit.train import Trainer
    from nnfit.model.model import Model

# What MLflow takes at most: characters of a value and of the name of an experiment, entries of a batch.
LONGEST, NAME = 6000, 500
BATCH = {"params": 100, "metrics": 1000}
EVERY = 2.0  # seconds between two batches of epochs, so that curves grow while the training goes on
NAMED = ("data.columns", "training.class_weight")  # mappings whose keys are names of the user's, and may be anything
# MLflow speaks to the tracking address alone, does not print, and soon gives up on one that does not answer.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"}
TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"  # in seconds, of one request
PATIENCE = {TIMEOUT: "10", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_LOGGING_LEVEL": "ERROR"}
VALUE = re.compile(r"(?<=[?&;#])([^=&;#\s]*=)([^&;#\s'\")]+)")  # behind a name in the query of an address
SECRETS = "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"


class Untracked:
    """A training that nobody tracks."""

    def epoch(self, epoch: Progress) -> None:
        """Nothing is kept of an epoch."""

    def finish(self, model: Model, files: Callable[[], Mapping[str, bytes]]) -> None:
        """Nor of the end."""

    def complain(self) -> None:
        """And nothing fails."""


class Tracked(Untracked):
    """A run under way. `problem` is what went wrong with it first; from then on nothing more is sent.

    A tracker that let a request wait in vain is not even told that the run has ended: `silent`.
    """

    def __init__(self, experiment: str) -> None:
        from mlflow import MlflowClient

        self.experiment, self.last = experiment, time.monotonic()
        self.problem: Problem | None = None
        self.silent = False
        self.waiting: list[Any] = []
        self.client = MlflowClient()

    def begin(self, name: str, tags: Mapping[str, str], parameters: Mapping[str, str]) -> None:
        """Make the experiment if there is none of that name, and a run in it."""
        from mlflow.entities import Param

        found = self.client.get_experiment_by_name(self.experiment)
        number = self.client.create_experiment(self.experiment) if found is None else found.experiment_id
        self.run = self.client.create_run(number, tags=dict(tags), run_name=name).info.run_id
        try:
            with self.listening():
                self.send("params", [Param(key, value) for key, value in parameters.items()])
        except BaseException as error:
            self.last_word("FAILED" if isinstance(error, Exception) else "KILLED")
            raise

    def send(self, what: str, entries: Sequence[Any]) -> None:
        """Hand over parameters or metrics, in as many batches as they need."""
        for start in range(0, len(entries), BATCH[what]):
            some: dict[str, Any] = {what: entries[start : start + BATCH[what]]}
            self.client.log_batch(self.run, **some)

    def measure(self, values: Mapping[str, float], step: int) -> None:
        """Metrics that wait to be sent; what is no number is none."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.waiting += [Metric(name, value, now, step) for name, value in values.items() if math.isfinite(value)]

    def flush(self) -> None:
        """Send the metrics that wait."""
        waiting, self.waiting, self.last = self.waiting, [], time.monotonic()
        self.send("metrics", waiting)

    def trying(self, what: Callable[[], None]) -> None:
        """Do something with the tracker, and tell what goes wrong with it, once."""
        if self.problem is not None:
            return
        try:
            with quietly(), self.listening():
                what()
        except Exception as error:
            from nnfit.cli import screen

            self.problem = failure("the MLflow run is not whole", self.experiment, error)
            screen.warn(self.problem._replace(message=f"{self.problem.message}; nothing more is sent to it"))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Notice a tracker that is silent: what fails in the block took as long as one request may."""
        began = time.monotonic()
        try:
            yield
        except Exception:
            self.silent = time.monotonic() - began >= seconds(os.environ.get(TIMEOUT, ""))
            raise

    def last_word(self, status: str) -> None:
        """Say how a run ended that is not whole, if that can be said."""
        if not self.silent:
            with suppress(Exception), quietly():
                self.client.set_terminated(self.run, status)

    def epoch(self, epoch: Progress) -> None:
        """The costs of an epoch."""
        held_out = {} if epoch.validation is None else {"validation_cost": epoch.validation}
        self.measure({"cost": epoch.cost, **held_out}, epoch.number)
        if time.monotonic() - self.last >= EVERY:
            self.trying(self.flush)

    def finish(self, model: Model, files: Callable[[], Mapping[str, bytes]]) -> None:
        """The metrics of all rows, and what was written."""
        self.measure(final(model), len(model.record["history"]["cost"]))
        self.trying(self.flush)
        self.trying(lambda: self.upload(files()))

    def upload(self, files: Mapping[str, bytes]) -> None:
        """Files by their name in the run."""
        from nnfit.storage.files import momentary

        with momentary(files) as folder:
            self.client.log_artifacts(self.run, str(folder))

    def end(self, status: str) -> None:
        """Say how the run ended: FINISHED, FAILED or KILLED; what waits is sent before."""
        self.trying(self.flush)
        if self.problem is None:
            self.trying(lambda: self.client.set_terminated(self.run, status))
        else:
            self.last_word("FAILED")

    def complain(self) -> None:
        """An OutputError for a run that is not whole."""
        if self.problem is not None:
            raise OutputError(self.problem)


@contextmanager
def tracked(experiment: str | None, trainer: Trainer, model: Path, spec: Path) -> Iterator[Untracked]:
    """Track a training in the block, if an experiment is named; a run that does not end in it FAILED or was KILLED."""
    if experiment is None:
        yield Untracked()
        return
    from nnfit.cli.signals import Stopped

    prepared = trainer.prepared
    try:
        with quietly():
            run = Tracked(experiment)
            run.begin(model.stem, tags(trainer, spec), parameters(prepared.spec))
    except Exception as error:
        raise OutputError(failure("there is no MLflow run", experiment, error)) from None
    try:
        for epoch in trainer.run.history:
            run.epoch(epoch)
        yield run
    except BaseException as error:
        run.end("KILLED" if isinstance(error, Stopped) else "FAILED")
        raise
    run.end("FINISHED")


def ready(experiment: str | None) -> None:
    """A UsageError, before anything is read, where the tracker is not installed or its name is none."""
    if experiment is None:
        return
    from nnfit.extras import require

    if not experiment.strip() or len(experiment) > NAME:
        message = f"an experiment has a name of 1 to {NAME} characters"
        raise UsageError(Problem("usage", message, "write --mlflow NAME", Place("--mlflow")))
    with quietly():
        require("mlflow", "--mlflow needs", "mlflow")


@contextmanager
def quietly() -> Iterator[None]:
    """What MLflow would say by itself is not said: results alone go to standard output."""
    os.environ.update(QUIET)
    for name, value in PATIENCE.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def seconds(text: str) -> float:
    """A number of seconds; without end if it is none."""
    try:
        return float(text)
    except ValueError:
        return math.inf


def failure(what: str, experiment: str, error: Exception) -> Problem:
    """What is wrong with the tracker, in a line of its own words, and where it is; passwords are left out."""
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    where = os.environ.get("MLFLOW_TRACKING_URI", "")
    reason, shown = plain(without_secrets(line)), plain(without_secrets(where))
    message = f"{what}: {reason[:240].rstrip('.')}{'…' if len(reason) > 240 else ''}"
    place = Place(f"--mlflow {plain(experiment)}{f' ({shown})' if shown else ''}")
    return Problem("not-tracked", message, remedy_of(where, line), place)


def remedy_of(where: str, reason: str) -> str:
    """What would do about a tracker at an address, by the kind of the address and what MLflow says is wrong."""
    if not where:
        return "set MLFLOW_TRACKING_URI to the address of a server (mlflow server starts one)"
    if re.search(r"\b(401|403)\b|unauthori[sz]ed|forbidden", reason, re.IGNORECASE):
        return f"name a user who may write there: MLFLOW_TRACKING_USERNAME with {SECRETS[0]}, or {SECRETS[1]}"
    if where.startswith(("http:", "https:")):
        return "MLFLOW_TRACKING_URI says where runs are kept: is a server of MLflow running at this address?"
    if where.startswith("file:") or "://" not in where:
        return (
            "a folder needs MLFLOW_ALLOW_FILE_STORE=true, and must be writable; MLflow develops servers alone further"
        )
    return "MLFLOW_TRACKING_URI says where runs are kept: the address of a server, http://HOST:PORT"


def without_secrets(text: str) -> str:
    """A text of MLflow's, or an address, without passwords and tokens, of addresses and of their own variables."""
    where = os.environ.get("MLFLOW_TRACKING_URI", "")
    user, _, _ = where.partition("://")[2].rpartition("@")
    known = [os.environ.get(name, "") for name in SECRETS]
    known += [user.partition(":")[2], *user.partition(":")[2].split("/"), *(value for _, value in VALUE.findall(where))]
    text = VALUE.sub(r"\1…", re.sub(r"\b((?!file:)[\w+.-]+://)\S*@", r"\1", text))
    for secret in sorted({each for each in known if len(each) > 3}, key=len, reverse=True):
        text = text.replace(secret, "…")
    return text


# --- what a run holds ----------------------------------------------------------------------------------------------


def tags(trainer: Trainer, spec: Path) -> dict[str, str]:
    """By what else two runs may differ."""
    from nnfit.version import __version__

    prepared, done = trainer.prepared, len(trainer.run.history)
    found = {"version": __version__, "seed": str(prepared.spec.seed), "spec": str(spec)}
    found |= {f"{name}_sha256" if name != "train" else "data_sha256": sum for name, sum in prepared.sha256.items()}
    found |= {"resumed_after_epoch": str(done)} if done else {}
    return {f"nnfit.{name}": cut(value) for name, value in found.items()}


def parameters(spec: Any) -> dict[str, str]:
    """The resolved spec by the paths that --set takes; what a user has named stands in one value, as JSON."""
    from nnfit.config.build import dump

    return {key: cut(value) for key, value in flat("", dump(spec))}


def flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """The leaves of a spec by their paths."""
    deeper = bool(value) and path not in NAMED
    if isinstance(value, Mapping) and deeper:
        for key, part in value.items():
            yield from flat(f"{path}.{key}" if path else key, part)
    elif isinstance(value, list | tuple) and deeper and any(isinstance(part, Mapping) for part in value):
        for k, part in enumerate(value):
            yield from flat(f"{path}.{k}", part)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=dict)


def cut(text: str) -> str:
    """A value as MLflow takes it: no longer than it may be, and with no half of a character."""
    whole = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return whole if len(whole) <= LONGEST else f"{whole[: LONGEST - 1]}…"


def final(model: Model) -> dict[str, float]:
    """The metrics by set, `test/accuracy`; those of the trivial predictor and the linear model under their names.

    `train` are rows that were learnt from, as everywhere.
    """
    found: dict[str, float] = {}
    for prefix, sets in (("", "metrics"), ("trivial/", "trivial"), ("linear/", "linear")):
        for rows, measures in model.record.get(sets, {}).items():
            for name, value in measures.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    found[f"{prefix}{rows}/{name}"] = float(value)
    return found
