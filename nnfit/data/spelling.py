"""How people write numbers: a decimal mark, groups of three digits, and a currency, percent or unit around them.

    1234.5   1,234.5   1.234,50 €   1'234.5   1 234,5   $1,234.50   -$5   $-5   ($5.00)   12 %

A number is grouped throughout, in threes after the first group, or not at all. The sign stands before or behind the
prefix; parentheses mean a negative number. Prefix and suffix stand at every number, blanks around them or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from nnfit.data.rows import number

BLANKS = " \t\u00a0\u2009\u202f"  # with the no-break, the thin and the narrow no-break space
SIGNS = "+−-"  # the hyphen last, as a class of characters needs it
# What may stand between groups of three digits, and the characters that are the same to the eye.
GROUPS = {",": ",", ".": ".", "'": "'’", " ": BLANKS.replace("\t", ""), "_": "_"}
GROUP_ALIASES = {"’": "'", "\u00a0": " ", "\u2009": " ", "\u202f": " "}
DECIMALS = {".": ".", ",": ","}
KEYS = ("thousands", "decimal", "prefix", "suffix")


class Spelling(NamedTuple):
    """How the numbers of one column are written."""

    decimal: str = "."
    thousands: str = ""
    prefix: str = ""
    suffix: str = ""

    @property
    def plain(self) -> bool:
        """Whether nothing but the decimal mark is special."""
        return not (self.thousands or self.prefix or self.suffix)

    def number(self, text: str) -> float | None:
        """The number that a text spells, or None if it spells none."""
        return number(text, self.decimal) if self.plain else spelled(text, self)

    @property
    def example(self) -> str:
        """A number that is written so."""
        before, behind = self.prefix.strip(BLANKS), self.suffix.strip(BLANKS)
        gap = " " if before[-1:].isalpha() or before.endswith(".") else ""
        return f"{before}{gap}1{self.thousands}234{self.decimal}5{' ' if behind not in ('', '%') else ''}{behind}"

    def faults(self) -> Iterator[tuple[str, str]]:
        """What contradicts itself: the key and what is wrong."""
        if self.thousands == self.decimal:
            yield "thousands", f'"{self.thousands}" is the decimal mark too'
        for key, text in (("prefix", self.prefix), ("suffix", self.suffix)):
            if not text:
                continue
            text = text.strip(BLANKS)
            if not text:
                yield key, "is blank; blanks around a number are read anyway"
                continue
            near, end = (text[-1], text[0]) if key == "prefix" else (text[0], text[-1])
            marks = {*SIGNS, *BLANKS, *GROUPS, *GROUP_ALIASES, self.decimal}
            if near in SIGNS or end in SIGNS or set(text) <= marks or {"(", ")"} & set(text):
                yield key, "a sign, a mark of numbers or a parenthesis would be part of the number"
            elif near.isdecimal() or (key == "suffix" and re.fullmatch("[eE][0-9]+", text)):
                yield key, "a digit next to the number would be part of it"


@cache
def pattern(spelling: Spelling) -> re.Pattern[str]:
    """What a number that is written so looks like, parentheses around the whole aside."""
    blank, mark = f"[{BLANKS}]*", re.escape(spelling.decimal)
    grouped = ""
    if spelling.thousands:
        grouped = rf"(?P<grouped>[1-9][0-9]{{0,2}}(?P<group>[{GROUPS[spelling.thousands]}])[0-9]{{3}}"
        grouped += rf"(?:(?P=group)[0-9]{{3}})*(?:{mark}[0-9]*)?)|"
    number = rf"(?P<number>{grouped}(?:[0-9]+(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    before, behind = (re.escape(text.strip(BLANKS)) for text in (spelling.prefix, spelling.suffix))
    sign = f"[{SIGNS}]?"
    return re.compile(
        f"(?P<outer>{sign}){blank}{before}{blank}(?P<inner>{sign}){blank}"
        rf"(?P<open>\(?){blank}{number}{blank}(?P<close>\)?){blank}{behind}"
    )


def spelled(text: str, spelling: Spelling) -> float | None:
    """The number that a text spells in this way, or None if it spells none."""
    body = text.strip(BLANKS)
    enclosed = body[:1] == "(" and body[-1:] == ")"
    match = pattern(spelling).fullmatch(body[1:-1].strip(BLANKS) if enclosed else body)
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    marks = [*match["outer"], *match["inner"], *match["open"], *("(" if enclosed else "")]
    if len(marks) > 1:
        return None
    digits = match["number"]
    if spelling.thousands:
        for mark in GROUPS[spelling.thousands]:
            digits = digits.replace(mark, "")
    value = float(digits.replace(spelling.decimal, "."))
    return -value if marks and marks[0] != "+" else value
