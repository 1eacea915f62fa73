"""What a resolved spec says of the network and of the tables, to who trains and to who predicts."""

from __future__ import annotations

from nnfit.config.rules import groups
from nnfit.config.spec import Spec
from nnfit.core.network import Network
from nnfit.data.dialect import Dialect


def network_of(spec: Spec) -> Network:
    """The symbol table of the network of a spec whose sizes are all numbers."""
    return Network(int(spec.network.input), tuple(groups(layer) for layer in spec.network.layers), spec.loss)


def dialect_of(spec: Spec) -> Dialect:
    """How the cells of the tables are written."""
    data = spec.data
    spellings = {name: found for name, column in data.columns.items() if (found := column.spelling(data.decimal))}
    by_name = data.separator is None
    return Dialect(data.separator_of_training, data.encoding, data.decimal, data.missing, spellings, by_name)


def weight_kind(spec: Spec) -> dict[str, str]:
    """How the column of example weights is read, if there is one."""
    return {spec.data.weight: "numeric"} if spec.data.weight else {}
