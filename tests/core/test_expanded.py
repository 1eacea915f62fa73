"""Rows that are expanded where they are read are, to the last bit, those of a table that was expanded before."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from nnfit.core import expansion
from nnfit.core.batches import Examples, gather
from nnfit.core.expansion import Beside, Column, Expanded, Expansion, columns, frequencies, means, stored
from nnfit.core.members import of_members

ONES = Column(1, Expansion())
PLAIN = Column(3, Expansion())


def column(rng: np.random.Generator) -> Column:
    """A number with steps, waves, both or neither, with powers and an indicator or without."""
    count, waves = int(rng.integers(0, 20)), int(rng.integers(0, 5))
    knots = np.sort(rng.normal(size=count).astype(np.float32)).astype(np.float64)
    beside = Expansion(tuple(knots.tolist()), frequencies(waves, 0.3) if waves else (), float(rng.choice([1, 0.1])))
    return Column(int(rng.integers(1, 4)), beside, int(rng.integers(0, 2)))


def one_by_one(made_of: list[Column], kept: np.ndarray) -> np.ndarray:
    """All inputs (n, N) of rows, number by number, with the operations of the formula in their order."""
    found, start, dtype = [], 0, kept.dtype.type
    for count, beside, behind in made_of:
        own = kept[:, start : start + count]
        found.append(own)
        z, knots, A = own[:, :1], np.array(beside.knots), dtype(beside.amplitude)
        for t in range(len(knots) - 1):
            step = (z - dtype(knots[t])) / dtype(knots[t + 1] - knots[t])
            low, high = dtype(0 if t else -1), dtype(1 if t < len(knots) - 2 else 2)
            found.append(A * (np.minimum(np.maximum(step, low), high) - dtype(0.5)))
        angles = z * (2 * np.pi * np.array(beside.frequencies)).astype(dtype)
        found += [A * np.cos(angles), A * np.sin(angles), kept[:, start + count : start + count + behind]]
        start += count + behind
    return np.hstack(found)


def tables(made_of: list[Column], n: int, dtype: str, seed: int = 0) -> tuple[Expanded, np.ndarray]:
    """A table of so many rows, and the same with all its inputs."""
    rng = np.random.default_rng(seed)
    kept = rng.normal(size=(n, sum(c.kept + c.behind for c in made_of))) * rng.choice([0.1, 1, 1e5], size=(n, 1))
    kept[rng.random(kept.shape) < 0.1] = -0.0
    kept[:, 0] = 1
    kept = kept.astype(dtype)
    return Expanded(kept, Beside(made_of, kept.dtype)), one_by_one(made_of, kept)


SOME = [ONES, *(column(np.random.default_rng(k)) for k in range(5)), PLAIN]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("seed", range(20))
def test_an_input_has_the_bits_of_its_formula_whatever_stands_around_it(seed: int, dtype: str) -> None:
    rng = np.random.default_rng(seed)
    made_of = [ONES, *(column(rng) for _ in range(rng.integers(1, 8)))]
    X, whole = tables(made_of, int(rng.choice([1, 7, 64, 900])), dtype, seed)
    assert X.shape == whole.shape
    assert (X.dtype, X.ndim, len(X)) == (whole.dtype, 2, len(whole))
    assert np.asarray(X).tobytes() == whole.tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_read_as_an_array_is(dtype: str) -> None:
    X, whole = tables(SOME, 700, dtype)
    mask = np.arange(700) % 3 == 0
    for rows in (slice(10, 600), slice(5, 6), slice(3, 3), np.array([3, 699, 3]), mask, slice(None)):
        np.testing.assert_array_equal(X[rows], whole[rows], strict=True)
    np.testing.assert_array_equal(np.asarray(X, np.float64), whole.astype(np.float64), strict=True)
    np.testing.assert_array_equal(means(X), means(whole))
    for index in (np.array([4, 2, 2]), np.arange(600).reshape(3, 200)[:, ::-1]):
        room, expected = (np.empty((*index.shape, X.shape[1]), dtype) for _ in range(2))
        X.take(index, 0, room, "clip")
        np.testing.assert_array_equal(room, whole.take(index, 0, expected, "clip"))


def test_the_columns_that_are_kept_are_read_without_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    X, whole = tables(SOME, 50, "float32")
    rows, some = slice(5, 40), np.array([0, 2, X.shape[1] - 5])
    for places in (some, np.flatnonzero(np.isin(np.arange(X.shape[1]), X.beside.places))):
        found = columns(X, rows, places)
        np.testing.assert_array_equal(found, columns(whole, rows, places))
        assert found.flags.c_contiguous == columns(whole, rows, places).flags.c_contiguous
    monkeypatch.setattr(Beside, "apply", None)
    np.testing.assert_array_equal(columns(X, rows, X.beside.places), whole[rows][:, X.beside.places])


def test_what_members_have_of_their_own_stays_as_small_as_it_is() -> None:
    X, whole = tables(SOME, 40, "float32")
    index = np.random.default_rng(1).integers(40, size=(3, 11))
    Y, w = np.zeros((1, 40), np.float32), np.ones((1, 1, 40), np.float32)
    own, expected = gather(Examples(X, Y, w), index).X, gather(Examples(whole, Y, w), index).X
    assert isinstance(own, Expanded)
    np.testing.assert_array_equal(np.asarray(own), np.asarray(expected))
    for members in (slice(0, 1), slice(1, 3)):
        some = of_members(own, members)
        assert isinstance(some, Expanded)
        np.testing.assert_array_equal(some[..., 2:9, :], expected[members, 2:9])
    assert of_members(X, slice(0, 1)) is X


def test_another_process_gets_it_without_a_copy_of_what_is_kept() -> None:
    X, whole = tables(SOME, 5000, "float32")
    buffers: list[pickle.PickleBuffer] = []
    data = pickle.dumps(X, protocol=5, buffer_callback=buffers.append)
    assert max(buffer.raw().nbytes for buffer in buffers) == X.kept.nbytes
    assert len(data) < 20_000
    np.testing.assert_array_equal(np.asarray(pickle.loads(data, buffers=buffers)), whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_number_whose_angle_is_beyond_all_numbers_is_known_before_it_is_expanded(dtype: str) -> None:
    most = np.finfo(dtype).max
    z = np.array([0, 1, most / 10, most / 2, -most, most, -1e3], dtype)
    beside = Expansion((0.0, 1.0), (0.1, 0.3), 1.0)
    out = np.empty((len(z), beside.width), dtype)
    with np.errstate(all="ignore"):
        beside.apply(z, out)
        assert beside.finite(z).tolist() == np.isfinite(out).all(axis=1).tolist()
        assert beside.finite(z).sum() == 5
    assert Expansion((0.0, 1.0)).finite(z).all()


def test_a_table_is_stored_up_to_the_size_that_is_stated() -> None:
    inputs = 255
    n = expansion.STORED // 4 // 256
    assert stored(n, inputs, 4)
    assert not stored(n + 1, inputs, 4)
    assert not stored(n, inputs, 8)
