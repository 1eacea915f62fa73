"""How a network was trained and what it is: learning curves, a drawing, its weights, and its health in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from nnfit.core.network import views
from nnfit.diagnostics.health import Health
from nnfit.model.aggregates import Curves
from nnfit.model.described import activation_of, kept_epochs
from nnfit.model.model import Model
from nnfit.report import figures
from nnfit.report.headline import of_health
from nnfit.report.parts import Cells, Doubt, Section, Shown, table
from nnfit.report.svg import svg
from nnfit.report.told import curves_of
from nnfit.words import count, of_layer, short

LINES = 40  # epochs of a table


def learning(named: Mapping[str, Model]) -> Section | None:
    """The learning curves of one model, or of several in one picture; None where there was no epoch."""
    found = {name: curves for name, model in named.items() if (curves := curves_of(model)) is not None}
    if not found:
        return None
    model = next(iter(named.values()))
    text = ["The cost epoch by epoch: in the rows learnt from as it was before each update, and in rows held out."]
    several = len(found) == 1 and len(model.theta) > 1
    if several:
        (curves,) = found.values()
        shown = len(curves.cost)
        members = f"{shown} of {curves.members} members" if shown < curves.members else "each member"
        text.append(
            f"Thin lines are those of {members}, the bold one is their mean."
            if shown > 1
            else "It is the mean over the members."
        )
    if len(found) == 1 and kept_epochs(model):
        text.append(f"{kept_epochs(model)}.")
    elif len(named) == 1 and next(iter(found.values())).validation is None:
        text.append("No rows were held out, so nothing tells here when more training would only fit the noise.")
    picture = svg(figures.curves(found), "curves", "Learning curves")
    cells = tuple(costs(name if len(named) > 1 else "", curves) for name, curves in found.items())
    return Section("learning", "Learning curves", tuple(text), shown=(Shown("curves", "", "", picture, cells),))


def costs(name: str, curves: Curves) -> Cells:
    """The mean cost at some of the epochs."""
    chosen = np.unique(np.linspace(0, len(curves.epochs) - 1, LINES).round().astype(int))
    rows = [
        (
            curves.epochs[e],
            float(curves.cost[:, e].mean()),
            None if curves.validation is None else float(curves.validation[:, e].mean()),
        )
        for e in chosen
    ]
    of = f" of {short(name)}" if name else ""
    return table(
        f"Cost by epoch{of}, the mean over the members", ("epoch", "learnt from", "held out"), rows, folded=True
    )


def network(model: Model) -> Section:
    """The section of the network."""
    N, M = model.network, len(model.theta)
    text = [f"{count(N.P, 'parameter')}{f' in each of {M} members' if M > 1 else ''}, trained to lower {N.loss}."]
    seen = model.aggregates
    doubts: tuple[Doubt, ...] = ()
    cells = [layers(model, None if seen is None else seen.health)]
    if seen is not None:
        text.append(healthy(seen.health))
        doubts = tuple(of_health(model, seen.health))
    shown = [
        Shown("network", "Layers", "", svg(figures.network(model), "network", "The layers of the network")),
        Shown(
            "weights",
            "Weights",
            weights_words(model),
            svg(figures.weights(model), "weights", "The weights of each layer"),
            tuple(spreads(model)),
        ),
    ]
    return Section("network", "The network", tuple(text), doubts, tuple(cells), tuple(shown))


def weights_words(model: Model) -> str:
    """What the picture of the weights shows."""
    of = "; its title says of which members" if len(model.theta) > 1 else ""
    return (
        "What each neuron (a line) takes of each below (a column), its bias first; of layers too large for that, how "
        f"often weights have which size{of}."
    )


def layers(model: Model, health: Health | None) -> Cells:
    """The layers with their sizes, and the health of each where it is known."""
    N = model.network
    found = {} if health is None else {layer.number: layer for layer in health.layers}
    header = [
        "layer",
        "neurons",
        "activation",
        "Θ",
        "parameters",
        *["gradient (RMS)", "dead", "saturated"] * bool(found),
    ]
    rows: list[list[object]] = [["1 (input)", N.inputs, "", "", "", *["", "", ""] * bool(found)]]
    for number, (groups, (n, below)) in enumerate(zip(N.layers, N.shapes, strict=True), 2):
        name = f"{number} (output)" if number == len(N.layers) + 1 else str(number)
        line: list[object] = [name, n, activation_of(groups), f"{n} × {below}", n * below]
        if layer := found.get(number):
            units = layer.units
            line += [f"{layer.gradient:.2g}", sum(each.dead for each in units), sum(each.saturated for each in units)]
        rows.append(line)
    return table("Layers", header, rows)


def healthy(health: Health) -> str:
    """The health of the network in a sentence."""
    dead = sum(units.dead for layer in health.layers for units in layer.units)
    saturated = sum(units.saturated for layer in health.layers for units in layer.units)
    total = sum(units.total for layer in health.layers[:-1] for units in layer.units)
    rms = [layer.gradient for layer in health.layers]
    of = count(total, "hidden unit")
    text = f"On {count(health.rows, 'training row')}, {dead:,} of {of} are dead, {saturated:,} saturated"
    if len(rms) > 1 and np.isfinite(rms).all() and rms[-1] > 0:
        ratio = rms[0] / rms[-1]
        text += f"; the gradient of the first layer is {ratio:.2g} times that of the output layer"
        text += ": it vanishes on its way down" * (ratio < 1e-3)
    return f"{text}."


def spreads(model: Model) -> Iterator[Cells]:
    """How large the weights of each layer are."""
    rows = []
    for number, Theta in enumerate(views(model.network, model.theta), 1):
        values = Theta[:, :, 1:].astype(np.float64)
        biases = Theta[:, :, 0].astype(np.float64)
        least, most = (float(end) for end in (values.min(), values.max()))
        rows.append(
            (
                of_layer("Θ", number),
                values.size,
                float(values.mean()),
                float(values.std()),
                least,
                most,
                float(biases.mean()),
            )
        )
    yield table(
        "Weights, biases aside", ("", "weights", "mean", "sd", "least", "largest", "mean bias"), rows, folded=True
    )
