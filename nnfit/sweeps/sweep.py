"""A sweep from its file to its folder: what is missing is run, by any executor, and what is finished is kept."""

from __future__ import annotations

import copy
import json
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.config.document import Document
from nnfit.config.loader import LoadedSpec
from nnfit.data.opening import digest_of
from nnfit.errors import DataError, NnfitError, Problem, SpecError, UsageError
from nnfit.fit.ends import resolve
from nnfit.fit.prepare import Prepared, paths_of, prepare
from nnfit.fit.resources import memory, needed
from nnfit.fit.train import trained
from nnfit.model.loading import load
from nnfit.model.model import Model, versions
from nnfit.progress import phase
from nnfit.scoring.evaluation import scores
from nnfit.storage import files
from nnfit.storage.json_text import tidy
from nnfit.sweeps import at_work, best, records
from nnfit.sweeps.cost import seconds
from nnfit.sweeps.reading import Sweep, load_sweep
from nnfit.sweeps.records import Shard
from nnfit.sweeps.results import Swept, table
from nnfit.sweeps.running import Outcome, group, held_out, run_group, tables
from nnfit.sweeps.trials import Digest, Trial, files_of, hashed, trial, with_values
from nnfit.version import __version__
from nnfit.words import nearest
from nnfit.workers.cores import available
from nnfit.workers.pool import Processes
from nnfit.workers.threads import MOST, threads, working

TABLE, REPORT = "trials.csv", "report.html"
AHEAD = 2  # groups for each worker that are handed out before the first is done
LOOKED_AT = 10  # trials, at least, before all are said to be wrong
START = 1.0  # seconds that a process takes to start
UNKNOWN = 64  # workers of an executor that does not say how many it has
DEATHS = 2  # of the process of a trial, with no other beside it, after which it is given up


class Plan(NamedTuple):
    """All trials of a sweep, the SHA-256 of each table of their data, and a hash of all that they follow from."""

    sweep: Sweep
    trials: list[Trial]
    sha256: dict[str, str]
    key: str

    @property
    def digest(self) -> Digest:
        """The SHA-256 by the names of the files in the spec."""
        return dict(zip(files_of(self.sweep.first), self.sha256.values(), strict=True))

    def made(self, each: Trial) -> Trial:
        """A trial with its spec."""
        if each.spec is not None or each.problems:
            return each
        return trial(self.sweep.base, self.sweep.folder, self.digest, each.number, each.repeat, each.values)


def plan(sweep: Sweep, folder: Path | None = None) -> Plan:
    """The trials of a sweep: those of a point, which has a number from 1, follow each other, one for each seed.

    Their hashes take longest; where an earlier command has left them in the folder, they are read.
    """
    paths = paths_of(LoadedSpec(sweep.first, Document(None, {}), sweep.folder))
    sha256 = {name: digest_of(several.paths) for name, several in paths.items()}
    said = [sweep.base.value, sweep.document.value, [*sha256.items()], __version__]
    found = Plan(sweep, [], sha256, hashed(json.dumps(tidy(said))))
    known = None if folder is None else records.hashes(folder, found.key)
    repeat = sweep.keys.repeat
    numbered = [(n, r, values) for n, values in enumerate(sweep.points, 1) for r in range(repeat)]
    if known is not None and len(known) == len(numbered):
        light = zip(numbered, known, strict=True)
        found.trials.extend(Trial(n, r, values, None, (), id, sweep.folder) for (n, r, values), id in light)
    else:
        digest = found.digest
        found.trials.extend(trial(sweep.base, sweep.folder, digest, n, r, values) for n, r, values in numbered)
    return found


def sweep(
    spec: Path | str | Mapping[str, Any],
    output: Path | str | None = None,
    *,
    executor: Executor | None = None,
    jobs: int | None = None,
    fail_fast: bool = False,
) -> Swept:
    """Train the trials of a sweep that are missing in its folder, and the best of all: what `nnfit sweep` does.

    `spec` is the path of a sweep file, or a mapping as YAML gives it; `output` is the folder, by default beside the
    file. Trials run in `jobs` processes of this machine, by default one for each core, or in any `executor` of
    concurrent.futures, whose workers can import nnfit and read the files of the spec: it is left open. A script that
    uses processes begins behind `if __name__ == "__main__":`, as all that do. With `fail_fast` no trial is begun after
    one that failed.

    The result has the `trials`, their `outcomes` by hash, the `ranking()` of the points and the `best` model.
    SpecError, DataError and OutputError say what is wrong, where, and what would do; what is wrong with a single trial
    is its outcome.
    """
    if executor is not None and not hasattr(executor, "submit"):
        raise UsageError(Problem("usage", f"executor must have submit, as of concurrent.futures, not {executor!r:.60}"))
    if jobs is not None and (not isinstance(jobs, int) or isinstance(jobs, bool) or not 1 <= jobs <= MOST):
        raise UsageError(Problem("usage", f"jobs must be a whole number from 1 to {MOST:,}, not {jobs!r:.60}"))
    if output is None and isinstance(spec, Mapping):
        raise UsageError(Problem("usage", "a sweep that is no file has no folder beside it", "name one as output"))
    loaded = load_sweep(spec)
    folder = folder_of(Path(str(spec))) if output is None else Path(output)
    return carried_out(plan(loaded, folder), folder, executor, jobs, fail_fast=fail_fast)


def folder_of(path: Path) -> Path:
    """The folder of a sweep file, beside it."""
    return path.with_suffix("") if path.suffix else path.with_name(path.name + ".sweep")


Ended = Generator[Outcome, None, None]
Begun = Callable[[Swept, Sequence[Trial], Prepared | None], object]
Told = Callable[[Swept, Outcome, Trial], str]
Page = Callable[[Swept, bytes], bytes]  # of a sweep, and of its best.yaml, the report


def carried_out(
    plan: Plan,
    folder: Path,
    executor: Executor | None = None,
    jobs: int | None = None,
    shard: Shard | None = None,
    fail_fast: bool = False,
    told: Told | None = None,
    begun: Begun | None = None,
    page: Page | None = None,
) -> Swept:
    """What `sweep` does of one that is planned.

    `begun` hears of what is there already, of the trials that are to be run and of their data, `told` of every one that
    is over, and says what the phase is called; `page` makes the report. A shard runs its own trials, and adds them to
    its own file alone.
    """
    records.make(folder)
    with records.held(folder, shard) as lines:
        known = {each.id for each in plan.trials}
        outcomes = {id: outcome for id, outcome in records.read(folder).items() if id in known}
        records.keep_hashes(folder, plan.key, [each.id for each in plan.trials])
        left = [plan.made(each) for each in missing(plan.trials, outcomes, shard)]
        if executor is not None:  # whose workers may be in another folder
            left = [each._replace(folder=each.folder.absolute()) for each in left]
        known_metrics = next((outcome.metrics for outcome in outcomes.values() if outcome.metrics), None)
        groups: list[list[Trial]] = []
        first = None
        if left or known_metrics is None:
            first = begin(plan)
            metric, jobs = first.metric, jobs or worth_starting(left, first.prepared)
            groups = group(left, jobs if executor is None else workers_of(executor), first.prepared)
        else:
            metric = metric_of(plan.sweep, known_metrics)
        swept = Swept(plan.sweep, folder, plan.trials, outcomes, metric, held_out(plan.sweep.first))
        by_id = {each.id: each for each in reversed(plan.trials)}
        table_before = (folder / TABLE).read_bytes() if (folder / TABLE).is_file() else b""
        if begun is not None:
            begun(swept, left, first.prepared if first else None)
        try:
            over = sum(each.final for each in outcomes.values())
            with (
                phase("trials", over + len(left), over) as now,
                closing(outcomes_of(groups, metric, executor, jobs or 1)) as ended,
            ):
                for outcome in ended:
                    refuse_changed(plan, outcome)
                    lines.add(records.written(outcome))
                    outcomes[outcome.id] = outcome
                    now.step()
                    if told is not None:
                        now.name = told(swept, outcome, by_id[outcome.id])
                    if fail_fast and outcome.status in ("failed", "cut"):
                        return swept
        finally:
            tables.forget()
            if shard is None:
                files.write((folder / TABLE, table(swept)))
        if shard is not None or swept.counts()["missing"]:
            return swept
        return finished(plan, swept, page, anew=bool(left) or table_before != (folder / TABLE).read_bytes())


def missing(trials: Sequence[Trial], outcomes: Mapping[str, Outcome], shard: Shard | None) -> list[Trial]:
    """The trials that have no outcome that is final, each once; a shard has some of all of them."""
    unique = {each.id: each for each in reversed(trials)}
    own = [each for k, each in enumerate(reversed(unique.values())) if shard is None or shard.has(k)]
    return [each for each in own if each.id not in outcomes or not outcomes[each.id].final]


class First(NamedTuple):
    """What is known of all trials from the first of them: what its data are, and the metric that they have."""

    prepared: Prepared
    metric: str


def begin(plan: Plan) -> First:
    """A trial before its first epoch: what the data are refused for is found here, before any is trained.

    What is wrong with the first alone is for the table; what is wrong with all that are looked at is raised.
    """
    errors: list[NnfitError] = []
    for each in plan.trials[:: max(1, len(plan.trials) // LOOKED_AT)]:
        try:
            prepared = prepare(placed(plan.sweep, plan.made(each)), read=tables.read)
        except NnfitError as error:
            errors.append(error)
        else:
            return First(prepared, metric_of(plan.sweep, scores(prepared.target)))
    raise errors[0]


def placed(sweep: Sweep, trial: Trial) -> LoadedSpec:
    """The spec of a trial, errors of which are told in the files that people have written."""
    labels = [str(sweep.document.file or "parameters")] * len(trial.values)
    return trial.loaded._replace(document=with_values(copy.deepcopy(sweep.base), trial.values, labels))


def metric_of(sweep: Sweep, known: Collection[str]) -> str:
    """The metric that a sweep is by, a SpecError if it is not known for the target."""
    wanted = sweep.keys.metric
    if wanted is not None and wanted not in known:
        remedy = nearest(wanted, known) or f"write one of {', '.join(name for name in known if name != 'loss')}"
        raise SpecError(sweep.document.problem(("metric",), "wrong-value", f"the target has no {wanted}", remedy))
    return wanted or ("log_loss" if "log_loss" in known else "rmse")


def refuse_changed(plan: Plan, outcome: Outcome) -> None:
    """A DataError if a trial has read other data than the sweep began with."""
    for name, digest in outcome.sha256.items():
        if plan.sha256.get(name, digest) != digest:
            message = f"the data of {name} have changed since the sweep began"
            raise DataError(Problem("changed", message, "give the same command again: all trials are run anew"))


# --- the workers -----------------------------------------------------------------------------------------------------


def outcomes_of(groups: Sequence[Sequence[Trial]], metric: str, executor: Executor | None, jobs: int) -> Ended:
    """What becomes of each trial, as they come, by the executor or by so many processes."""
    if executor is not None:
        for lost in (yield from handed_out(deque(groups), metric, executor)):
            yield from given_up(lost, "the executor broke while it was under way")
    elif (count := min(jobs, len(groups))) > 1:
        yield from by_processes(groups, metric, count)
    else:
        with working(1):
            for k, each in enumerate(groups):
                at_work.tell({k: each}, 1)
                yield from run_group(each, metric)


def worth_starting(trials: Sequence[Trial], prepared: Prepared) -> int:
    """How many processes, up to the cores, have each more to do than it takes to start one, and room for a training."""
    rows = {name: each.n for name, each in prepared.sets.items()}
    each = sum(needed(prepared.spec, rows, sum(feature.kept for feature in prepared.features)))
    return max(1, min(available(), int(seconds(trials, prepared, 1) / START), memory() // each))


def workers_of(executor: Executor) -> int:
    """How many workers an executor has, as far as it says."""
    return getattr(executor, "_max_workers", None) or UNKNOWN


def by_processes(groups: Sequence[Sequence[Trial]], metric: str, count: int) -> Ended:
    """By so many processes of this machine; where one dies, what was under way is run again, each group by itself."""
    left = deque(groups)
    while left:
        for trials in (yield from by_pool(left, metric, count)):
            for _ in range(DEATHS):
                lost = yield from by_pool(deque([trials]), metric, 1)
                if not lost:
                    break
            else:
                yield from given_up(trials, "its process was killed, by somebody or for its memory")


def by_pool(left: deque[Sequence[Trial]], metric: str, count: int) -> Generator[Outcome, None, list[Sequence[Trial]]]:
    """By processes until nothing is left, or one of them dies; the groups that were under way then."""
    pool = Processes(count)
    try:
        lost = yield from handed_out(left, metric, pool)
        if not lost:
            pool.shutdown()
        return lost
    finally:
        pool.kill()


def handed_out(
    left: deque[Sequence[Trial]], metric: str, executor: Executor
) -> Generator[Outcome, None, list[Sequence[Trial]]]:
    """By an executor, until nothing is left or it breaks; the groups that were under way then."""
    window = AHEAD * workers_of(executor)
    under_way: dict[Future[list[Outcome]], Sequence[Trial]] = {}
    at_work.tell(under_way, workers_of(executor))
    lost: list[Sequence[Trial]] = []
    try:
        while under_way or (left and not lost):
            while left and not lost and len(under_way) < window:
                trials = left[0]
                try:
                    under_way[executor.submit(run_group, trials, metric)] = left.popleft()
                except BrokenExecutor:
                    lost.append(trials)
            for future in wait(under_way, return_when=FIRST_COMPLETED).done if under_way else ():
                trials = under_way.pop(future)
                try:
                    found = future.result()
                except BrokenExecutor:
                    lost.append(trials)
                except Exception as error:
                    found = list(given_up(trials, f"{type(error).__name__}: {error}".rstrip(": ")))
                    yield from found
                else:
                    yield from found
        return lost
    finally:
        for future in under_way:
            future.cancel()


def given_up(trials: Sequence[Trial], why: str) -> Iterator[Outcome]:
    """The outcome of trials whose worker did not come back: they are run again with the next command."""
    return (Outcome(each.id, "cut", message=why, code=3) for each in trials)


# --- the best --------------------------------------------------------------------------------------------------------


def finished(plan: Plan, swept: Swept, page: Page | None, anew: bool) -> Swept:
    """The sweep with its best model, trained on all that its spec says, and everything that is written of it.

    The report is made where it is not there, or is to be made `anew`.
    """
    ranking = swept.ranking()
    if not ranking:
        return swept
    spec = best.spec_of(swept.sweep, ranking[0].parameters, swept.folder)
    places = [swept.folder / name for name in (best.MODEL, best.SPEC, REPORT)]
    model = kept(places[0], places[1], spec, plan.sha256)
    if model is None:
        model, anew = trained(spec.loaded, {}, threads.get()).model, True
        files.write((places[0], model.to_bytes()), (places[1], spec.data))  # whatever becomes of the page
    swept = replace(swept, best=model)
    if page is not None and (anew or not places[2].is_file()):
        files.write((places[2], page(swept, spec.data)))
    return swept


def kept(model: Path, file: Path, spec: best.Best, sha256: Mapping[str, str]) -> Model | None:
    """The model that an earlier command left, where the same spec, data and version would make it again.

    The file may be the same, and what it extends another.
    """
    try:
        if file.read_bytes() != spec.data:
            return None
        found = load(model)
        if found.spec != resolve(spec.loaded, found.features, found.target):
            return None
    except (OSError, NnfitError):
        return None
    same = found.record.get("sha256") == sha256 and found.record.get("versions") == versions()
    return found if same and found.to_bytes() == model.read_bytes() else None
