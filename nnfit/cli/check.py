"""`nnfit check`: everything that can be known about a spec before training it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nnfit.cli.outputs import json_of


def check(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec to check; - reads stdin.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one key of the spec.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read SPEC and its data, list every error and warning, and prove the gradients of this network on these rows.

    The gradients of back-propagation are compared with central differences in float64, at the initial weights, on
    training rows of the spec. Exits with 3 for an error in the spec, 4 for one in the data.
    """
    from nnfit.cli import screen
    from nnfit.config.loader import load_spec
    from nnfit.diagnostics.gradcheck import TOLERANCE
    from nnfit.diagnostics.health import stuck, unbalanced
    from nnfit.errors import NnfitError, Problem, SpecError
    from nnfit.fit import advice
    from nnfit.fit.examination import examine, gradient_check
    from nnfit.fit.prepare import prepare
    from nnfit.fit.run import start

    loaded = prepared = result = error = None
    warnings: list[Problem] = []
    try:
        loaded = load_spec(spec, overrides or ())
        prepared = prepare(loaded, warnings=warnings)
        with advice.at_its_key(loaded.document):
            found = examine(prepared, start(prepared).state.theta)
        result = gradient_check(prepared)
        warnings += advice.placed(loaded.document, [*stuck(found), *unbalanced(found)])
    except NnfitError as found:
        error = found
    proved = result is not None and result.max_relative_error <= TOLERANCE
    code = error.exit_code if error else 0 if proved else 1
    errors = error.problems if error else ()
    if as_json:
        report: dict[str, Any] = {
            "ok": code == 0,
            "errors": [problem.as_json() for problem in errors],
            "warnings": [problem.as_json() for problem in warnings],
            "network": None,
            "gradient_check": None,
        }
        if prepared and result:
            network = prepared.network
            report["network"] = {"layers": screen.layers(network), "parameters": network.P}
            report["gradient_check"] = {
                "max_relative_error": result.max_relative_error,
                "tolerance": TOLERANCE,
                "checked": result.checked,
                "skipped": result.skipped,
            }
        print(json_of(report))
        raise typer.Exit(code)

    console = screen.out()
    sheet = screen.Sheet(console)
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
    raise typer.Exit(code)
