"""`nnfit trace`: one example through the network and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnfit.cli.arguments import ModelFile
from nnfit.cli.written import Decimal, Encoding, Separator, written

if TYPE_CHECKING:
    from nnfit.diagnostics.trace import Trace
    from nnfit.model.model import Model
    from nnfit.model.tracing import Traced

FEW = 3  # rows that a person sees where none is named


def trace(
    model: ModelFile,
    data: Annotated[str, typer.Argument(metavar="DATA", help="A table with the model's columns; - reads stdin.")],
    row: Annotated[
        int | None, typer.Option("--row", metavar="N", help="The row, numbered from 1 as in the file.")
    ] = None,
    separator: Separator = None,
    decimal: Decimal = None,
    encoding: Encoding = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, with full precision.")] = False,
) -> None:
    """Follow a row of DATA up the network and back down, in the notes' symbols, layer by layer.

    Up: the weighted sums z = Θ a and the outputs a = σ(z). Down, if the row has its target: δ = ∂C/∂z and ∂C/∂Θ, and
    what one step of plain gradient descent changes. C is the cost of this row alone, without penalty, dropout or
    weights, in float64. Without --row the first rows are shown; with --json all of them.
    """
    import numpy as np

    from nnfit.cli import screen
    from nnfit.cli.rows import refuse_row
    from nnfit.data.table import read_table
    from nnfit.model import tracing
    from nnfit.model.loading import load
    from nnfit.model.prediction import like_training
    from nnfit.words import count, listed

    trained = load(model)
    dialect = written(separator, decimal, encoding)(trained.dialect)
    with like_training(dialect):
        table = read_table(data, dialect, trained.kinds | trained.target.kinds, others=False)
        if row is not None:
            refuse_row(row, table)
        n, first = table.n, row or 1
        last = row or (n if as_json else min(n, FEW))
        table = table.rows(np.arange(first - 1, last))
        remarks = trained.remarks()
        traced = tracing.traces(trained, table, first, remarks)
        screen.warn(*remarks.problems())
        if lost := len(tracing.without_target(trained, table)):
            rows = "this row" if row else count(lost, "row")
            target = listed(trained.target.columns)
            screen.note(f"without its target ({target}), {rows} can be followed up alone: the way back begins with C")
    if as_json:
        stream(trained, str(model), data, traced)
        return
    console = screen.out()
    for each in traced:
        show(console, trained, each)
    if row is None and n > last:
        console.print(f"… {count(n - last, 'more row')}: --row N shows one, --json has them all")


def stream(model: Model, path: str, data: str, rows: Any) -> None:
    """The rows as one JSON object, each written as it is found, since together they may be large."""
    import json

    from nnfit.cli import matrices
    from nnfit.core.network import views
    from nnfit.model.tracing import learning_rate
    from nnfit.storage.json_text import tidy

    def text(value: Any) -> str:
        return json.dumps(tidy(value), ensure_ascii=False, allow_nan=False)

    eta, source = learning_rate(model)
    Theta = views(model.network, model.theta)
    head = {
        "model": path,
        "data": data,
        "inputs": matrices.inputs(model),
        "learning_rate": eta,
        "learning_rate_from": source,
        "theta": [[matrix[m].tolist() for matrix in Theta] for m in range(len(model.theta))],
    }
    print(text(head).removesuffix("}") + ', "rows": [')
    for i, each in enumerate(rows):
        print(",\n" * (i > 0) + text(of_row(model, each)), end="")
    print("\n]}")


def of_row(model: Model, found: Traced) -> dict[str, Any]:
    """One row as JSON; what is not known without the target is null."""
    from nnfit.cli import screen

    t, target = found.trace, model.target

    def one(values: dict[str, Any]) -> Any:
        return values if len(target.columns) > 1 else values[target.columns[0]]

    activations = [layer["activation"] for layer in screen.layers(model.network)]

    def layer(m: int, i: int) -> dict[str, Any]:
        return {
            "layer": i + 2,
            "activation": activations[i],
            "z": t.z[i][m].tolist(),
            "a": t.a[i][m].tolist(),
            "delta": None if t.delta is None else t.delta[i][m].tolist(),
            "gradient": None if t.gradient is None else t.gradient[i][m].tolist(),
        }

    return {
        "row": found.row,
        "x": found.x.tolist(),
        "y": None if found.y is None else found.y.tolist(),
        "target": one(found.target) if found.target else None,
        "prediction": one(found.prediction),
        **({"probabilities": found.probabilities} if found.probabilities else {}),
        "members": [
            {
                "cost": None if t.cost is None else float(t.cost[m]),
                "cost_after_step": None if t.cost_after is None else float(t.cost_after[m]),
                "layers": [layer(m, i) for i in range(len(activations))],
            }
            for m in range(len(model.theta))
        ],
    }


def show(console: Any, model: Model, found: Traced) -> None:
    """One row for people: of several members the first in full."""
    from nnfit.cli.matrices import number

    C = found.trace.cost
    console.print(f"Row {found.row}: {cut([told(found, name) for name in found.prediction])}", end="\n\n")
    if len(model.theta) > 1:
        costs = "" if C is None else f"; C of each: {cut([number(float(each)) for each in C])}"
        console.print(f"Member 1 of {len(model.theta)}{costs}", end="\n\n")
    show_up(console, model, found)
    if found.y is not None and C is not None:
        y, y_hat = (cut([number(float(value)) for value in values]) for values in (found.y, found.trace.a[-1][0]))
        console.print(f"C = {number(float(C[0]))} ({model.network.loss} of y = {y} and ŷ = {y_hat})", end="\n\n")
        show_down(console, model, found.trace)


def show_up(console: Any, model: Model, found: Traced) -> None:
    """Θ with what comes in, z and a, layer by layer."""
    from nnfit.cli import matrices, screen
    from nnfit.core.network import views
    from nnfit.words import count, of_layer

    below: list[float] = found.x.tolist()
    steps = zip(views(model.network, model.theta), found.trace.z, found.trace.a, strict=True)
    for i, ((Theta, z, a), layer) in enumerate(zip(steps, screen.layers(model.network), strict=True), 1):
        above, out, came_in = of_layer("z", i + 1), of_layer("a", i + 1), of_layer("a", i)
        title = f"Up to layer {i + 1} ({count(layer['size'], 'neuron')}, {layer['activation']}): "
        matrices.show(
            console,
            title + f"{above} = {of_layer('Θ', i)} {came_in}, {out} = σ({above})",
            of_layer("Θ", i),
            matrices.neurons(model, i + 1),
            matrices.columns(model, i),
            Theta[0],
            top=(came_in + " = x" * (i == 1), [1.0, *below]),
            after={above: z[0], out: a[0]},
        )
        below = a[0].tolist()


def show_down(console: Any, model: Model, t: Trace) -> None:
    """δ and ∂C/∂Θ, layer by layer from the last, and what a step of gradient descent changes."""
    from nnfit.cli import matrices
    from nnfit.cli.matrices import number
    from nnfit.diagnostics.gradcheck import surrogate
    from nnfit.model.tracing import learning_rate
    from nnfit.words import of_layer

    assert t.delta is not None
    assert t.gradient is not None
    assert t.cost_after is not None
    for i, (delta, gradient) in reversed(list(enumerate(zip(t.delta, t.gradient, strict=True), 1))):
        wanted, error = f"∂C/∂{of_layer('Θ', i)}", of_layer("δ", i + 1)
        title = f"Back to {of_layer('Θ', i)}: {error} = ∂C/∂{of_layer('z', i + 1)}, "
        matrices.show(
            console,
            title + f"{wanted} = {error} {of_layer('a', i)}ᵀ",
            wanted,
            matrices.neurons(model, i + 1),
            matrices.columns(model, i),
            gradient[0],
            before={error: delta[0]},
        )
    if any(surrogate(group) for layer in model.network.layers for group in layer):
        told = "Below a step δ is no derivative: straight_through takes σ′ as 1, here as in training."
        console.print(told, end="\n\n")
    eta, source = learning_rate(model)
    most = [f"{of_layer('Θ', i)} by up to {number(eta * float(abs(g[0]).max()))}" for i, g in enumerate(t.gradient, 1)]
    console.print(f"A step of plain gradient descent, θ ← θ − η ∂C/∂θ with η = {eta:g} ({source}),")
    console.print(f"changes {cut(most)}; C = {number(float(t.cost_after[0]))} after it", end="\n\n")


def told(found: Traced, name: str) -> str:
    """What a target of a row is, and what is predicted."""
    from nnfit.words import short

    known, predicted = (
        short(value) if isinstance(value, str) else f"{value:.6g}"
        for value in (found.target.get(name, ""), found.prediction[name])
    )
    return f"{short(name)} is {known}, predicted {predicted}" if known else f"{short(name)} is predicted {predicted}"


def cut(parts: Sequence[str]) -> str:
    """The first of some words, and how many there are more."""
    from nnfit.cli.matrices import MOST

    more = [f"… {len(parts) - MOST} more"] if len(parts) > MOST else []
    return ", ".join([*parts[:MOST], *more])
