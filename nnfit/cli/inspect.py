"""`nnfit inspect`: what is in a model file."""

from __future__ import annotations

from typing import Annotated

import typer

from nnfit.cli.arguments import ModelFile
from nnfit.cli.outputs import json_of


def inspect(
    model: ModelFile,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what is in a model file: network, inputs, target, metrics, versions, and the resolved spec.

    Of a network small enough to read, the weights are shown, too.
    """
    from nnfit.cli import matrices, screen
    from nnfit.config.build import dump
    from nnfit.model.loading import load
    from nnfit.model.metadata import blas_threads_of
    from nnfit.model.model import columns_of
    from nnfit.words import plain, short

    trained = load(model)
    network, record, target = trained.network, trained.record, trained.target
    members = trained.spec.network.members
    spec, threads = dump(trained.spec), blas_threads_of(record)
    if as_json:
        columns = zip(columns_of(trained.features), trained.features, strict=True)
        report = {
            "model": str(model),
            "spec": spec,
            "network": {"layers": screen.layers(network), "parameters": network.P, "members": members},
            "features": [{**column, "fitted": f.fitted.flat, "inputs": f.inputs} for column, f in columns],
            "target": target._asdict(),
            **record,
            **({} if threads is None else {"blas_threads": threads}),
        }
        print(json_of(report))
        return
    console = screen.out()
    screen.show_network(console, network, members)
    if matrices.small(trained):
        matrices.show_weights(console, trained)
    screen.show_columns(console, trained.features)
    classes = f", classes {', '.join(map(short, target.classes))}" if target.classes else ""
    console.print(f"Target: {', '.join(map(short, target.columns))} ({target.task}{classes})\n")
    screen.show_record(console, trained)
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    blas = "" if threads is None else f"BLAS threads {threads}, "
    blas += f"ranks {record['ranks']}, " if "ranks" in record else ""
    console.print(plain(f"Trained with {versions}; {blas}seed {trained.spec.seed}"))
    console.print(plain(f"Training data SHA-256 {record.get('data_sha256', 'not recorded')}"), end="\n\n")
    import yaml

    console.print("Resolved spec:")
    for line in yaml.safe_dump(spec, sort_keys=False, allow_unicode=True).split("\n"):
        console.print(plain(line))
