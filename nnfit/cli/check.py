"""`nnfit check`: everything that can be known about specs before training them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from nnfit.cli.outputs import json_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nnfit.config.loader import LoadedSpec
    from nnfit.diagnostics.gradcheck import GradientCheck
    from nnfit.errors import NnfitError, Problem
    from nnfit.fit.prepare import Prepared
    from nnfit.sweeps.against_data import Untrainable


class Checked(NamedTuple):
    """How far a spec came, what stopped it, and what is in doubt."""

    loaded: LoadedSpec | None
    prepared: Prepared | None
    gradients: GradientCheck | None
    error: NnfitError | None
    warnings: list[Problem]

    @property
    def code(self) -> int:
        """The exit code."""
        from nnfit.diagnostics.gradcheck import TOLERANCE

        if self.error:
            return self.error.exit_code
        return 0 if self.gradients is not None and self.gradients.max_relative_error <= TOLERANCE else 1


def check(
    specs: Annotated[list[Path], typer.Argument(metavar="SPEC", help="The YAML specs to check; - reads stdin.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one key of the spec.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read SPEC and its data, list every error and warning, and prove the gradients of this network on these rows.

    The gradients of back-propagation are compared with central differences in float64, at the initial weights, on
    training rows of the spec. Exits with 3 for an error in the spec, 4 for one in the data. Of several specs, each is
    checked, whatever the others are; the exit code is that of the first which is not fine. Of a sweep, every value of
    its parameters is held against the spec, the data and memory, and the number of its trials is told with about how
    long they take.
    """
    from nnfit.errors import Problem, UsageError

    if as_json and len(specs) > 1:
        raise UsageError(Problem("usage", f"--json is of one SPEC, not of {len(specs)}", "check each alone"))
    codes = []
    for spec in specs:
        if is_sweep(spec):
            codes.append(check_sweep(spec, overrides or (), as_json, named=len(specs) > 1))
            continue
        found = checked(spec, overrides or ())
        codes.append(found.code)
        if as_json:
            print(json_of(report(found)))
        else:
            show(spec, found, named=len(specs) > 1)
    if len(specs) > 1:
        summarise(specs, codes)
    raise typer.Exit(next(filter(None, codes), 0))


def summarise(specs: Sequence[Path], codes: Sequence[int]) -> None:
    """Which of several specs are not fine, in one line."""
    from nnfit.cli import screen
    from nnfit.words import count, plain

    wrong = [str(spec) for spec, code in zip(specs, codes, strict=True) if code]
    named = f"; not: {', '.join(wrong)}" if wrong else ""
    screen.out().print(plain(f"{count(len(specs), 'spec')} checked, {len(specs) - len(wrong)} fine{named}"))


def checked(spec: Path, overrides: Sequence[str]) -> Checked:
    """All that is found out about a spec; what is wrong with it is no error here."""
    from nnfit.config.loader import load_spec
    from nnfit.diagnostics.health import stuck, unbalanced
    from nnfit.errors import NnfitError
    from nnfit.fit import advice
    from nnfit.fit.examination import examine, gradient_check
    from nnfit.fit.prepare import prepare
    from nnfit.fit.run import start

    loaded = prepared = gradients = None
    warnings: list[Problem] = []
    try:
        loaded = load_spec(spec, overrides)
        prepared = prepare(loaded, warnings=warnings)
        with advice.at_its_key(loaded.document):
            found = examine(prepared, start(prepared).state.theta)
        gradients = gradient_check(prepared)
        warnings += advice.placed(loaded.document, [*stuck(found), *unbalanced(found)])
    except NnfitError as error:
        return Checked(loaded, prepared, gradients, error, warnings)
    return Checked(loaded, prepared, gradients, None, warnings)


def is_sweep(spec: Path) -> bool:
    """Whether a file is a sweep; one that cannot be read is not, and is told as a spec."""
    from nnfit.config import loader
    from nnfit.errors import NnfitError

    try:
        return str(spec) != "-" and loader.is_sweep(loader.parsed(spec).value)
    except NnfitError:
        return False


def check_sweep(path: Path, overrides: Sequence[str], as_json: bool, named: bool) -> int:
    """Check a sweep, show what was found, and give the exit code."""
    from nnfit.cli import screen
    from nnfit.cli.progress import clock
    from nnfit.errors import NnfitError, Place, Problem, UsageError
    from nnfit.sweeps import cost
    from nnfit.sweeps.against_data import untrainable
    from nnfit.sweeps.halving import total
    from nnfit.sweeps.reading import load_sweep
    from nnfit.sweeps.sweep import begin, plan
    from nnfit.words import count, plain
    from nnfit.workers.cores import available

    if overrides:
        message, remedy = "a sweep says the values itself", "write them in the spec, or in the sweep"
        raise UsageError(Problem("usage", message, remedy, Place("--set")))
    error: NnfitError | None = None
    told: dict[str, Any] = {}
    bad: list[Untrainable] = []
    try:
        loaded = load_sweep(path)
        planned = plan(loaded)
        first = begin(planned)
        told = {
            "trials": len(planned.trials),
            "points": len(loaded.points),
            "repeat": loaded.keys.repeat,
            "metric": first.metric,
            "jobs": available(),
            "rungs": [{"epochs": rung.epochs, "points": rung.points} for rung in loaded.rungs],
            "epochs": total(loaded.rungs) * loaded.keys.repeat,
            "epochs_of_grid": loaded.trials * loaded.first.training.epochs,
            "seconds": cost.of_rungs(loaded.rungs, planned.trials, first.prepared, available()),
        }
        bad = list(untrainable(loaded, first.point, first.prepared))
        if any(each.trial for each in bad):
            told["seconds"] = None
        wrong = [f"trial {each.number}: {each.problems[0]}" for each in planned.trials if each.spec is None]
    except NnfitError as found:
        error, wrong = found, []
    warnings = [Problem("no-spec", message, "it will be failed in the table") for message in wrong[:3]]
    warnings += [each.problem for each in bad if not each.trial]
    errors = list(error.problems) if error else [each.problem for each in bad if each.trial]
    code = error.exit_code if error else 3 * bool(errors)
    if as_json:
        problems = [problem.as_json() for problem in errors]
        doubts = [problem.as_json() for problem in warnings]
        print(json_of({"ok": not errors, "errors": problems, "warnings": doubts, "sweep": told or None}))
        return code
    sheet = screen.Sheet(screen.out())
    if named:
        sheet.section(f"── {plain(str(path))}")
    sheet.section("sweep")
    if error:
        sheet.bad(*error.problems)
    else:
        repeated = f" ({count(told['points'], 'point')}, {told['repeat']} seeds each)" if told["repeat"] > 1 else ""
        sheet.good(f"{path}: every value of every parameter fits the spec")
        sheet.good(f"{count(told['trials'], 'trial')}{repeated}, compared by {told['metric']}")
        if loaded.keys.search.method == "halving":
            sheet.good(told_rungs(told))
        if not errors:
            took = f"about {clock(told['seconds'])} on {count(told['jobs'], 'core')}, estimated from the sizes"
            sheet.good(took)
        sheet.bad(*errors)
        sheet.doubt(*warnings)
    sheet.close()
    return code


def told_rungs(told: dict[str, Any]) -> str:
    """The rungs of successive halving, and what they save."""
    from nnfit.words import count

    first, *others = told["rungs"]
    steps = [f"{count(first['points'], 'point')} to epoch {first['epochs']:,}"]
    steps += [f"the best {rung['points']:,} to {rung['epochs']:,}" for rung in others]
    share = told["epochs"] / told["epochs_of_grid"]
    spent = f"{told['epochs']:,} epochs in all, {share:.0%} of the {told['epochs_of_grid']:,} of all to the end"
    return f"{count(len(told['rungs']), 'rung')}: {', '.join(steps)}; {spent}"


def report(found: Checked) -> dict[str, Any]:
    """What --json prints."""
    from nnfit.cli import screen
    from nnfit.diagnostics.gradcheck import TOLERANCE

    told: dict[str, Any] = {
        "ok": found.code == 0,
        "errors": [problem.as_json() for problem in (found.error.problems if found.error else ())],
        "warnings": [problem.as_json() for problem in found.warnings],
        "network": None,
        "gradient_check": None,
    }
    if found.prepared and found.gradients:
        network = found.prepared.network
        told["network"] = {"layers": screen.layers(network), "parameters": network.P}
        told["gradient_check"] = {
            "max_relative_error": found.gradients.max_relative_error,
            "tolerance": TOLERANCE,
            "checked": found.gradients.checked,
            "skipped": found.gradients.skipped,
        }
    return told


def show(spec: Path, found: Checked, named: bool) -> None:
    """What a person sees; which spec it is stands above, where it is one of several."""
    from nnfit.cli import screen
    from nnfit.diagnostics.gradcheck import TOLERANCE
    from nnfit.errors import SpecError
    from nnfit.words import plain

    loaded, prepared, result, error, warnings = found
    console = screen.out()
    sheet = screen.Sheet(console)
    if named:
        sheet.section(f"── {plain(str(spec))}")
    sheet.section("spec")
    if loaded:
        sheet.good(f"{spec}: every key is known, the loss {loaded.spec.loss} fits the output layer")
    elif error:
        sheet.bad(*error.problems)
    if loaded:
        sheet.section("data")
    if prepared:
        for name, rows in prepared.sets.items():
            sheet.good(f"{name}: {rows.n:,} rows")
        sheet.good(f"{len(prepared.features)} columns become {prepared.network.inputs} inputs")
        screen.show_columns(console, prepared.features)
        sheet.doubt(*(problem for problem in warnings if not problem.place.key))
        sheet.section("network")
        sheet.good(f"{prepared.network.P:,} parameters, its ends fit the data")
        screen.show_network(console, prepared.network, prepared.spec.network.members)
        sheet.doubt(*(problem for problem in warnings if problem.place.key))
        sheet.section("gradients")
        if result:
            screen.show_gradient(sheet, result, TOLERANCE)
        elif error:
            sheet.bad(*error.problems)
    elif loaded and error:
        if isinstance(error, SpecError):
            sheet.note("the data do not fit the spec:")
        sheet.bad(*error.problems)
        sheet.doubt(*warnings)
    sheet.close()
