"""`nnfit sweep`: many trainings of one family, on every core or on other machines, the best one kept."""

from __future__ import annotations

import re
import shlex
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nnfit.cli.board import Board
from nnfit.cli.outputs import json_of
from nnfit.cli.ranked import fitting, headings, shown
from nnfit.words import count, digits, plain, short
from nnfit.workers.threads import MOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnfit.errors import Problem
    from nnfit.fit.prepare import Prepared
    from nnfit.sweeps.records import Shard
    from nnfit.sweeps.results import Swept
    from nnfit.sweeps.running import Outcome
    from nnfit.sweeps.sweep import Page
    from nnfit.sweeps.trials import Trial

TOP = 10  # points that are shown
TOLD = 3  # trials that failed whose messages are shown


def sweep(
    spec: Annotated[
        Path, typer.Argument(metavar="SWEEP", help="The YAML file of the parameters, and of the spec they are of.")
    ],
    output: Annotated[
        str | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Where everything goes; by default beside SWEEP."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            max=MOST,
            help="Processes that train; by default as many as pay off and have memory, at most one for each core.",
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Train on the Dask cluster of this scheduler, its address or its file."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N", help="Run part I of N, 1 to N, and join nothing: for the tasks of a job array, or make."
        ),
    ] = None,
    fail_fast: Annotated[
        bool, typer.Option("--fail-fast", help="Begin no trial after one that failed; diverging is no failure.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Train the trials of SWEEP on every core, and keep the best.

    SWEEP names a spec, values of its keys, and how they are searched; nnfit check SWEEP says how many trials these
    are, and about how long they take. FOLDER gets trials.csv, the best spec as best.yaml, its model as best.npz, and
    report.html. The metric is on rows not learnt from; test rows are looked at once, by the best alone. With search:
    halving the trials are trained rung by rung, and only the best go on to the next.
    Whatever stops the command, what is finished is kept in FOLDER: the same command again runs what is missing. The
    model is the same for any number of jobs and shards, and so is the table but for its seconds. Exits with 6 if a
    trial failed, or none has a score.
    """
    from nnfit.cli import progress, screen, signals
    from nnfit.errors import Problem, UsageError
    from nnfit.sweeps.at_work import watched_by
    from nnfit.sweeps.cluster import connected
    from nnfit.sweeps.reading import load_sweep
    from nnfit.sweeps.sweep import carried_out, folder_of, plan
    from nnfit.workers.ranks import started, variables

    part = shard_of(shard)
    if dask is not None and jobs is not None:
        message = "--jobs is of this machine, and a cluster has workers of its own"
        raise UsageError(Problem("usage", message, "leave one of --jobs and --dask out"))
    if dask is not None and part is not None:
        message = "--shard is of the tasks of a job array, and a cluster shares the trials out itself"
        raise UsageError(Problem("usage", message, "leave one of --shard and --dask out"))
    if part is None and (rank := started()) is not None:
        message = f"mpirun has started {rank.size} processes, which do not share a sweep"
        alone = f"where there is no mpirun, env -u {' -u '.join(variables())} nnfit sweep"
        remedy = f"start it once, with --jobs, or give each a part with --shard; {alone}"
        raise UsageError(Problem("usage", message, remedy))
    if output is None and str(spec) == "-":
        message = "a sweep from standard input has no folder beside it"
        raise UsageError(Problem("usage", message, "give -o FOLDER"))
    if output == "":
        raise UsageError(Problem("usage", "the name is empty", "name a folder"))
    loaded = load_sweep(spec)
    folder = folder_of(spec) if output is None else Path(output)
    planned = plan(loaded, folder)
    shown = Shown()
    begun = time.perf_counter()
    page = None if part else page_maker()
    try:
        with (
            nullcontext() if dask is None else connected(dask, progress.note) as executor,
            watched_by(shown.board.handed_out),
        ):
            swept = carried_out(planned, folder, executor, jobs, part, fail_fast, shown.of, shown.of_start, page)
    except signals.Stopped as error:
        again = shlex.join(command(spec, output, jobs, dask, shard, fail_fast))
        error.advice = (
            f"{shown.rung}{shown.over:,} of {count(shown.all, 'training')} are finished and kept; go on with {again}"
        )
        raise
    seconds = time.perf_counter() - begun
    warnings = doubts(swept)
    screen.warn(*warnings)
    chance = chance_of(swept) if as_json or part is None else None  # a shard shows no best
    if as_json:
        print(json_of(report(swept, str(spec), shown.run, seconds, chance, warnings)))
    else:
        show(swept, shown.run, seconds, part, chance)
    counts = swept.counts()
    if counts["failed"] or (not part and not counts["missing"] and not swept.ranking()):
        raise typer.Exit(6)


def shard_of(text: str | None) -> Shard | None:
    """The part that --shard names; a UsageError for what is none."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.sweeps.records import MOST_SHARDS, Shard

    if text is None:
        return None
    found = re.fullmatch(r"([0-9]{1,5})/([0-9]{1,5})", text)
    if found is None or not 1 <= int(found[1]) <= int(found[2]) <= MOST_SHARDS:
        message = "expected I/N, a part and how many there are"
        raise UsageError(Problem("usage", message, "as in 1/3, 2/3 and 3/3", Place(f"--shard {short(text)}")))
    return Shard(int(found[1]), int(found[2]))


def command(
    spec: Path, output: str | None, jobs: int | None, dask: str | None, shard: str | None, fail_fast: bool
) -> list[str]:
    """The words of the command as it was called."""
    options = {"-o": output, "--jobs": None if jobs is None else str(jobs), "--dask": dask, "--shard": shard}
    given = [word for option, value in options.items() if value is not None for word in (option, value)]
    return ["nnfit", "sweep", str(spec), *given, *["--fail-fast"] * fail_fast]


class Shown:
    """The trials as they end: a line now and then, and what is best so far in the bar, or on a terminal above it."""

    def __init__(self) -> None:
        self.board = Board()
        self.all = self.over = self.run = 0
        self.best: tuple[float, int] | None = None
        self.said = 0.0
        self.rung = ""

    def of_start(self, swept: Swept, left: Sequence[Trial], prepared: Prepared | None) -> None:
        """What is there already, and what is to be done: of a shard its own."""
        from nnfit.cli import progress
        from nnfit.sweeps.cost import of_trial

        rung = swept.rung
        self.best, self.all = None, len(swept.entered)
        self.rung = f"{rung.name}, {count(rung.epochs, 'epoch')}: " if rung.name else ""
        self.over = sum(trial.id in swept.outcomes for trial in swept.entered)
        for trial in swept.entered[:: swept.sweep.keys.repeat]:
            self.see(swept, trial)
        if self.over:
            rest = f"{len(left):,} to run" if left else "none is missing"
            progress.note(f"{self.rung}{self.over:,} of {count(self.all, 'training')} are finished already, {rest}")
        if progress.current.terminal and prepared is not None:
            self.board.start({each.id: of_trial(each, prepared, rung.epochs - rung.before) for each in left})
            progress.above(self.board)

    def see(self, swept: Swept, trial: Trial) -> None:
        """The best so far: of points with several seeds, among those all of whose trials are over."""
        repeat, sign = swept.sweep.keys.repeat, 1 if swept.higher else -1
        first = (trial.number - 1) * repeat
        value = swept.value(trial) if repeat == 1 else swept.row(swept.trials[first : first + repeat]).score
        if value is not None and (self.best is None or sign * value > sign * self.best[0]):
            self.best = value, trial.number
            names = headings(list(trial.values))
            with_ = ", ".join(f"{name} {shown(own)}" for name, own in zip(names, trial.values.values(), strict=True))
            self.board.best = f"{swept.metric} {digits(value)}, trial {trial.number}" + f": {with_}" * bool(with_)

    def of(self, swept: Swept, outcome: Outcome, trial: Trial) -> str:
        """A trial has ended; what the bar is called from now on."""
        from nnfit.cli import progress

        self.over, self.run = self.over + 1, self.run + 1
        self.board.ended(outcome)
        self.see(swept, trial)
        now = time.monotonic()
        failed = outcome.status not in ("done", "halted")
        if failed or self.over == self.all or self.over % progress.step_of(self.all) == 0 or now - self.said > 5:
            self.said = now
            value = swept.value(trial)
            told = outcome.status if value is None else f"{swept.metric} {digits(value)}"
            told += f": {short(outcome.message)}" * failed
            best = f", best {digits(self.best[0])} of trial {self.best[1]}" if self.best else ""
            progress.note(plain(f"{self.rung}{self.over}/{self.all} trial {trial.number}  {told}{best}"))
        if self.best is None or progress.current.terminal:  # where the best stands above the bar
            return f"{self.rung}trials"
        value, number = self.best
        return f"{self.rung}{self.over}/{self.all} trials, best {swept.metric} {digits(value)} of trial {number}"


def page_maker() -> Page | None:
    """What makes report.html of a sweep; None, and a word of it, where the extra is not there."""
    from nnfit.cli import screen
    from nnfit.errors import UsageError
    from nnfit.report import extra

    if not extra.there():
        try:
            extra.require()
        except UsageError as error:
            screen.note(f"there will be no report.html: {error}")
        return None

    def page(swept: Swept, best: bytes) -> bytes:
        from nnfit.report.from_sweep import page_of_sweep

        extra.load_alone()  # here, since a command that finds nothing to do makes no page
        return page_of_sweep(swept, best, tuple(doubts(swept)))

    return page


def doubts(swept: Swept) -> list[Problem]:
    """What is in doubt about the table."""
    from nnfit.errors import Problem
    from nnfit.model.learnt import steered

    found = []
    failed = [row for row in swept.rows if row.status == "failed"]
    for row in failed[:TOLD]:
        again = "" if all(outcome.final for outcome in row.outcomes) else "the same command runs it again"
        found.append(Problem("failed", f"trial {row.number}: {row.message}", again))
    if len(failed) > TOLD:
        found.append(Problem("failed", f"{len(failed)} trials failed in all", "trials.csv has the message of each"))
    if not swept.ranking() and not swept.counts()["missing"]:
        found.append(without_best(swept))
    rows = {outcome.rows for outcome in swept.outcomes.values() if outcome.status == "done"}
    if len(rows) > 1:
        message = f"the trials are scored on different rows, {min(rows):,} to {max(rows):,} of them"
        found.append(Problem("other-rows", message))
    if swept.test_chose:
        message = "each seed draws test rows of its own, so that those of the best were not kept from its other seeds"
        found.append(Problem("test-drawn-anew", message, "set data.split_seed, or keep test rows in a file"))
    if swept.held_out == "validation" and steered(swept.sweep.first):
        message = "the validation rows steer each training and score it too: all scores lean to the good side"
        found.append(Problem("watched", message, "with training.resample: folds none of the rows does both"))
    return found


def without_best(swept: Swept) -> Problem:
    """Why there is no best, though all trials are over."""
    from nnfit.errors import Problem

    statuses = {row.status for row in swept.rows}
    if statuses & {"done", "halted"}:
        message = f"no trial has a score: {swept.metric} is not defined on the rows held out"
        return Problem(
            "no-best", message, "name another metric in the sweep: what is trained need not be trained again"
        )
    if statuses == {"diverged"}:
        return Problem("no-best", "no trial has a score: all diverged", "try smaller learning rates")
    return Problem("no-best", "no trial has a score: none was trained to its end", "trials.csv has the message of each")


class Chance(NamedTuple):
    """How much of the best's score is chance, as the page says it: in sentences, and as JSON where it is known."""

    words: str
    told: dict[str, Any] | None


def chance_of(swept: Swept) -> Chance | None:
    """What is known of how good the best is on new rows; None where it is the best of one, or of none."""
    from nnfit.report.from_sweep import as_sweep
    from nnfit.report.luck import apart, luck, of_optimism, of_others, unknown

    if len(swept.ranking()) < 2:
        return None
    sweep = as_sweep(swept)
    found = luck(sweep)
    if found is None:
        return Chance(unknown(sweep), None)
    told = {
        "by": found.by,
        "value": found.optimism,
        "expected": found.expected(sweep),
        "not_told_apart": apart(sweep, found),
    }
    return Chance(f"{of_optimism(sweep, found)} {of_others(sweep, found)}".rstrip(), told)


def report(
    swept: Swept, name: str, run: int, seconds: float, chance: Chance | None, warnings: list[Problem]
) -> dict[str, Any]:
    """What --json prints."""
    points = [
        {
            "trial": row.number,
            "parameters": row.parameters,
            "value": row.score,
            "sd": row.sd,
            "values": list(row.values),
            "members_sd": row.members,
            "epochs": row.epochs,
            "seconds": row.seconds,
        }
        for row in swept.ranking()[:TOP]
    ]
    return {
        "sweep": name,
        "folder": str(swept.folder),
        "metric": swept.metric,
        "higher_is_better": swept.higher,
        "set": swept.held_out,
        "repeat": swept.sweep.keys.repeat,
        "trials": {"all": len(swept.sweep.points), **swept.counts()},
        "trained": run,
        "seconds": seconds,
        "best": points[0] if points else None,
        "optimism": None if chance is None else chance.told,
        "test": None if swept.best is None else swept.best.metrics.get("test"),
        "top": points,
        "warnings": [problem.as_json() for problem in warnings],
    }


def show(swept: Swept, run: int, seconds: float, shard: Shard | None, chance: Chance | None) -> None:
    """What a person sees: the best points with their spread, what is chance, the test rows, and what was done."""
    from nnfit.cli import screen
    from nnfit.model.described import number, shown_metrics
    from nnfit.sweeps.results import cell

    console = screen.out()
    counts, ranking = swept.counts(), swept.ranking()
    repeat = swept.sweep.keys.repeat
    if ranking and shard is None:
        names = list(swept.sweep.parameters)
        over = "sd of seeds" if repeat > 1 else "sd of members" * (ranking[0].members is not None)
        head = ["trial", *headings(names), swept.metric, *[over] * bool(over), "epochs", "seconds"]
        body = []
        for row in ranking[:TOP]:
            sd = row.sd if repeat > 1 else row.members
            values = [shown(row.parameters[name]) for name in names]
            line = [str(row.number), *values, number(row.score), *[number(sd)] * bool(over)]
            body.append([*line, cell(row.epochs), f"{row.seconds:.2f}"])
        side = "higher" if swept.higher else "lower"
        mean = f", the mean of {repeat} seeds" * (repeat > 1)
        title = f"The best of {count(len(ranking), 'trial')} by {swept.metric} on {swept.held_out} rows{mean}"
        grid = screen.grid(f"{title}; {side} is better", head, body)
        left_out = fitting(console, grid, len(names))
        console.print(grid)
        if left_out:
            console.print(f"{count(left_out, 'parameter')} had no room here: trials.csv has all")
        if chance is not None:
            console.print(plain(chance.words))
    told = ""
    if swept.best is not None:
        test = swept.best.metrics.get("test", {})
        told = ", ".join(f"{name} {digits(test[name])}" for name in shown_metrics([test]) if test.get(name))
        if told:
            whose = "drawn by the first seed alone, so that others have learnt from them or were scored by them"
            whose = whose if swept.test_chose else "looked at once, by the best alone"
            console.print(plain(f"Test rows, {whose}: {told}"))
        if swept.best is not None and not told and len(ranking) > 1:
            console.print("There are no test rows to say how good it is: data.test in the spec would keep some")
    ended = ", ".join(f"{n} {status}" for status, n in counts.items() if n)
    trained = f"{run:,} trained" if repeat == 1 and swept.rung.of == 1 else count(run, "training")
    what = f"shard {shard.number}/{shard.of}: " if shard else ""
    where = f"; best model written to {swept.folder / 'best.npz'}" if swept.best else f"; kept in {swept.folder}"
    where += ", which the command without --shard joins" if shard else ""
    if shard and not swept.rung.last:
        where += f"; {swept.rung.name} waits for the other shards, and after them the same command goes on"
    console.print(
        plain(f"{what}{count(len(swept.sweep.points), 'trial')}: {ended}; {trained} in {seconds:.2f} s{where}")
    )
