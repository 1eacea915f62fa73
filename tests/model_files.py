"""Model files to be changed by tests, and what must hold when they are refused."""

from __future__ import annotations

import io
import json
import time
import tracemalloc
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nnfit
from nnfit.errors import ModelFileError
from nnfit.model.loading import FORMS, assemble
from nnfit.model.model import Model
from nnfit.storage import npz
from nnfit.storage.npz import Source, pack

TINY = """\
data: {train: data.csv, target: y}
network: {layers: [{size: auto, activation: logistic}]}
training: {epochs: 1, optimizer: {name: sgd, learning_rate: 0.1}}
"""
TINY_CSV = "x,y\n1,a\n2,b\n4,a\n5,b\n"
RICH = """\
data: {train: data.csv, target: y, test: 0.2, columns: {code: {type: categorical, min_count: 2}, q: {bins: 3}}}
network:
  layers:
    - {size: 5, activation: [{name: tanh, size: 2}, {name: relu, size: 3}]}
    - {size: auto, activation: softmax}
  members: 2
training: {epochs: 3, batch_size: 8, optimizer: {name: adam, learning_rate: 0.03}}
"""
RICH_CSV = "x,q,code,day,open,y\n" + "".join(
    f"{'' if i % 7 == 0 else i % 6},{i * i},{i % 3 if i else 'rare'},2024-{i % 12 + 1:02}-03,{i % 2 > 0},{y}\n"
    for i, y in enumerate("pqr" * 13)
)


def loaded(data: bytes) -> Model:
    """What `load` does, of bytes."""
    return assemble(Source(io.BytesIO(data), "m.npz", FORMS).arrays(), "m.npz")


def refused(data: bytes) -> str:
    with pytest.raises(ModelFileError) as caught:
        loaded(data)
    message = str(caught.value)
    assert message.startswith("m.npz: ")
    assert len(message) < 600
    return message


def opened(data: bytes) -> tuple[npz.Arrays, dict[str, Any]]:
    """The arrays and the metadata of a model file, to be changed."""
    with np.load(io.BytesIO(data), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    return arrays, json.loads(arrays.pop("metadata").tobytes())


def closed(arrays: npz.Arrays, metadata: Any) -> bytes:
    """A model file of them; `metadata` may be any text."""
    text = metadata if isinstance(metadata, bytes) else json.dumps(metadata, separators=(",", ":")).encode()
    return pack({**arrays, "metadata": np.frombuffer(text, np.uint8)})


def container(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A file of some members, whatever their bytes are, that is otherwise right."""
    parts, directory, place = [], b"", 0
    for name, member in members:
        crc = zlib.crc32(member)
        parts += [npz.local_header(name, crc, len(member)), member]
        directory += npz.central_header(name, crc, len(member), place)
        place += sum(map(len, parts[-2:]))
    return b"".join([*parts, directory, npz.end_record(len(parts) // 2, len(directory), place)])


# --- limits ---------------------------------------------------------------------------------------------------------


def seconds(path: Path) -> tuple[float, str]:
    """How long a file takes to be refused, and the message."""
    start = time.process_time()
    with pytest.raises(ModelFileError) as caught:
        nnfit.load(path)
    return time.process_time() - start, str(caught.value)


def peak(path: Path) -> int:
    """The bytes that are allocated for it, at most."""
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            nnfit.load(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def within_limits(path: Path) -> str:
    taken, message = seconds(path)
    assert taken < 1, message
    assert peak(path) < 3 * path.stat().st_size + 20_000_000, message
    return message
