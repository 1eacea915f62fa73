"""A graph of ONNX operators while it is put together: nodes, constants and names that no column has.

Nothing here needs the package onnx: `proto.py` makes its messages of what is gathered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.words import encodable

Operand = str | float | NDArray[Any]  # the name of a tensor, or a constant; of objects one of texts
ML = "ai.onnx.ml"
NEUTRAL = {"Add": 0.0, "Sub": 0.0, "Mul": 1.0, "Div": 1.0}  # what changes nothing as the second operand
LARGE = 1 << 16  # bytes of a constant of which no second is looked for


class Node(NamedTuple):
    """One operator, with the names of the tensors that it takes and makes."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    domain: str
    attributes: dict[str, Any]


class Value(NamedTuple):
    """An input or output of the graph: its name, what it holds (double or string), and its shape behind the rows."""

    name: str
    holds: str
    shape: tuple[int, ...]


class Graph:
    """The operators of a model, in an order in which they can be computed."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)
        self.inputs: list[Value] = []
        self.outputs: list[Value] = []
        self.nodes: list[Node] = []
        self.constants: dict[str, NDArray[Any]] = {}
        self.known: dict[Any, str] = {}
        self.texts = False  # whether operators on parts of texts are used, which are younger than all others

    def name(self, hint: str) -> str:
        """A name that nothing else has: neither a column nor another tensor."""
        found, number = hint, 1
        while found in self.taken:
            number += 1
            found = f"{hint}_{number}"
        self.taken.add(found)
        return found

    def input(self, name: str, holds: str) -> str:
        """An input of the graph, (n, 1), called as its column."""
        self.inputs.append(Value(name, holds, (1,)))
        return name

    def output(self, tensor: str, name: str, holds: str, shape: tuple[int, ...]) -> None:
        """An output of the graph, by its name, or the next that is free."""
        own = self.name(name)
        self.nodes.append(Node("Identity", (tensor,), (own,), "", {}))
        self.outputs.append(Value(own, holds, shape))

    def constant(self, value: float | NDArray[Any], hint: str = "constant") -> str:
        """The name of a constant; the same one stands in the file once."""
        array = np.asarray(value)
        if array.nbytes > LARGE:
            own = self.name(hint)
            self.constants[own] = array
            return own
        content = tuple(array.ravel().tolist()) if array.dtype == object else array.tobytes()
        key = array.dtype.str, array.shape, content
        if key not in self.known:
            self.known[key] = self.name(hint)
            self.constants[self.known[key]] = array
        return self.known[key]

    def add(self, op: str, *operands: Operand, domain: str = "", **attributes: Any) -> str:
        """Add an operator with one output; its name."""
        if op in NEUTRAL and (found := self.kept(op, *operands)):
            return found
        (found,) = self.several(1, op, *operands, domain=domain, **attributes)
        return found

    def kept(self, op: str, a: Operand, b: Operand) -> str | None:
        """The same in two operators, if the constant is one for which a runtime would drop the one; else None.

        onnxruntime reads a constant of one number in 32 bits when it looks for x + 0 and x · 1: 10⁻¹⁰⁰ is 0 for it.
        """
        if op in ("Add", "Mul") and not isinstance(a, str):
            a, b = b, a
        if isinstance(b, str) or (value := np.asarray(b)).dtype != np.float64 or value.size != 1:
            return None
        if value.item() == NEUTRAL[op] or np.float32(value.item()) != NEUTRAL[op]:
            return None
        match op:
            case "Add":
                return self.add("Sub", value, self.add("Neg", a))
            case "Sub":
                return self.add("Neg", self.add("Sub", value, a))
            case _:
                return self.add("Mul", self.add(op, a, value / 2 if op == "Mul" else value * 2), 2.0)

    def several(self, outputs: int, op: str, *operands: Operand, domain: str = "", **attributes: Any) -> list[str]:
        """Add an operator with so many outputs; their names."""
        inputs = tuple(each if isinstance(each, str) else self.constant(each) for each in operands)
        names = [self.name(op.lower()) for _ in range(outputs)]
        self.nodes.append(Node(op, inputs, tuple(names), domain, attributes))
        return names

    # --- what several rooms need ------------------------------------------------------------------------------------

    def side_by_side(self, tensors: list[str]) -> str:
        """Tensors (n, …) as one, along the last axis."""
        return tensors[0] if len(tensors) == 1 else self.add("Concat", *tensors, axis=-1)

    def columns(self, tensor: str, chosen: list[int], width: int) -> str:
        """Some columns of a tensor (n, width), or itself if these are all in their order."""
        if chosen == list(range(width)):
            return tensor
        return self.add("Gather", tensor, np.array(chosen, np.int64), axis=1)

    def cast(self, tensor: str, holds: str) -> str:
        """The tensor as double, float, int64."""
        return self.add("Cast", tensor, to=holds)

    def missing(self, tensor: str) -> str:
        """Which numbers are NaN: what is not itself, since IsNaN of doubles is younger than the other operators."""
        return self.add("Not", self.add("Equal", tensor, tensor))

    def codes(self, tensor: str, places: dict[str, int], default: int) -> str:
        """What each text stands for: int64, of the shape of the tensor."""
        known = {text: place for text, place in places.items() if encodable(text)}
        return self.add(
            "LabelEncoder",
            tensor,
            domain=ML,
            keys_strings=list(known),
            values_int64s=list(known.values()),
            default_int64=default,
        )

    def matches(self, tensor: str, pattern: str) -> str:
        """Which texts a regular expression matches whole."""
        self.texts = True
        return self.add("RegexFullMatch", tensor, pattern=pattern)

    def cut(self, tensor: str, mark: str, parts: int = 2) -> list[str]:
        """Texts (n, C), cut at the first so many marks, which all of them have: `parts` tensors (n, C)."""
        self.texts = True
        cut = self.several(2, "StringSplit", tensor, delimiter=mark, maxsplit=parts - 1)[0]
        return [self.add("Gather", cut, np.array(k, np.int64), axis=2) for k in range(parts)]

    def joined(self, tensor: str, more: Operand) -> str:
        """Texts with others behind them."""
        self.texts = True
        return self.add("StringConcat", tensor, more)


def text(*values: str) -> NDArray[Any]:
    """A constant of texts, (K,)."""
    return np.array(values, object)
