"""What the texts of a column look like: numbers or dates as people write them, by what all of them have in common.

Nothing here decides: every reading that gives other values is handed back, and so are the texts that fit none. A spec,
or the proposal of one, chooses.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import NamedTuple

from nnfit.data import dates
from nnfit.data.rows import NUMBER
from nnfit.data.spelling import BLANKS, SIGNS, Spelling

# What people write for a missing cell, or a program that exports one.
MISSING = """
? NA N/A na n/a NaN nan NaT <NA> NULL null None none nil - -- — . missing k.A. \\N (null)
#N/A #NULL! #DIV/0! #VALUE! #REF! #NAME? #NUM! 0000-00-00
"""
MARKERS = frozenset(MISSING.split()) | {"k. A.", "0000-00-00 00:00:00"}
# Decimal mark and group mark, the simpler pair first where both give the same numbers.
MARKS = (
    *((".", ""), (",", ""), (".", ","), (",", "."), (".", "'"), (",", "'"), (".", " "), (",", " ")),
    *((".", "_"),),
)
CURRENCIES = """
AED ARS ATS AUD BGN BRL BTC CAD CHF CLP CNY COP CZK DEM DKK EGP EUR FRF GBP HKD HUF IDR ILS INR ISK ITL JPY KRW KZT MXN
MYR NGN NOK NZD PEN PHP PKR PLN RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR DM Fr Fr. SFr. Rs Rs. kr kr. zł Kč
Ft lei лв руб руб. Euro euro EURO Dollar dollars RM Rp TL
"""
MONEY = frozenset(CURRENCIES.split())
MEASURES = """
% ‰ ° °C °F º mm cm dm m km nm µm μm in ft yd mi mm² cm² m² km² m2 km2 ha m³ m3 cm³ g kg mg µg μg t lb lbs oz l L ml mL
cl dl s ms min h hr hrs W kW MW Wh kWh MWh V mV A mA Hz kHz MHz GHz Pa hPa kPa bar K kB KB MB GB TB kbps Mbps mph km/h
kmh m/s ppm dB cal kcal J kJ N px pt pp bps
"""
UNITS = frozenset(MEASURES.split())
POWER = re.compile(r"[a-z][23]\)?$")  # of m2, whose digit is none of the number
WORD_OF_UNIT = re.compile(r"[^\W\d_]{2,12}([ .][^\W\d_]{1,12}){0,2}\.?")  # as in 36 months, behind a blank
SAMPLE = 200  # texts that are looked at before all of them are

DAYS = (
    *("%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d/%m/%y", "%m/%d/%y", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y"),
    *("%m-%d-%y", "%Y/%m/%d", "%Y.%m.%d", "%Y-%m-%d", "%d %b %Y", "%d-%b-%Y", "%d-%b-%y", "%d/%b/%Y", "%d %B %Y"),
    *("%d. %B %Y", "%d. %b %Y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%B %d %Y", "%a, %d %b %Y", "%A, %B %d, %Y"),
)
MONTHS = ("%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%b-%Y", "%B %Y", "%B-%Y")  # of which the first day is taken
TIMES = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", ", %H:%M", ", %H:%M:%S"),
    *(", %I:%M %p", ", %I:%M:%S %p"),
)
DATELIKE = re.compile(
    r"\s*([0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}|([A-Za-z]{3,9},? )?[0-9]{1,2}[.]?[ /-][A-Za-z]{3,9}[ /-][0-9]{2,4}"
    r"|([A-Za-z]{6,9}, )?[A-Za-z]{3,9} [0-9]{1,2},? [0-9]{4}"
    r"|[0-9]{4}[/-][0-9]{1,2}|[0-9]{1,2}/[0-9]{4}|[A-Za-z]{3,9}[ -][0-9]{4})([ T,].*)?"
)
SHORT_DOTTED = re.compile(r"\s*[0-9]{2}\.[0-9]{2}\.[0-9]{2}\b")  # else 1.10.12 may be the number of a version


class Numbers(NamedTuple):
    """Texts that are numbers: the ways to read them that differ in the values, and the texts that none reads."""

    spellings: tuple[Spelling, ...]
    strangers: tuple[str, ...]
    share: float  # of the cells that are read

    def values(self, labels: Sequence[str], spelling: Spelling) -> list[float | None]:
        """What the texts say if they are written so; nothing for strangers."""
        return [None if label in self.strangers else spelling.number(label) for label in labels]


class Dates(NamedTuple):
    """Texts that are dates: the formats that differ in the days ("" is ISO 8601), and the texts that none reads."""

    formats: tuple[str, ...]
    strangers: tuple[str, ...]
    share: float


@cache
def money(text: str) -> bool:
    """Whether a text before or behind a number names a currency: $, US$, EUR."""
    symbols = sum(unicodedata.category(letter) == "Sc" for letter in text)
    rest = [letter for letter in text if unicodedata.category(letter) != "Sc"]
    return text in MONEY or (symbols == 1 and len(text) <= 5 and all(each.isalpha() or each == "-" for each in rest))


def unit(text: str, spaced: bool) -> bool:
    """Whether a text behind a number is a unit: one that is known, or with a blank before it any words."""
    if text in UNITS or money(text):
        return spaced or not (len(text) == 1 and text.isupper())  # 12A is more often a house than a current
    return spaced and WORD_OF_UNIT.fullmatch(text) is not None


def affixes(text: str) -> tuple[str, str] | None:
    """The prefix and the suffix of a text that may be a number; None for any other text."""
    text = text.strip(BLANKS)
    power = POWER.search(text)
    digits = [place for place, letter in enumerate(text[: power.start() if power else None]) if "0" <= letter <= "9"]
    if not digits:
        return None
    front, back = text[: digits[0]], text[digits[-1] + 1 :]
    front = front.replace("(", "", 1).strip(BLANKS + SIGNS)
    if front[-1:] in (".", ",") and not money(front):
        front = front[:-1]  # of $.50
    back = back[back[:1] in (".", ",") :]  # of 5.
    spaced = back[:1] in (*BLANKS, ")")
    back = back.replace(")", "", 1).strip(BLANKS) if "(" in text[: digits[0]] else back.strip(BLANKS)
    if (front and not money(front)) or (back and not unit(back, spaced)):
        return None
    return front, back


def around(text: str) -> tuple[str, str] | None:
    """As `affixes`, quickly for plain numbers."""
    return ("", "") if NUMBER.fullmatch(text) else affixes(text)


def numbers(labels: Sequence[str], counts: Sequence[int], decimal: str = ".") -> Numbers | None:
    """The numbers that most of the cells of a column are, `counts` of each text; None if half of them are none.

    Of spellings that give the same numbers the simplest is kept, with the `decimal` mark of the file if that is one.
    Those that differ begin with the one of that mark.
    """
    total = sum(counts)
    few = Counter(map(around, labels[:SAMPLE]))
    if not total or (len(labels) > SAMPLE and 2 * few[None] > few.total()):
        return None
    pairs = [around(label) for label in labels]
    groups: Counter[tuple[str, str]] = Counter()
    for pair, n in zip(pairs, counts, strict=True):
        if pair is not None:
            groups[pair] += n
    if not groups:
        return None
    (prefix, suffix), most = groups.most_common(1)[0]
    if 2 * most <= total:
        return None
    chosen = [(label, n) for label, n, pair in zip(labels, counts, pairs, strict=True) if pair == (prefix, suffix)]
    read: dict[Spelling, list[float | None]] = {}
    score: dict[Spelling, int] = {}
    for mark, thousands in sorted(MARKS, key=lambda marks: (marks[0] != decimal, bool(marks[1]))):
        spelling = Spelling(mark, thousands, prefix, suffix)
        values = [spelling.number(label) for label, _ in chosen]
        values = [value if value is not None and math.isfinite(value) else None for value in values]
        known = sum(n for value, (_, n) in zip(values, chosen, strict=True) if value is not None)
        read[spelling], score[spelling] = values, known
    best = max(score.values())
    if 2 * best <= total:
        return None
    distinct: list[Spelling] = []
    for spelling, values in read.items():
        if score[spelling] == best and all(values != read[other] for other in distinct):
            distinct.append(spelling)
    first = read[distinct[0]]
    known_labels = {label for (label, _), value in zip(chosen, first, strict=True) if value is not None}
    strangers = tuple(label for label in labels if label not in known_labels)
    if not unit(suffix, spaced=False) and suffix and not MARKERS.issuperset(strangers):
        return None  # 2 rooms, 3 rooms, 1 room
    return Numbers(tuple(distinct), strangers, best / total)


def day(text: str, form: str) -> float | None:
    """The day that a text names in a format, "" for ISO 8601; None if it names none."""
    if not form and not re.match(r"\s*[0-9]{4}-", text):
        return None
    try:
        return dates.parse(text, form or None)
    except (ValueError, OverflowError):
        return None


def dates_in(labels: Sequence[str], counts: Sequence[int]) -> Dates | None:
    """The dates that most of the cells of a column are, `counts` of each text; None if half of them are none."""
    total = sum(counts)
    sample = [label for label in labels[:SAMPLE] if DATELIKE.fullmatch(label)]
    if not total or 2 * len(sample) <= min(len(labels), SAMPLE):
        return None
    forms = ["", *(f"{days}{time}" for days, time in product(DAYS, TIMES)), *MONTHS]
    if not SHORT_DOTTED.match(sample[0]):
        forms = [form for form in forms if not form.startswith("%d.%m.%y")]
    for part in (sample[:3], sample):
        forms = [form for form in forms if 2 * sum(day(text, form) is not None for text in part) > len(part)]
    read = {form: [day(label, form) for label in labels] for form in forms}
    score = {
        form: sum(n for value, n in zip(values, counts, strict=True) if value is not None)
        for form, values in read.items()
    }
    best = max(score.values(), default=0)
    if 2 * best <= total:
        return None
    distinct: list[str] = []
    for form, values in read.items():
        if score[form] == best and all(values != read[other] for other in distinct):
            distinct.append(form)
    strangers = tuple(label for label, value in zip(labels, read[distinct[0]], strict=True) if value is None)
    return Dates(tuple(distinct), strangers, best / total)


def keys_of(spelling: Spelling, decimal: str) -> Mapping[str, str]:
    """The keys of a column that say how its numbers are written, in a file with this decimal mark."""
    said = spelling._asdict() | {"decimal": "" if spelling.decimal == decimal else spelling.decimal}
    return {key: said[key] for key in ("thousands", "decimal", "prefix", "suffix") if said[key]}


def written(keys: Mapping[str, str]) -> str:
    """The entry of a column in a spec, with the keys that say how its cells are written."""
    type_ = "date" if "format" in keys else "numeric"
    said = "".join(f", {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items() if value)
    return f"{{type: {type_}{said}}}"


def readings(labels: Sequence[str], counts: Sequence[int], decimal: str) -> tuple[list[str], tuple[str, ...]]:
    """The entries of a spec that would read most of the cells of a column, and the texts that none of them reads."""
    found = numbers(labels, counts, decimal)
    if found is not None:
        return [written(keys_of(spelling, decimal)) for spelling in found.spellings], found.strangers
    days = dates_in(labels, counts)
    return ([], ()) if days is None else ([written({"format": form}) for form in days.formats], days.strangers)
