"""The metadata of a file as text: JSON within bounds that keep any input harmless.

The text is ASCII (all else is escaped), so that a character takes one byte in memory too. What its values will take is
estimated, and its depth found, before it is parsed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from nnfit.errors import ModelFileError, OutputError, Place, Problem

MAX_BYTES = 32 << 20  # more than 1.5 million epochs of history
MAX_DEPTH = 32
ROOM = 18 << 20  # bytes that the values may take beyond twice their text
STRETCH = 4  # times its length that a text may get by spaces, so that its values have room
MEMBER = "metadata"

# What CPython takes for a list, a dict, an entry with a key that others have too, an item, and half a text.
PRICES = {b"[": 72, b"{": 136, b":": -31, b",": 8, b'"': 30}
NUMBER = 28
USUAL_ENTRIES, ENTRY = 16, 160  # a dict with more entries than usual has keys of its own, which cost more
BLOCK = 1 << 20
NUMERALS = np.isin(np.arange(256), np.frombuffer(b"0123456789.eE+-", np.uint8))
STEPS = np.zeros(256, np.int8)  # up and down the nesting
STEPS[[ord("["), ord("{")]] = 1
STEPS[[ord("]"), ord("}")]] = -1


def write(value: dict[str, Any]) -> bytes:
    """The text of an object; OutputError if `read` would refuse it, so that no file is written that cannot be read.

    Many small values, those of thousands of columns, take more memory than `read` grants to so short a text. Spaces
    behind it make it longer: what a file may ask for stays in proportion to its size.
    """
    data = json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    wanted = (cost(data) - ROOM) * 2 // 3  # not just half: columns and spec are made of the values, beside them
    if len(data) < wanted <= min(STRETCH * len(data), MAX_BYTES):
        data = data.ljust(wanted)
    if reason := excess(data):
        raise OutputError(Problem("too-large", f"the model cannot be written: its metadata are {reason}"))
    return data


def read(data: bytes, file: str) -> dict[str, Any]:
    """The object of a text; ModelFileError for all that is not plain JSON, within bounds, each key given once."""

    def fail(message: str) -> NoReturn:
        raise ModelFileError(Problem("damaged-model", message, place=Place(file, key=MEMBER)))

    texts: dict[str, str] = {}  # one of each: thousands of columns say the same

    def distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = {key: texts.setdefault(part, part) if isinstance(part, str) else part for key, part in pairs}
        if len(result) < len(pairs):
            fail("a key is there twice")
        return result

    def finite(text: str) -> float:
        number = float(text)
        return number if math.isfinite(number) else fail(f"{text} is not a finite number")

    if reason := excess(data):
        fail(f"not as nnfit writes them: {reason}")
    if not data.isascii():
        fail("not as nnfit writes them: not ASCII")
    if depth(data) > MAX_DEPTH:
        fail(f"nested more than {MAX_DEPTH} deep")
    text = data.decode("ascii")
    del data
    try:
        value = json.loads(
            text,
            object_pairs_hook=distinct,
            parse_float=finite,
            parse_constant=lambda word: fail(f"{word} is not a finite number"),
        )
    except ValueError as error:
        fail(f"not JSON: {error}")
    return value if isinstance(value, dict) else fail("not a JSON object")


def tidy(value: Any) -> Any:
    """A value of JSON with null in place of every number that is not finite, for which JSON has no word."""
    if isinstance(value, dict):
        return {key: tidy(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [tidy(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def plain(value: dict[str, Any]) -> dict[str, Any]:
    """An object as it comes back from its text: tuples are lists then."""
    found: dict[str, Any] = json.loads(json.dumps(value))
    return found


def excess(data: bytes) -> str:
    """Why a text is refused before it is parsed: its size, or the memory its values would take."""
    if len(data) > MAX_BYTES:
        return f"more than {MAX_BYTES:,} bytes"
    return "too many values for their length" if cost(data) > 2 * len(data) + ROOM else ""


def cost(data: bytes) -> int:
    """About how many bytes of memory the values of a text take."""
    count = {mark: data.count(mark) for mark in PRICES}
    unusual = max(0, count[b":"] - USUAL_ENTRIES * count[b"{"])
    return sum(price * count[mark] for mark, price in PRICES.items()) + ENTRY * unusual + NUMBER * numbers(data)


def blocks(data: bytes) -> Iterator[NDArray[np.uint8]]:
    """The bytes of a text, so many at once that counting them takes little memory."""
    return (np.frombuffer(data[at : at + BLOCK], np.uint8) for at in range(0, len(data), BLOCK))


def numbers(data: bytes) -> int:
    """About how many numbers of three characters or more there are: shorter ones exist once in CPython, as a rule."""
    count = 0
    for block in blocks(data):
        part = NUMERALS[block]
        count += int(np.count_nonzero(~part[:-3] & part[1:-2] & part[2:-1] & part[3:]))
    return count


def depth(data: bytes) -> int:
    """How deep brackets are nested outside of texts, up to the first place that is not JSON."""
    deepest = level = 0
    inside = False
    for block in blocks(data.replace(b"\\\\", b"").replace(b'\\"', b"")):
        within = np.logical_xor.accumulate(block == ord('"')) ^ inside
        levels = np.cumsum(STEPS[block] * ~within, dtype=np.int32) + level
        deepest = max(deepest, int(levels.max()))
        level, inside = int(levels[-1]), bool(within[-1])
    return deepest
