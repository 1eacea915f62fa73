"""A model as one readable Python file that predicts from a dict, and needs nothing but the standard library.

    from nnfit.export.python import to_python

    text = to_python(nnfit.load("iris.npz"))

The file has the steps of `predict` line by line, in the notes' symbols: what each column becomes, each layer of each
member, what becomes of the outputs. Of the functions in pieces.py it has those that are called. It computes in float64,
as `predict` does; what a float32 network reads is rounded where `predict` rounds it. Names and labels are hostile text:
they stand in the file as `repr` writes them, and nowhere else.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

import numpy as np

from nnfit.core.activations import BEYOND, CUBE, FAR, LOW, SELU_ALPHA, SELU_SCALE, STEEP, selu_most
from nnfit.core.losses import machine_epsilon
from nnfit.core.network import views
from nnfit.data.encoding import FALSE, TRUE
from nnfit.data.scales import FAR as SQUARE
from nnfit.data.spelling import BLANKS
from nnfit.export.python.code import Code, assigned, filled, listed
from nnfit.export.python.columns import inputs, single_precision
from nnfit.export.python.network import outputs, prediction
from nnfit.export.python.pieces import CELLS, MAIN, NETWORK, NUMBERS
from nnfit.model.model import Model
from nnfit.version import __version__

HEAD = '''\
"""A neural network in one file that needs nothing but Python 3.9 or later; nnfit VERSION wrote it.

predict(row) gives the prediction for a row, a dict from the name of a column to its value: a number or a text; None, ""
or NaN where it is missing. `python THIS_FILE.py < rows.csv` writes a line of CSV for every line of a CSV.

    x      what the columns become, in `inputs`
    Θ      of each member one matrix for each layer, in THETA: a row is a neuron, its bias first
    z, a   the weighted sums of a layer and its outputs σ(z)
    ŷ      the outputs of the last layer, the mean over all members
"""
'''

# Weights beyond which they stand in the file as texts, a neuron in each: of 900,000 in lists, Python takes 4 s and
# 900 MB to make code at every start, of texts 0.2 s and 40 MB.
LARGE = 50_000

# Where what the functions use is imported from.
MODULES = {
    "array": ("array",),
    "bisect": ("bisect_left", "bisect_right"),
    "datetime": ("date", "datetime", "timedelta", "timezone"),
    "math": ("copysign", "cos", "exp", "expm1", "floor", "isfinite", "log1p", "pi", "sin", "sqrt", "tanh"),
    "statistics": ("NormalDist",),
}


def to_python(model: Model) -> str:
    """The text of the file; a UsageError for what has no form in plain Python."""
    body = "\n\n".join([prediction(model), inputs(model), outputs(model)])
    encoding = model.dialect.encoding
    main = filled(
        MAIN,
        encoding=repr("utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding),
        separator=repr(model.dialect.separator),
    )
    functions = needed(body, helpers(model))
    code = "\n\n".join([body, *functions])
    head = HEAD.replace("VERSION", __version__)
    exact = restored(model)
    top = [head, imports(code + exact + main), "", constants(model), "\n" + code]
    return "\n".join([*top, "\n" + weights(model) + exact, "\n" + main])


def needed(code: str, known: Mapping[str, str]) -> list[str]:
    """The functions that some code calls, and those that these call, in their order."""
    found: set[str] = set()
    waiting = [code]
    while waiting:
        fresh = (names(waiting.pop()) & known.keys()) - found
        found |= fresh
        waiting += [known[name] for name in fresh]
    return [piece for name, piece in known.items() if name in found]


def names(code: str) -> set[str]:
    """The names that some code uses."""
    return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}


def helpers(model: Model) -> dict[str, str]:
    """All functions that a file may have, as this model needs them."""
    single = single_precision(model)
    double = np.dtype(np.float64)
    words = {
        "decimal": repr(model.dialect.decimal),
        "round": "float32" if single else "",
        "cosine": "cosine" if single else "cos",
        "sine": "sine" if single else "sin",
        "most": repr(float(selu_most(double))),
        "scale": repr(SELU_SCALE),
        "alpha": repr(SELU_ALPHA),
        "steep": repr(STEEP),
        "cube": repr(CUBE),
        "beyond": repr(BEYOND),
        "low": repr(LOW),
        "far": repr(FAR),
        "square": repr(SQUARE),
        "true": repr(tuple(sorted(TRUE))),
        "false": repr(tuple(sorted(FALSE))),
        "spaces": ascii(BLANKS),
        "epsilon": repr(float(machine_epsilon(double))),
    }
    return {name: filled(piece, **words) for name, piece in (CELLS | NUMBERS | NETWORK).items()}


def imports(code: str) -> str:
    """The imports of some code: whole modules, then names."""
    used = names(code)
    lines = [f"import {module}" for module in ("csv", "re", "sys") if module in used]
    for module, known in MODULES.items():
        if chosen := [name for name in known if name in used]:
            lines.append(f"from {module} import {', '.join(chosen)}")
    return "\n".join(lines)


def constants(model: Model) -> str:
    """The names of columns, of classes and of what is predicted, and which cells are missing."""
    target = model.target
    found = {"COLUMNS": [feature.name for feature in model.features]}
    found |= {"CLASSES": list(target.classes)} if target.classes else {}
    found |= {"NAMES": model.output_names(proba=True), "MISSING": model.dialect.gaps}
    return "\n".join(assigned(name, values) for name, values in found.items()) + "\n"


def weights(model: Model) -> str:
    """θ as lists, or of a large network as texts: of each member one matrix for each layer, a neuron in each row.

    Numbers of 32 bits have as few digits as mean the same once they are rounded to 32 bits again.
    """
    lines, theta = ["THETA = ["], model.theta
    row = texts if theta.size > LARGE else listed
    for k in range(len(theta)):
        lines.append(f"    [  # member {k + 1}")
        for i, matrix in enumerate(views(model.network, theta[k : k + 1]), 1):
            rows, columns = matrix.shape[1:]
            lines.append(f"        [  # Θ of layer {i} to {i + 1}: {rows} × {columns}")
            lines += [row("            ", [digits(weight) for weight in neuron]) + "," for neuron in matrix[0]]
            lines.append("        ],")
        lines.append("    ],")
    return "\n".join([*lines, "]", ""])


def restored(model: Model) -> str:
    """The line that makes numbers of the weights as `weights` writes them, of 32 bits where they have these."""
    single = single_precision(model)
    neuron = "map(float, neuron.split())" if model.theta.size > LARGE else "neuron" if single else ""
    kind = '"f"' if single else '"d"'
    made = f"array({kind}, {neuron})"
    said = "  # to their 32 bits" if single else ""
    return f"THETA = [[[{made} for neuron in Theta] for Theta in member] for member in THETA]{said}\n" if neuron else ""


def digits(weight: np.floating) -> Code:
    """A weight with as few digits as mean the same."""
    text = str(weight)
    return Code(text if type(weight)(float(text)) == weight else repr(float(weight)))


def texts(indent: str, numbers: Sequence[Code]) -> str:
    """Numbers as one text."""
    return f"{indent}{' '.join(numbers)!r}"
