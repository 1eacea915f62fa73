"""Whatever bytes come in, nnfit answers with a result or with one error of its own, and soon.

The cases are seeded. NNFIT_FUZZ multiplies their number: NNFIT_FUZZ=100 pytest tests/test_fuzz.py is a long run.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.config.document import parse
from nnfit.config.loader import load_spec, validate
from nnfit.config.proposal import propose
from nnfit.data.dialect import Dialect
from nnfit.data.reader import Reader
from nnfit.data.table import read_table
from nnfit.errors import NnfitError, SpecError
from nnfit.fit import run as pipeline
from nnfit.fit.prepare import prepare

ROOT = Path(__file__).parent.parent
CASES = int(500 * float(os.environ.get("NNFIT_FUZZ", "1")))
SPECS = [path.read_bytes() for path in sorted((ROOT / "configs").glob("*.yaml"))]
TABLE = (ROOT / "datasets/penguins.csv").read_bytes()[:1500].rsplit(b"\n", 1)[0] + b"\n"
PIECES = [
    *(b"\x00", b"\xff", b"\r", b"\n\n", b'"', b"''", b",", b";", b"\t", b"nan", b"inf", b"1e400", b"-", b"9" * 50),
    *(b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"{", b"}", b"[", b"]", b": ", b"? ", b"---\n", b"%"),
    *(b"@", b"1e-3", b"0x10", b"true", b"no", b"null", b"~", b"auto", b"softmax", b"step", b"features: [x]\n"),
    *("é".encode(), "\u2028".encode()),
]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few changes: cut, doubled, replaced or added pieces."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at, length = rng.randrange(len(result) + 1), rng.randint(0, 12)
        change = rng.randrange(4)
        if change == 0:
            del result[at : at + length]
        elif change == 1:
            result[at:at] = result[at : at + length]
        elif change == 2:
            result[at : at + length] = rng.choice(PIECES)
        else:
            result[at:at] = rng.choice(PIECES)
    return bytes(result)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_spec_or_one_spec_error(data: bytes) -> None:
    try:
        validate(parse(data, "spec.yaml"))
    except SpecError as error:
        assert error.problems


@given(st.text(alphabet="ab:,-[]{}&*!|>'\"#% \n?\t1.e", max_size=200))
def test_any_text_like_yaml_is_a_spec_or_one_spec_error(text: str) -> None:
    try:
        validate(parse(text.encode(), "spec.yaml"))
    except SpecError as error:
        assert error.problems


@pytest.mark.parametrize("seed", range(4))
def test_mutated_specs_are_trained_or_refused(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "configs" / "spec.yaml"
    path.parent.mkdir()
    (tmp_path / "datasets").symlink_to(ROOT / "datasets")
    for _ in range(CASES // 4):
        path.write_bytes(mutated(rng.choice(SPECS), rng))
        start = time.process_time()
        try:
            loaded = load_spec(path)
        except SpecError as error:
            assert str(error)
            continue
        finally:
            assert time.process_time() - start < 1
        try:
            if small(loaded.spec.network):
                pipeline.initial(prepare(loaded))
        except NnfitError as error:
            assert str(error)


def small(network: object) -> bool:
    """Whether its arrays fit in memory: a size with many digits is legal, and not the point here."""
    sizes = [layer.size for layer in network.layers if layer.size != "auto"]  # type: ignore[attr-defined]
    return max([1, *sizes]) < 1000 and network.members < 100  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_tables_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    rng = random.Random(100 + seed)
    path = tmp_path / "data.csv"
    for _ in range(CASES // 4):
        data = mutated(TABLE, rng)
        path.write_bytes(data)
        try:
            table = read_table(str(path), Dialect(), {"species": "text"}, mixtures=True)
            assert table.n <= data.count(b"\n") + 1
            with Reader(str(path), Dialect()) as reader:
                rows = sum(block.n for block in reader.blocks({}))
            assert rows == table.n
        except NnfitError as error:
            assert str(error)
        try:
            text = propose(path, "species", tmp_path).text
        except NnfitError as error:
            assert str(error)
            continue
        (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
        prepare(load_spec(tmp_path / "spec.yaml"))  # what is proposed fits the table, always
