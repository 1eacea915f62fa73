"""`nnfit check`: everything that can be known about a spec before training it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from nnfit.cli.threads import set_threads


def check(
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The YAML spec to check.")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override one key of the spec.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Read SPEC and its data, list every error and warning, and prove the gradients of this network on these rows.

    The gradients of back-propagation are compared with central differences in float64, at the initial weights, on
    training rows of the spec. Exits with 3 for an error in the spec, 4 for one in the data.
    """
    set_threads()
    from nnfit import pipeline
    from nnfit.cli import screen
    from nnfit.core.gradcheck import TOLERANCE
    from nnfit.errors import NnfitError
    from nnfit.preparation import prepare
    from nnfit.spec.loader import load_spec

    report: dict[str, Any] = {"ok": False, "errors": [], "warnings": [], "network": None, "gradient_check": None}
    code = 0
    prepared = result = None
    try:
        prepared = prepare(load_spec(spec, overrides))
        result = pipeline.gradient_check(prepared)
    except NnfitError as error:
        code = error.exit_code
        report["errors"] = [problem._asdict() for problem in error.problems]
        messages = [str(problem) for problem in error.problems]
    if prepared is not None and result is not None:
        network = prepared.network
        report["warnings"] = [problem._asdict() for problem in prepared.warnings]
        report["network"] = {"layers": screen.layers(network), "parameters": network.P}
        error_found = result.max_relative_error
        report["gradient_check"] = {
            "max_relative_error": error_found,
            "tolerance": TOLERANCE,
            "checked": result.checked,
            "skipped": result.skipped,
        }
        report["ok"] = error_found <= TOLERANCE
        code = 0 if report["ok"] else 1
    if as_json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
        raise typer.Exit(code)
    console = screen.out()
    if prepared is None or result is None:
        for message in messages:
            console.print(f"✘ {message}")
    else:
        rows = ", ".join(f"{part.n:,} {name}" for name, part in prepared.parts.items())
        console.print(f"✔ spec    {spec}")
        console.print(f"✔ data    {rows} rows; {len(prepared.features)} columns as {prepared.network.inputs} inputs")
        screen.show_columns(console, prepared.features)
        screen.show_network(console, prepared.network, prepared.spec["network"]["members"])
        for warning in prepared.warnings:
            console.print(f"⚠ {warning}")
        screen.show_gradient(console, result, TOLERANCE)
    counted = f"{len(report['errors'])} errors, {len(report['warnings'])} warnings"
    console.print(counted)
    raise typer.Exit(code)
