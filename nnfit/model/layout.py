"""The network that a resolved spec describes."""

from __future__ import annotations

from nnfit.config.rules import groups
from nnfit.config.spec import Spec
from nnfit.core.network import Network


def network_of(spec: Spec) -> Network:
    """The symbol table of the network of a spec whose sizes are all numbers."""
    return Network(int(spec.network.input), tuple(groups(layer) for layer in spec.network.layers), spec.loss)
