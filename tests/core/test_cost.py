"""What a step takes, by its sizes: more of anything takes longer, and small members share their calls."""

from __future__ import annotations

import builders
import pytest

from nnfit.core import cost
from nnfit.core.network import Network


def network(inputs: int = 20, width: int = 64, outputs: int = 1) -> Network:
    hidden = [builders.group(width, "mish")] * 2
    return builders.network(inputs, *hidden, builders.group(outputs, "linear"), loss="mse")


@pytest.mark.parametrize("more", [{"inputs": 40}, {"width": 65}, {"outputs": 2}], ids=str)
def test_a_larger_network_takes_longer(more: dict[str, int]) -> None:
    assert cost.step(network(), 8, 32) < cost.step(network(**more), 8, 32)


def test_so_do_more_examples_and_more_members_but_less_for_each() -> None:
    one, more = cost.step(network(), 1, 32), cost.step(network(), 8, 32)
    assert one < more < 8 * one
    assert more < cost.step(network(), 8, 64) < 2 * more


def test_large_members_share_nothing() -> None:
    assert cost.step(network(3000), 8, 512) == pytest.approx(8 * cost.step(network(3000), 1, 512))
