"""What a training takes of one core, in seconds: a table of costs, measured once, times the sizes of its network.

A step of m examples, of M members with P parameters and N₂ + … + N_{L+1} neurons each, takes about

    CALL L ⌈M / together⌉  +  M (PRODUCT m P + NEURON m (N₂ + … + N_{L+1}) + UPDATE P)

within a tenth, on the machine of benchmarks/README.md, in float32 with AdamW and mish (batches of 32 to 2,048, 4 to
6,000 inputs, 1 to 8 members). Nothing is timed here, so the estimate is the same on any machine, though not as true.
"""

from __future__ import annotations

from nnfit.core.network import Network, together

CALL = 1.5e-5  # what NumPy is asked in a layer, of members who share it
PRODUCT = 4.3e-11  # of one parameter with one example, on the way up and back
NEURON = 2.7e-9  # of one neuron for one example, likewise
UPDATE = 1.1e-9  # of one parameter, by the optimizer


def step(network: Network, members: int, m: int, itemsize: int = 4) -> float:
    """The seconds of one update of so many members, each from m examples."""
    groups = -(-members // together(network, m, itemsize))
    each = PRODUCT * m * network.P + NEURON * m * sum(network.N[1:]) + UPDATE * network.P
    return CALL * len(network.layers) * groups + members * each
