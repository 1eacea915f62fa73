"""`nnfit sweep`: many trainings of one family, on every core or on others, the best one kept."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nnfit.workers.threads import MOST


def sweep(
    spec: Annotated[
        Path, typer.Argument(metavar="SWEEP", help="The YAML file of the parameters, and of the spec they are of.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="The folder of the sweep; by default beside SWEEP."),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, max=MOST, help="Processes that train; by default one for each core."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Train the trials of SWEEP, and keep the best."""
    from nnfit.sweeps.reading import load_sweep
    from nnfit.sweeps.sweep import carried_out, folder_of, plan

    loaded = load_sweep(spec)
    folder = output or folder_of(spec)
    found = carried_out(plan(loaded), folder, jobs=jobs)
    print(found.counts(), [(each.trial.number, each.score) for each in found.ranking()[:10]])
