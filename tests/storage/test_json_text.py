"""The JSON in a file of nnfit: neither deeper nor longer than what is read again."""

from __future__ import annotations

import random

import pytest

from nnfit.errors import OutputError
from nnfit.storage import json_text


def test_32_lists_are_deep_enough_to_be_parsed_and_33_are_not() -> None:
    deep = b'{"a":' + b"[" * 31 + b'"[[[[\\"[["' + b"]" * 31 + b"}"
    assert json_text.read(deep, "m.npz")
    assert json_text.depth(deep) == 32
    assert json_text.depth(b'["\\\\",[1,["\\"]]"]]]') == 3


def test_metadata_that_could_not_be_read_are_not_written() -> None:
    with pytest.raises(OutputError, match="more than 33,554,432 bytes"):
        json_text.write({"a": "a" * (1 << 25)})
    with pytest.raises(OutputError, match="too many values"):
        json_text.write({"a": [[]] * 1_000_000})
    history = [random.Random(1).random() for _ in range(1000)] * 200
    assert json_text.read(json_text.write({"a": history}), "m.npz") == {"a": history}
