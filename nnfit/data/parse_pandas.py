"""The columns of some rows, by pandas; what it would guess or mend in silence is switched off, or looked for here."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from nnfit.data.cells import Codes, Floats, Text
from nnfit.data.dialect import Dialect
from nnfit.data.rows import number

WORDS = (b"true", b"false")  # which pandas takes for 1 and 0
SHARE = 4  # rows for each label; with fewer the labels are found one by one, which pandas' categories, sorted, are not
SAMPLE = 1000  # rows before that is looked at


class Parser:
    """pandas' reading of rows that have `width` cells each; it learns of which columns it makes no good categories."""

    def __init__(self, dialect: Dialect, width: int) -> None:
        self.dialect = dialect
        self.width = width
        self.various: set[int] = set()

    def columns(self, data: bytes, wanted: Sequence[int], numeric: Sequence[int]) -> dict[int, Floats | Text]:
        """The wanted columns, each by its place: the numeric ones as numbers, or all as text if one is none of these.

        Of rows with too many cells the last are lost; those with too few are as long as the others, the last empty.
        """
        found: dict[int, Floats | Text] | None = self.frame(data, wanted, numeric) if numeric else None
        if found is None or self.misread(found, data, numeric):
            found = self.frame(data, wanted, (), numeric)
            assert found is not None  # a text is a text
        return found

    def frame(
        self, data: bytes, wanted: Sequence[int], numeric: Iterable[int], spelled: Iterable[int] = ()
    ) -> dict[int, Any] | None:
        """The columns of some whole rows; None if a cell that should be a number is none.

        Those where numbers are `spelled` as texts hold many different ones.
        """
        numeric, various = set(numeric), self.various.union(spelled)
        dtypes = {i: np.float64 if i in numeric else object if i in various else "category" for i in wanted}
        options: dict[str, Any] = {
            "sep": self.dialect.separator,
            "decimal": self.dialect.decimal,
            "header": None,
            "names": list(range(self.width)),
            "usecols": wanted,  # also where all are: else rows with too many cells are warned of, from any thread
            "index_col": False,
            "dtype": dtypes,
            "keep_default_na": False,
            "na_values": dict.fromkeys(numeric, self.dialect.gaps),
            "na_filter": bool(numeric),
            "skip_blank_lines": False,
            "encoding_errors": "surrogatepass",
            "engine": "c",
            "low_memory": False,  # the rows are few enough for one piece
        }
        try:
            frame: pd.DataFrame = pd.read_csv(io.BytesIO(data), **options)
        except UnicodeEncodeError:  # half of a pair of UTF-16, of which pandas makes no category
            self.various.update(wanted)
            return self.frame(data, wanted, numeric, spelled)
        except (ValueError, OverflowError):
            if not numeric:
                raise
            return None
        texts = [i for i in wanted if dtypes[i] == "category"]
        guessed = [i for i in texts if not isinstance(frame[i].array.categories.dtype, pd.StringDtype)]
        if guessed:  # to be numbers, or true and false, whose spelling is lost
            self.various.update(guessed)
            return self.frame(data, wanted, numeric, spelled)
        return {i: frame[i].to_numpy() if i in numeric else self.text(frame[i], i) for i in wanted}

    def text(self, cells: pd.Series[Any], place: int) -> Text:
        """A column of text, its labels in the order in which they are met."""
        if not isinstance(cells.dtype, pd.CategoricalDtype):
            codes, labels = pd.factorize(cells.to_numpy(object))
            return Text(codes.astype(np.int32), tuple(labels))
        codes, labels = cells.array.codes, cells.array.categories.to_numpy(object)
        if len(codes) > SAMPLE and len(labels) * SHARE > len(codes):
            self.various.add(place)
        return in_order(codes, labels)

    def misread(self, found: dict[int, Any], data: bytes, numeric: Sequence[int]) -> bool:
        """Whether pandas took something for a number that is none.

        Without letters there is no word; where there are words, the cells that could be one are read again, as text.
        """
        if any(np.isinf(found[i]).any() for i in numeric):
            return True
        letters = np.frombuffer(data, np.uint8)
        odd = strange(letters)
        if not odd and (letters.max() <= ord("9") or not any(holds(letters, word) for word in WORDS)):
            return False
        suspects = [i for i in numeric if odd or ((found[i] == 0) | (found[i] == 1)).any()]
        texts = (self.frame(data, suspects, (), suspects) if suspects else None) or {}
        labels = {label for text in texts.values() for label in text.labels}.difference(self.dialect.gaps)
        return any(number(label, self.dialect.decimal) is None for label in labels)


def in_order(codes: NDArray[np.integer[Any]], labels: NDArray[Any]) -> Text:
    """The text of pandas' categories, which are sorted, with its labels in the order in which they are met."""
    first = np.empty(len(labels), np.intp)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)  # the last that is put at a place stays
    order = np.argsort(first)
    place = np.empty(len(labels), np.int32)
    place[order] = np.arange(len(labels))
    found: Codes = place[codes]
    return Text(found, tuple(labels[order].tolist()))


def strange(letters: NDArray[np.uint8]) -> bool:
    """Whether there are control characters, some of which pandas skips before and behind a number as if blank."""
    control = letters[letters < 32]
    return bool(((control != 10) & (control != 13) & (control != 9)).any())


def holds(letters: NDArray[np.uint8], word: bytes) -> bool:
    """Whether a word of small letters stands somewhere, large or small; without the interpreter, for other threads."""
    n = max(len(letters) - len(word) + 1, 0)
    found = np.ones(n, bool)
    for place, letter in enumerate(word):
        found &= (letters[place : place + n] | 32) == letter
        if not found.any():
            return False
    return True
