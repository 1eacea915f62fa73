"""A sweep from its file to its folder: what is missing is run, by any executor, and what is finished is kept."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import replace
from functools import cache
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
from nnfit.storage.lines import Appending
from nnfit.sweeps import best, records
from nnfit.sweeps.cost import seconds
from nnfit.sweeps.engines import Machine, outcomes_of, workers_of
from nnfit.sweeps.halving import known, onward
from nnfit.sweeps.reading import Sweep, load_sweep
from nnfit.sweeps.records import Shard
from nnfit.sweeps.results import Swept, table
from nnfit.sweeps.running import Outcome, Part, group, held_out, tables
from nnfit.sweeps.space import Point
from nnfit.sweeps.trials import Digest, Trial, files_of, hashed, trial, with_values
from nnfit.version import __version__
from nnfit.words import nearest
from nnfit.workers.cores import available
from nnfit.workers.threads import MOST, threads

TABLE, REPORT = "trials.csv", "report.html"
LOOKED_AT = 10  # trials, at least, before all are said to be wrong
START = 1.0  # seconds that a process takes to start


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
    makes one of processes begins behind `if __name__ == "__main__":`, as all that do. With `fail_fast` no trial is
    begun after one that failed.

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

    `begun` hears of what is there already, of the trials that are to be run and of their data, on each rung, `told` of
    every one that is over, and says what the phase is called; `page` makes the report. A shard runs its own trials, and
    adds them to its own file alone.
    """
    orders = Orders(executor, Machine(), jobs, shard, fail_fast, told, begun)
    records.make(folder)
    with records.held(folder, shard) as lines:
        ids = {each.id for each in plan.trials}
        found = known_of(folder, ids)
        records.keep_hashes(folder, plan.key, [each.id for each in plan.trials])
        first = cache(lambda: begin(plan))
        metrics = next(
            (each.metrics for of_rungs in found.values() for each in of_rungs.values() if each.metrics), None
        )
        metric = first().metric if metrics is None else metric_of(plan.sweep, metrics)
        rungs, factor = plan.sweep.rungs, plan.sweep.keys.search.factor
        table_before = (folder / TABLE).read_bytes() if (folder / TABLE).is_file() else b""
        outcomes: dict[str, Outcome] = {}
        entered, worked = plan.trials, False
        held = held_out(plan.sweep.first)
        swept = Swept(plan.sweep, folder, plan.trials, outcomes, metric, held, rungs[0], entered)
        try:
            for rung in rungs:
                swept = replace(swept, rung=rung, entered=entered)
                stand(swept, outcomes, found)
                run = climbed(plan, swept, outcomes, found, lines, orders, first)
                worked = worked or bool(run)
                if shard is not None:  # what others have done since
                    found = known_of(folder, ids)
                    stand(swept, outcomes, found)
                if run is None or rung.last or any(each.id not in outcomes for each in entered):
                    break
                points = onward({row.number: row.score for row in swept.rows_of(entered)}, factor, swept.higher)
                entered = [each for each in entered if each.number in points]
                records.drop_states(folder, {each.id for each in entered})
            orders.machine.end()
        finally:
            orders.machine.kill()
            tables.forget()
            if shard is None:
                files.write((folder / TABLE, table(swept)))
        if shard is not None or swept.counts()["missing"]:
            return swept
        records.drop_states(folder)
        return finished(plan, swept, page, anew=worked or table_before != (folder / TABLE).read_bytes())


class Orders(NamedTuple):
    """By whom, which part, and who hears of it: as `carried_out` is told."""

    executor: Executor | None
    machine: Machine
    jobs: int | None
    shard: Shard | None
    fail_fast: bool
    told: Told | None
    begun: Begun | None


Known = dict[str, dict[int, Outcome]]  # the outcomes of trials by their hash and the key of their rung


def known_of(folder: Path, ids: Collection[str]) -> Known:
    """What the folder knows of some trials."""
    return {id: of_rungs for id, of_rungs in records.read(folder).items() if id in ids}


def stand(swept: Swept, outcomes: dict[str, Outcome], found: Known) -> None:
    """Put the outcomes of the trials that have entered a rung in place of those of the rung before."""
    for each in swept.entered:
        outcome = known(found.get(each.id, {}), swept.rung)
        if outcome is None:
            outcomes.pop(each.id, None)
        else:
            outcomes[each.id] = outcome


def climbed(
    plan: Plan,
    swept: Swept,
    outcomes: dict[str, Outcome],
    found: Known,
    lines: Appending,
    orders: Orders,
    first: Callable[[], First],
) -> int | None:
    """Run what is missing of a rung, and keep what becomes of it: how many trials that were, None if one has ended it.

    What a trial goes on from is kept before its line, and read when it is handed out.
    """
    rung, folder, metric, executor = swept.rung, swept.folder, swept.metric, orders.executor
    left = [plan.made(each) for each in missing(swept.entered, outcomes, orders.shard)]
    if executor is not None:  # whose workers may be in another folder
        left = [each._replace(folder=each.folder.absolute()) for each in left]
    groups: list[list[Trial]] = []
    jobs, prepared = orders.jobs or 1, None
    if left:
        prepared = first().prepared
        jobs = orders.jobs or worth_starting(left, prepared, rung.epochs - rung.before)
        groups = group(left, jobs if executor is None else workers_of(executor), prepared)

    def asked(trials: Sequence[Trial]) -> tuple[Any, ...]:
        if rung.of == 1:
            return trials, metric
        return trials, metric, Part(rung.epochs, {each.id: records.state(folder, each.id) for each in trials})

    by_id = {each.id: each for each in reversed(swept.entered)}
    if orders.begun is not None:
        orders.begun(swept, left, prepared)
    over = sum(id in outcomes and outcomes[id].final for id in by_id)
    name = "trials" if rung.of == 1 else rung.name
    with (
        phase(name, over + len(left), over) as now,
        closing(outcomes_of(groups, asked, executor, jobs, orders.machine)) as ended,
    ):
        for found_together in ended:
            for outcome in found_together:
                refuse_changed(plan, outcome.sha256)
                if rung.of > 1:
                    records.keep_state(folder, outcome)
                    before = found.get(outcome.id, {}).get(rung.before or -1)
                    spent = outcome.seconds + (before.seconds if before is not None else 0.0)
                    outcome = outcome._replace(rung=rung.key, seconds=spent, state=b"")
                lines.add(records.written(outcome))
                records.add(found, outcome)
                outcomes[outcome.id] = outcome
                now.step()
                if orders.told is not None:
                    now.name = orders.told(swept, outcome, by_id[outcome.id])
            if orders.fail_fast and any(each.status in ("failed", "cut") for each in found_together):
                return None
    return len(left)


def missing(trials: Sequence[Trial], outcomes: Mapping[str, Outcome], shard: Shard | None) -> list[Trial]:
    """The trials that have no outcome that is final, each once; a shard has some of all of them."""
    unique = {each.id: each for each in reversed(trials)}
    own = [each for k, each in enumerate(reversed(unique.values())) if shard is None or shard.has(k)]
    return [each for each in own if each.id not in outcomes or not outcomes[each.id].final]


def worth_starting(trials: Sequence[Trial], prepared: Prepared, epochs: int) -> int:
    """How many processes, up to the cores, have each more to do than it takes to start one, and room for a training."""
    rows = {name: each.n for name, each in prepared.sets.items()}
    each = sum(needed(prepared.spec, rows, sum(feature.kept for feature in prepared.features)))
    return max(1, min(available(), int(seconds(trials, prepared, 1, epochs) / START), memory() // each))


class First(NamedTuple):
    """What is known of all trials from the first that can be trained: its data, and the metric that they have."""

    prepared: Prepared
    metric: str
    point: Point


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
            return First(prepared, metric_of(plan.sweep, scores(prepared.target)), each.values)
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


def refuse_changed(plan: Plan, sha256: Mapping[str, str]) -> None:
    """A DataError if these are not the data that the sweep began with."""
    for name, digest in sha256.items():
        if plan.sha256.get(name, digest) != digest:
            message = f"the data of {name} have changed since the sweep began"
            raise DataError(Problem("changed", message, "give the same command again: all trials are run anew"))


# --- the best --------------------------------------------------------------------------------------------------------


def finished(plan: Plan, swept: Swept, page: Page | None, anew: bool) -> Swept:
    """The sweep with its best model, trained on all that its spec says, and everything that is written of it.

    The report is made where it is not there, or is to be made `anew`.
    """
    ranking = swept.ranking()
    places = [swept.folder / name for name in (best.MODEL, best.SPEC, REPORT)]
    if not ranking:  # what went wrong is wanted all the more
        if page is not None and (anew or not places[2].is_file()):
            files.write((places[2], page(swept, b"")))
        return swept
    spec = best.spec_of(swept.sweep, ranking[0].parameters, swept.folder)
    model = kept(places[0], places[1], spec, plan.sha256)
    if model is None:
        model, anew = trained(spec.loaded, {}, threads.get()).model, True
        refuse_changed(plan, model.record["sha256"])
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
