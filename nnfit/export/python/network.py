"""The network and what becomes of its outputs, as functions of a Python file: layer after layer of each member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nnfit.core.network import Group
from nnfit.export.python.code import function, refuse
from nnfit.model.model import Model
from nnfit.words import quoted

# Activations by name: σ(v) as an expression. What stands for a whole layer is a function of z.
SIGMAS: dict[str, Callable[[Any], str]] = {
    "linear": lambda sigma: "v" if sigma.k == 1 else f"{sigma.k!r} * v",
    "step": lambda sigma: f"float(v >= {sigma.k!r})",
    "logistic": lambda sigma: "logistic(v)",
    "tanh": lambda sigma: "tanh(v)",
    "relu": lambda sigma: "max(v, 0.0)",
    "leaky_relu": lambda sigma: f"max(v, {sigma.k!r} * v)",
    "elu": lambda sigma: f"elu(v, {sigma.alpha!r})",
    "selu": lambda sigma: "selu(v)",
    "gelu": lambda sigma: "gelu(v)",
    "silu": lambda sigma: "silu(v)",
    "mish": lambda sigma: "mish(v)",
    "softplus": lambda sigma: "softplus(v)",
}
WHOLE_LAYERS = {"softmax": "softmax(z)"}


def outputs(model: Model) -> str:
    """The function `outputs`: layer after layer of each member, and their mean."""
    lines = ["a = x"]
    for i, groups in enumerate(model.network.layers):
        lines += [f"z = weighted_sums(Theta[{i}], a)", f"a = {activated(groups)}"]
    members = len(model.theta)
    if members == 1:
        lines, last = ["Theta = THETA[0]", *lines], ["return a"]
    else:
        lines = ["members = []", "for Theta in THETA:", *(f"    {line}" for line in lines), "    members.append(a)"]
        last = ["return [sum(y) / len(members) for y in zip(*members)]"]
    return function("outputs(x)", "ŷ: in each layer z = Θ a and a = σ(z), beginning with x.", *lines, *last)


def activated(groups: Sequence[Group]) -> str:
    """σ of the z of a layer, as an expression."""
    if len(groups) == 1 and groups[0].sigma.name in WHOLE_LAYERS:
        return WHOLE_LAYERS[groups[0].sigma.name]
    parts, start = [], 0
    for size, sigma in groups:
        if sigma.name not in SIGMAS:
            refuse(f"the activation {quoted(sigma.name)}")
        part = "z" if len(groups) == 1 else f"z[{start}:{start + size}]"
        sigma_of_v = SIGMAS[sigma.name](sigma)
        parts.append(part if sigma_of_v == "v" else f"[{sigma_of_v} for v in {part}]")
        start += size
    return " + ".join(parts)


def prediction(model: Model) -> str:
    """The function `predict`: outputs in the user's terms."""
    lines = decoded(model)
    return function(
        "predict(row)",
        "The prediction for one row, a dict from column to value, under the names in NAMES.",
        "try:",
        "    y = outputs(inputs(row))",
        "    if not all(map(isfinite, y)):",
        "        raise OverflowError",
        "except OverflowError:",
        '    raise ValueError("the numbers of this row are far too large") from None',
        *lines,
    )


def decoded(model: Model) -> list[str]:
    """The lines that make a prediction of the outputs y."""
    target = model.target
    if target.task == "regression":
        found = []
        for k, (mean, sd) in enumerate(zip(target.mean, target.sd, strict=True)):
            value = f"y[{k}]" if (mean, sd) == (0, 1) else f"y[{k}] * {sd!r} + {mean!r}"
            if target.bounds:
                low, high = target.bounds[k]
                value = f"min(max({value}, {low!r}), {high!r})"
            found.append(value)
        return ["return dict(zip(NAMES, [", *(f"    {value}," for value in found), "]))"]
    share = "each" if target.low == 0 else f"(each - {target.low!r}) / {1 - target.low!r}"
    lines = [f"p = [min(max({share}, 0.0), 1.0) for each in y]"]
    tempered = target.temperature != 1
    if target.task == "multilabel":
        if tempered:
            lines.append(f"p = [tempered([each, 1 - each], {target.temperature!r})[0] for each in p]")
        lines.append("labels = [CLASSES[each >= 0.5] for each in p]")
        return [*lines, "return dict(zip(NAMES, [*labels, *p]))"]
    if target.task == "binary":
        lines.append("p = [1 - p[0], p[0]]")
    if tempered:
        lines.append(f"p = tempered(p, {target.temperature!r})")
    elif target.task == "multinomial":
        lines += ["total = sum(p)", "p = [each / total if total > 0 else 1 / len(p) for each in p]"]
    if target.threshold != 0.5 or target.task == "binary":
        lines.append(f"label = CLASSES[p[1] >= {target.threshold!r}]")
    else:
        lines.append("label = CLASSES[p.index(max(p))]")
    return [*lines, "return dict(zip(NAMES, [label, *p]))"]
