"""A member is the same, byte for byte, with however many others it learns together."""

from itertools import product

import numpy as np
import pytest
from builders import LEGAL_PAIRS, examples, follow, group, network, optimizer, start, weights

from nnfit.core import stopping, training
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.network import Pass, predict, together
from nnfit.core.plan import Plan
from nnfit.core.stopping import HeldOut
from nnfit.core.training import groups_of

M = 4
OUTER = [(sigma, loss, K) for sigma, loss in LEGAL_PAIRS for K in (1, 2, 5, 20) if K > 1 or sigma != "softmax"]
HIDDEN = [(), (1,), (5,), (16, 9), (40, 1, 33)]


def drawn() -> list[tuple[object, ...]]:
    """Every output layer with every shape of the hidden ones, and the rest at random."""
    rng = np.random.default_rng(0)
    rest = [[1, 2, 7, 16, 23], ["float32", "float64"], [False, True], list(ACTIVATIONS)]
    return [(outer, sizes, *(each[rng.integers(len(each))] for each in rest)) for outer in OUTER for sizes in HIDDEN]


@pytest.mark.parametrize(("outer", "sizes", "m", "dtype", "own", "hidden"), drawn())
def test_members_learn_the_same_bytes_together_and_in_any_groups(monkeypatch, outer, sizes, hidden, m, dtype, own):
    sigma, loss, K = outer
    net = network(6, *(group(size, hidden) for size in sizes), group(K, sigma), loss=loss)
    rng = np.random.default_rng(1)
    data = examples(rng, net, 23, weights(rng, 23), dtype)
    rows = [np.sort(rng.permutation(23)[: 20 - k % 2]) for k in range(M)] if own else []
    plan = Plan(2, m, optimizer("adam", learning_rate=0.01), dropout=0.2, clip_norm=0.5)
    found = set()
    for size in (1, 2, 3, M):
        monkeypatch.setattr(training, "together", lambda *_, size=size: size)
        theta = start(net, M, dtype)
        costs = follow(net, theta, data, plan, 3, rows)
        found.add((theta.tobytes(), np.array(costs).tobytes()))
    assert len(found) == 1
    for k in range(M):
        theta = start(net, M, dtype)[k : k + 1]
        follow(net, theta, data, plan, 3, rows, first=k)
        own_bytes = np.frombuffer(next(iter(found))[0], dtype).reshape(M, -1)[k]
        # Without rows of its own a member's masks are all that its number decides.
        np.testing.assert_array_equal(theta[0], own_bytes)


@pytest.mark.parametrize(("outer", "sizes"), [*product(OUTER[::3], HIDDEN)])
def test_rows_held_out_cost_a_member_the_same_in_any_groups(monkeypatch, outer, sizes):
    sigma, loss, K = outer
    net = network(6, *(group(size, "mish") for size in sizes), group(K, sigma), loss=loss)
    data, theta = examples(np.random.default_rng(2), net, 1030, dtype="float32"), start(net, M, "float32")
    found = set()
    for size in (1, 3, M):
        monkeypatch.setattr(stopping, "together", lambda *_, size=size: size)
        held_out = HeldOut(net, theta, data)
        found.add((held_out.costs().tobytes(), held_out.y_hat.tobytes()))
    assert len(found) == 1
    several = predict(net, theta, data.X)
    for k in range(M):
        np.testing.assert_array_equal(predict(net, theta[k : k + 1], data.X)[0], several[k])


def test_small_networks_learn_together_and_large_ones_alone():
    small, large = (
        network(20, group(n, "relu"), group(n, "relu"), group(2, "softmax"), loss="cross_entropy") for n in (16, 512)
    )
    assert together(small, 32, 4) > 50
    assert together(large, 512, 4) == 1


def test_a_group_has_done_equally_many_steps():
    assert groups_of(np.array([3, 3, 3, 3, 3]), 2) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert groups_of(np.array([3, 3, 1, 1, 3]), 3) == [slice(0, 2), slice(2, 4), slice(4, 5)]
    assert groups_of(np.array([0]), 9) == [slice(0, 1)]


@pytest.mark.parametrize("members", [1, 3])
def test_nothing_that_a_step_calls_is_broadcast(members):
    # Operands of one shape and contiguous: what NumPy needs least time for.
    net = network(4, group(16, "relu"), group(3, "softmax"), loss="cross_entropy")
    run = Pass(net, start(net, members, "float32"), 16, np.empty((members, net.P), np.float32))
    for neurons in (each for groups in run.neurons for each in groups):
        assert {part.shape for part in (neurons.a, neurons.delta, *neurons.rooms)} == {neurons.a.shape}
        assert all(part.flags.c_contiguous for part in (neurons.a, neurons.delta, *neurons.rooms))
