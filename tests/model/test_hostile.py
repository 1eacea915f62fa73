"""A model file is only data: whatever its bytes, it is the model that was written, or refused, soon, in little memory.

The mutations are seeded. NNFIT_FUZZ multiplies their number: NNFIT_FUZZ=50 pytest tests/model/test_hostile.py is a
long run.
"""

from __future__ import annotations

import ast
import io
import os
import random
import time
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_files import RICH_CSV, TINY, closed, container, loaded, opened, peak, refused, seconds, within_limits

import nnfit
from nnfit.errors import ModelFileError, NnfitError
from nnfit.model.loading import load
from nnfit.storage import npz
from nnfit.storage.npz import pack

ROOT = Path(__file__).parent.parent.parent
MUTATIONS = int(2000 * float(os.environ.get("NNFIT_FUZZ", "1")))


# --- bits, ends and mutations --------------------------------------------------------------------------------------


def test_a_model_that_is_opened_and_closed_again_is_the_same(tiny: bytes, rich: bytes) -> None:
    for data in (tiny, rich):
        assert closed(*opened(data)) == data == loaded(data).to_bytes()


def test_every_flipped_bit_of_a_model_is_refused(tiny: bytes) -> None:
    data = bytearray(tiny)
    for bit in range(8 * len(tiny)):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelFileError):
            loaded(bytes(data))
        data[bit // 8] ^= 1 << bit % 8
    assert loaded(bytes(data)).to_bytes() == tiny


def test_a_model_cut_off_at_any_byte_is_refused(tiny: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    for size in range(len(tiny)):
        refused(tiny[:size])
    for size in (0, 21, 22, len(tiny) - 1):
        path.write_bytes(tiny[:size])
        with pytest.raises(ModelFileError):
            nnfit.load(path)


def test_what_is_no_model_is_refused(tiny: bytes) -> None:
    array, arrays = io.BytesIO(), io.BytesIO()
    np.save(array, np.arange(3))
    np.savez(arrays, theta_1=np.zeros((1, 2, 3)), metadata=np.frombuffer(b"{}", np.uint8))
    for data in (
        *(b"", b"\n", b"x,y\n1,2\n", bytes(range(256)) * 20, b"PK\x03\x04", b"PK\x05\x06" + bytes(18), TINY.encode()),
        *(array.getvalue(), arrays.getvalue(), pack({}), b"\x80\x04." + tiny, tiny + tiny),
    ):
        refused(data)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few changes: bits flipped, pieces cut, doubled, moved or replaced."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at, length = rng.randrange(len(result) + 1), rng.randint(1, 12)
        change = rng.randrange(6)
        if change == 0 and at < len(result):
            result[at] ^= 1 << rng.randrange(8)
        elif change == 1:
            del result[at : at + length]
        elif change == 2:
            result[at:at] = result[at : at + length]
        elif change == 3:
            source = rng.randrange(len(result) + 1)
            result[at : at + length] = result[source : source + length]
        elif change == 4:
            result[at : at + length] = rng.randbytes(length)
        else:
            result[at : at + length] = rng.choice(PIECES)
    return bytes(result)


PIECES = [
    *(b"0", b"-1", b"1e999", b"NaN", b"null", b"true", b"{}", b"[]", b'""', b'"a"', b"9" * 50, b"99999999999", b"0.0"),
    *(b",", b":", b"[[", b"}", b'"', b"\\", b'"spec":', b'"x":1,', b'\\ud800', b"\xff", b"\0", b"auto", b"softmax"),
    *(b"<f4", b"<f8", b"(1, 2)", b"PK\x01\x02", b"PK\x03\x04", b"\x93NUMPY\x01\0", bytes(4), b"\xff\xff\xff\xff"),
]  # fmt: skip


def within(data: bytes, rng: random.Random) -> bytes:
    """A change of one member, in a container that is right again: it reaches what checksums would hide."""
    arrays, _ = opened(data)
    members = []
    with np.load(io.BytesIO(data)) as found:
        for name in found.files:
            member = io.BytesIO()
            np.lib.format.write_array(member, found[name], version=(1, 0))
            members.append([name, member.getvalue()])
    changed = rng.choice([*members, members[-1], members[-1]])
    if changed is members[-1] and rng.random() < 0.8:
        text = mutated(changed[1][128:], rng)
        changed[1] = npz.npy_header("|u1", (len(text),)) + text
    else:
        changed[1] = mutated(changed[1], rng)
    if rng.random() < 0.05:
        changed[0] = rng.choice([*arrays, "metadata", "theta_2", "theta_9999"])
    return container(members)


@pytest.mark.filterwarnings("ignore::nnfit.NnfitWarning")
@pytest.mark.parametrize("seed", range(4))
def test_mutations_are_refused_or_read_as_they_are(tiny: bytes, rich: bytes, seed: int) -> None:
    rng = random.Random(seed)
    frame = pd.read_csv(io.StringIO(RICH_CSV))
    accepted = 0
    for i in range(MUTATIONS // 4):
        whole = (tiny, rich)[i % 2]
        change = (mutated, within)[i // 2 % 2]
        data = change(whole, rng)
        start = time.monotonic()
        try:
            found = loaded(data)
        except ModelFileError as error:
            assert str(error).startswith("m.npz: ")
            continue
        finally:
            assert time.monotonic() - start < 1
        # Every byte counts: what was read is written again as it stood in the file.
        accepted += 1
        (arrays, metadata), (again, rewritten) = opened(data), opened(found.to_bytes())
        assert stands_in(metadata, rewritten)
        assert arrays.keys() == again.keys()
        for name, array in arrays.items():
            np.testing.assert_array_equal(array, again[name], strict=True)
        if change is mutated:  # no checksum was mended
            assert data == whole
        try:
            with np.errstate(all="ignore"):  # a tiny deviation makes inputs overflow, which is then an error in words
                (found.predict_proba if found.classes else found.predict)(frame, unknown="zero")
        except NnfitError as error:
            assert str(error)
    assert accepted


def stands_in(given: Any, whole: Any) -> bool:
    """Whether all of a value stands in another, which may hold more keys: those that the file left to their meaning."""
    if isinstance(given, dict):
        return isinstance(whole, dict) and all(key in whole and stands_in(given[key], whole[key]) for key in given)
    if isinstance(given, list):
        return len(given) == len(whole) and all(map(stands_in, given, whole))
    return type(given) is type(whole) and given == whole


# --- limits ---------------------------------------------------------------------------------------------------------


def test_large_files_that_are_no_models_are_refused_within_the_limits(tiny: bytes, tmp_path: Path) -> None:
    bomb, path = io.BytesIO(), tmp_path / "m.npz"
    np.savez_compressed(bomb, theta_1=np.zeros((1, 5000, 5000)))  # 200 MB in 200 kB
    lies = npz.npy_header("<f8", (1, 2**20, 2**8)) + bytes(8)
    crc = zlib.crc32(lies)
    start = npz.local_header("theta_1", crc, len(lies)) + lies
    directory = npz.central_header("theta_1", crc, len(lies), 0)
    lying = start + directory + npz.end_record(1, len(directory), len(start))
    names = b"".join(npz.central_header(f"theta_{i}", 0, 0, 0) for i in range(1, 4097))
    listing = b"PK\x03\x04" + names + npz.end_record(4096, len(names), 4)
    for data, message in (
        (bomb.getvalue(), "theta_1: its entry in the directory"),
        (lying, "theta_1: has the shape (1, 1048576, 256), but 8 bytes"),
        (listing, "theta_2: does not follow the member before it"),
        (b"x,y\n" * 5_000_000, "does not begin as an .npz file"),
        (tiny + bytes(20_000_000), "is not where it must be"),
        (tiny[:-22] + bytes(20_000_000) + tiny[-22:], "is not where it must be"),
    ):
        path.write_bytes(data)
        assert message in within_limits(path)
    for head in (b"", tiny):  # files with a hole of 5 GB
        path.write_bytes(head)
        os.truncate(path, 5 * 10**9)
        assert "not a model that nnfit wrote" in seconds(path)[1]
        assert seconds(path)[0] < 0.1
        assert peak(path) < 1_000_000


def test_a_large_model_is_read_in_three_times_its_size(rich: bytes, tmp_path: Path) -> None:
    arrays, metadata = opened(rich)
    metadata["spec"]["network"]["members"] = 150_000
    del metadata["aggregates"]  # they are of fewer members
    for name in ("theta_1", "theta_2"):
        arrays[name] = np.resize(arrays[name], (150_000, *arrays[name].shape[1:]))
    path = tmp_path / "m.npz"
    path.write_bytes(closed(arrays, metadata))
    tracemalloc.start()
    try:
        assert nnfit.load(path).theta.nbytes > 60_000_000
        assert tracemalloc.get_traced_memory()[1] < 3 * path.stat().st_size
    finally:
        tracemalloc.stop()


# --- code ----------------------------------------------------------------------------------------------------------


MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "importlib", "runpy"}
CALLS = {"eval", "exec", "compile", "__import__", "literal_eval", "import_module", "read_pickle", "unsafe_load"}
NUMPY = {"load", "save", "savez", "savez_compressed", "fromfile", "loadtxt", "genfromtxt", "memmap"}


def dangers(code: str) -> list[str]:
    """What in a module could run what a file holds."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom):
            imported = {(node.module or "").split(".")[0], *(alias.name for alias in node.names)}
            found += sorted(imported & (MODULES | CALLS))
        elif isinstance(node, ast.Name) and node.id in CALLS:
            found.append(node.id)
        elif isinstance(node, ast.Attribute):
            owner = ast.unparse(node.value)
            if node.attr in CALLS and owner != "re":
                found.append(node.attr)
            if node.attr in NUMPY and owner in ("np", "numpy", "np.lib.format", "numpy.lib.format"):
                found.append(f"np.{node.attr}")
            if owner == "yaml" and node.attr in ("load", "load_all", "Loader", "UnsafeLoader", "FullLoader"):
                found.append(f"yaml.{node.attr}")
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            found.append("allow_pickle")
    return found


def test_no_code_of_nnfit_could_run_what_a_file_holds() -> None:
    modules = sorted((ROOT / "nnfit").rglob("*.py"))
    assert len(modules) > 30
    found = {str(path.relative_to(ROOT)): dangers(path.read_text()) for path in modules}
    # Extras are imported by names that stand in the code; a type checker holds that no other is given.
    assert found.pop("nnfit/extras.py") == ["import_module", *["importlib"] * 2, *["import_module"] * 2]
    # Workers are sent what they train by their owner, through a pipe that nobody else holds, and read no file of it.
    assert {path: what for path, what in found.items() if what} == {
        f"nnfit/workers/{name}.py": ["pickle"] for name in ("memory", "processes")
    }


@pytest.mark.parametrize(
    "code",
    [
        *("import pickle", "import os, pickle as p", "from pickle import loads", "from importlib import import_module"),
        *(
            "eval('1')",
            "f = exec",
            "__import__(name)",
            "ast.literal_eval(text)",
            "builtins.eval(text)",
            "import dill.x",
        ),
        *("np.load(path)", "numpy.load(file, allow_pickle=False)", "read(x, allow_pickle=True)", "yaml.load(text, x)"),
        *("np.lib.format.read_array(file, allow_pickle=True)", "pd.read_pickle(path)", "importlib.import_module(name)"),
    ],
)
def test_the_search_finds_what_it_looks_for(code: str) -> None:
    assert dangers(code)
    assert not dangers("import json\nre.compile('eval')\nnp.ndarray(shape)\n")


class Trap:
    """An object whose pickle makes a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.path),))


def test_a_pickle_in_the_file_is_refused_and_not_run(tiny: bytes, tmp_path: Path) -> None:
    arrays, _ = opened(tiny)
    path = tmp_path / "m.npz"
    np.savez(path, **{**arrays, "theta_1": np.array([Trap(tmp_path / "sprung")], object)}, allow_pickle=True)
    with pytest.raises(ModelFileError):
        nnfit.load(path)
    assert not (tmp_path / "sprung").exists()
    with np.load(path, allow_pickle=True) as found:  # it would have been
        assert found["theta_1"].tolist() == [None]
    assert (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        (
            "m.onnx",
            b"\x08\x07\x12\x05nnfit\x1a\x05" + b"0" * 40,
            "is an ONNX file, for a runtime of ONNX, and no model",
        ),
        ("m.py", b'"""A neural network in one file' + b"." * 40, "is no model but Python; name the .npz file"),
    ],
)
def test_what_export_writes_is_named_as_such(tmp_path: Path, name: str, data: bytes, expected: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelFileError) as error:
        load(tmp_path / name)
    assert expected in str(error.value)
