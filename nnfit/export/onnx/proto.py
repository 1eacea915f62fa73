"""The bytes of an ONNX file from a graph: the one place that knows the package onnx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnfit.errors import OutputError, Problem
from nnfit.export.onnx.graph import ML, Graph, Value
from nnfit.version import __version__

if TYPE_CHECKING:
    import onnx

TYPES = {"double": "DOUBLE", "float": "FLOAT", "int64": "INT64", "string": "STRING"}
LARGEST = 2_000_000_000  # bytes of a message of protobuf, and some room


class Level(NamedTuple):
    """Which operators a file asks for: the versions of both operator sets, of the format, and the first runtime."""

    opset: int
    ml: int
    ir: int
    runtime: str


PLAIN = Level(13, 2, 7, "1.7")  # as low as operators on doubles and texts go
TEXTS = Level(20, 2, 9, "1.17")  # with those that take texts apart, which dates need


def level(graph: Graph) -> Level:
    """What the operators of a graph ask for."""
    return TEXTS if graph.texts else PLAIN


def to_bytes(graph: Graph, metadata: dict[str, str]) -> bytes:
    """The file; the same graph gives the same bytes. An OutputError if it would be larger than any can be."""
    from onnx import TensorProto, checker, helper

    if sum(array.nbytes for array in graph.constants.values() if array.dtype != object) > LARGEST:
        raise OutputError(Problem("too-large", "the network is larger than a file of ONNX can be, 2 GB"))
    types = {name: getattr(TensorProto, value) for name, value in TYPES.items()}
    nodes = []
    for number, node in enumerate(graph.nodes, 1):
        attributes = node.attributes | ({"to": types[node.attributes["to"]]} if node.op == "Cast" else {})
        attributes = {name: text_of(value) for name, value in attributes.items()}
        label = f"{number} {node.op}"
        nodes.append(helper.make_node(node.op, node.inputs, node.outputs, label, domain=node.domain, **attributes))

    def values(listed: list[Value]) -> list[Any]:
        return [helper.make_tensor_value_info(v.name, types[v.holds], ["n", *v.shape]) for v in listed]

    constants = [constant(name, array) for name, array in graph.constants.items()]
    made = helper.make_graph(nodes, "nnfit", values(graph.inputs), values(graph.outputs), constants)
    asked = level(graph)
    domains = [helper.make_opsetid("", asked.opset)]
    if any(node.domain for node in graph.nodes):
        domains.append(helper.make_opsetid(ML, asked.ml))
    model = helper.make_model(
        made,
        opset_imports=domains,
        ir_version=asked.ir,
        producer_name="nnfit",
        producer_version=__version__,
    )
    helper.set_model_props(model, metadata)
    checker.check_model(model, full_check=True)
    found: bytes = model.SerializeToString(deterministic=True)
    return found


def text_of(value: Any) -> Any:
    """An attribute, its texts in UTF-8."""
    if isinstance(value, str):
        return value.encode()
    return [text_of(each) for each in value] if isinstance(value, list) else value


def constant(name: str, array: NDArray[Any]) -> onnx.TensorProto:
    """A constant as the file holds it."""
    from onnx import TensorProto, helper, numpy_helper

    if array.dtype == object:
        return helper.make_tensor(name, TensorProto.STRING, array.shape, [each.encode() for each in array.ravel()])
    return numpy_helper.from_array(np.ascontiguousarray(array).reshape(array.shape), name)
