"""Columns of dates as operators: a text to days since 1970-01-01, and these to the eight inputs of data/dates.py.

ONNX can cut a text at a mark and read a number, from its version 20 on. So dates are read of ISO 8601 without a format,
with or without a time of day and a zone, and of formats whose parts have marks between them. Those of another format
come in as the number of days, and `as_number` says so.

Days from year, month and day, and back: Hinnant 2014, "chrono-compatible low-level date algorithms", in doubles, which
hold these numbers exactly, so that what is no date is NaN throughout.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from nnfit.data import dates as data
from nnfit.data.columns import Date
from nnfit.data.dialect import Dialect
from nnfit.data.feature import Feature
from nnfit.export.onnx.graph import Graph, text
from nnfit.export.onnx.numbers import Block, row
from nnfit.words import encodable

ISO = (
    "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
EPOCH = "1970-01-01"
MONTH_NAMES = [
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
]
DAY_NAMES = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = {"%b": [name[:3] for name in MONTH_NAMES], "%B": MONTH_NAMES}
DAYS = {"%a": [name[:3] for name in DAY_NAMES], "%A": DAY_NAMES}
NAMES = {**MONTHS, **DAYS, "%p": ["AM", "PM"]}
TWO = "[0-9]{1,2}"
# The parts of a format that are read, as what strptime takes for them.
PARTS = {
    **dict.fromkeys(("%d", "%m", "%H", "%I", "%M", "%S"), TWO),
    "%Y": "[0-9]{4}",
    "%y": "[0-9]{2}",
    "%f": "[0-9]{1,6}",
}


def variants(name: str) -> list[str]:
    """A name as people write it: March, march, MARCH."""
    return list(dict.fromkeys((name, name.lower(), name.upper())))


PARTS |= {part: "(" + "|".join(v for name in names for v in variants(name)) + ")" for part, names in NAMES.items()}


def words(form: str) -> list[str]:
    """A format as its parts and the marks between them, by turns: it begins and ends with a mark, if an empty one."""
    found = [""]
    for k, word in enumerate(re.split("(%.)", form.strip())):
        if k % 2 == 0 or word == "%%":
            found[-1] += word[-1:] if k % 2 else word
        else:
            found += [word, ""]
    return found


def as_number(feature: Feature) -> bool:
    """Whether a column of dates comes in as the number of days, since its format cannot be read here."""
    options = feature.options
    if not isinstance(options, Date) or options.format is None:
        return False
    found = words(options.format)
    parts, between = found[1::2], found[2:-1:2]
    marks = [mark for mark in found[::2] if mark]
    letters = any(part in NAMES and re.search("[A-Za-z]", mark) for part, mark in zip(parts, between, strict=False))
    plain = all(mark.isprintable() and encodable(mark) and not re.search(r"\d", mark) for mark in marks)
    return not ({*parts} <= {*PARTS} and plain and all(between)) or letters


def dates(g: Graph, features: Sequence[Feature], starts: Sequence[int], dialect: Dialect) -> list[Block]:
    """The inputs of columns of dates, each of which begins at a place among all inputs."""
    groups: dict[Any, list[int]] = {}
    for k, feature in enumerate(features):
        assert isinstance(feature.options, Date)
        groups.setdefault(0 if as_number(feature) else feature.options.format, []).append(k)
    read, gone, order = [], [], []
    for form, chosen in groups.items():
        holds = "double" if form == 0 else "string"
        raw = g.side_by_side([g.input(features[k].name, holds) for k in chosen])
        if form == 0:
            read.append(raw)
            gone.append(g.missing(raw))
        else:
            read.append(days_in(g, raw, form, len(chosen)))
            gone.append(g.add("Equal", g.codes(raw, dict.fromkeys(dialect.gaps, 1), 0), np.array(1, np.int64)))
        order += chosen
    missing = g.side_by_side(gone)
    fitted: list[Any] = [features[k].fitted for k in order]
    days = g.add("Where", missing, row(each.fill for each in fitted), g.side_by_side(read))
    blocks = []
    moments = np.array([each.moments for each in fitted]).reshape(len(order), data.STRAIGHT, 2)
    for p, part in enumerate(parts(g, days)):
        if p < data.STRAIGHT:
            part = g.add("Div", g.add("Sub", part, moments[None, :, p, 0]), moments[None, :, p, 1])
        blocks.append(Block(part, [starts[k] + p for k in order]))
    told = [i for i, k in enumerate(order) if features[k].indicator]
    if told:
        flags = g.cast(g.columns(missing, told, len(order)), "double")
        blocks.append(Block(flags, [starts[order[i]] + len(data.NAMES) for i in told]))
    return blocks


# --- arithmetic ----------------------------------------------------------------------------------------------------


def plus(g: Graph, a: str, b: str | float) -> str:
    """a + b."""
    return g.add("Add", a, b)


def times(g: Graph, a: str, factor: float) -> str:
    """a times a number."""
    return g.add("Mul", a, factor)


def whole(g: Graph, a: str, by: float) -> str:
    """⌊a / b⌋."""
    return g.add("Floor", g.add("Div", a, by))


def rest(g: Graph, a: str, by: float) -> str:
    """a − b ⌊a / b⌋."""
    return g.add("Sub", a, times(g, whole(g, a, by), by))


def truth(g: Graph, condition: str) -> str:
    """1 where it holds, else 0."""
    return g.cast(condition, "double")


def days_of(g: Graph, year: str, month: str, day: str) -> str:
    """Days since 1970-01-01 of a date."""
    early = truth(g, g.add("LessOrEqual", month, 2.0))
    year = g.add("Sub", year, early)
    era, of_era = whole(g, year, 400.0), rest(g, year, 400.0)
    since_march = plus(g, g.add("Sub", month, 3.0), times(g, early, 12.0))
    of_year = plus(g, whole(g, plus(g, times(g, since_march, 153.0), 2.0), 5.0), g.add("Sub", day, 1.0))
    leaps = g.add("Sub", whole(g, of_era, 4.0), whole(g, of_era, 100.0))
    in_era = plus(g, plus(g, times(g, of_era, 365.0), leaps), of_year)
    return g.add("Sub", plus(g, times(g, era, 146097.0), in_era), 719468.0)


def civil(g: Graph, whole_days: str) -> tuple[str, str, str]:
    """Year, month and day of days since 1970-01-01."""
    z = plus(g, whole_days, 719468.0)
    era, doe = whole(g, z, 146097.0), rest(g, z, 146097.0)
    leaps = g.add("Sub", whole(g, doe, 36524.0), plus(g, whole(g, doe, 1460.0), whole(g, doe, 146096.0)))
    yoe = whole(g, plus(g, doe, leaps), 365.0)
    before = plus(g, times(g, yoe, 365.0), g.add("Sub", whole(g, yoe, 4.0), whole(g, yoe, 100.0)))
    doy = g.add("Sub", doe, before)
    since_march = whole(g, plus(g, times(g, doy, 5.0), 2.0), 153.0)
    first = whole(g, plus(g, times(g, since_march, 153.0), 2.0), 5.0)
    day = plus(g, g.add("Sub", doy, first), 1.0)
    late = truth(g, g.add("GreaterOrEqual", since_march, 10.0))
    month = g.add("Sub", plus(g, since_march, 3.0), times(g, late, 12.0))
    return plus(g, plus(g, yoe, times(g, era, 400.0)), late), month, day


def parts(g: Graph, days: str) -> list[str]:
    """The eight inputs of days (n, C) before standardising."""
    full = g.add("Floor", days)
    year, month, _ = civil(g, full)
    weekday = rest(g, plus(g, full, 3.0), 7.0)
    angles = [
        g.add("Div", times(g, g.add("Sub", month, 1.0), 2 * np.pi), 12.0),
        g.add("Div", times(g, weekday, 2 * np.pi), 7.0),
    ]
    circle = []
    for angle in angles:
        half = g.add("Sin", times(g, angle, 0.5))
        circle += [g.add("Sin", angle), g.add("Sub", 1.0, times(g, g.add("Mul", half, half), 2.0))]
    return [year, month, weekday, days, *circle]


# --- texts ---------------------------------------------------------------------------------------------------------


def number(g: Graph, tensor: str) -> str:
    """What digits spell."""
    return g.cast(tensor, "double")


def moment(g: Graph, valid: str, read: dict[str, str]) -> str:
    """Days since 1970-01-01 from what was read, or NaN where that is no date.

    Read are year, month and day, with a time of day its hour, minute and second, and the seconds by which its zone is
    ahead.
    """
    year, month, day = (read[name] for name in ("year", "month", "day"))
    found = days_of(g, year, month, day)
    # 31 April would be 1 May, 2023-00-10 a day of 2022: only what comes out as it went in is a date.
    for said, out in zip((year, month, day), civil(g, found), strict=True):
        valid = g.add("And", valid, g.add("Equal", said, out))
    valid = g.add("And", valid, g.add("GreaterOrEqual", year, 1.0))
    seconds = None
    for name, unit, end in (("hour", 3600.0, 24.0), ("minute", 60.0, 60.0), ("second", 1.0, 60.0)):
        if name in read:
            valid = g.add("And", valid, g.add("Less", read[name], end))
            own = times(g, read[name], unit)
            seconds = own if seconds is None else plus(g, seconds, own)
    if seconds is not None:
        if "offset" in read:
            seconds = g.add("Sub", seconds, read["offset"])
        found = g.add("Div", plus(g, times(g, found, 86400.0), seconds), 86400.0)
    return g.add("Where", valid, found, np.nan)


def with_mark(g: Graph, tensor: str, mark: str, default: str) -> str:
    """Texts in which a mark stands: where it does not, the default comes behind, which has it."""
    there = g.matches(tensor, f".*{re.escape(mark)}.*")
    return g.add("Where", there, tensor, g.joined(tensor, text(default)))


def days_in(g: Graph, raw: str, form: str | None, C: int) -> str:
    """Days of dates (n, C) in a format, or in ISO 8601; NaN for what is none.

    A row of dates stands behind them on the way, for where no row is, a text cannot be cut into as many parts.
    """
    date = EPOCH if form is None else sample(form)
    longer = g.add("Concat", raw, text(*[date] * C)[None], axis=0)
    found = iso(g, longer) if form is None else formatted(g, longer, form)
    first, last, rows = (np.array([k], np.int64) for k in (0, -1, 0))
    return g.add("Slice", found, first, last, rows)


def iso(g: Graph, raw: str) -> str:
    """Days of dates in ISO 8601, with what is left out put in: a day alone is its midnight, and that of UTC."""
    valid = g.matches(raw, ISO)
    year, month, tail = g.cut(g.add("Where", valid, raw, text(EPOCH)), "-", 3)
    offset = None
    for mark, sign in (("+", 1.0), ("-", -1.0)):
        tail, zone = g.cut(with_mark(g, tail, mark, f"{mark}00:00"), mark)
        hours, minutes = (number(g, part) for part in g.cut(zone, ":"))
        own = plus(g, times(g, hours, sign * 3600), times(g, minutes, sign * 60))
        valid = g.add("And", valid, g.add("LessOrEqual", hours, 23.0))
        valid = g.add("And", valid, g.add("LessOrEqual", minutes, 59.0))
        offset = own if offset is None else plus(g, offset, own)
    assert offset is not None
    tail, _ = g.cut(with_mark(g, tail, "Z", "Z"), "Z")
    # Between day and time stands a blank or a T: the time is behind the one that is there.
    tail, behind_blank = g.cut(with_mark(g, tail, " ", " "), " ")
    day, behind_T = g.cut(with_mark(g, tail, "T", "T"), "T")
    time = g.joined(behind_T, behind_blank)
    time = g.add("Where", g.matches(time, ""), text("00:00:00"), time)
    time = g.add("Where", g.matches(time, "[0-9]{2}:[0-9]{2}"), g.joined(time, text(":00")), time)
    hour, minute, second = g.cut(time, ":", 3)
    read = {"year": year, "month": month, "day": day, "hour": hour, "minute": minute, "second": second}
    return moment(g, valid, {name: number(g, part) for name, part in read.items()} | {"offset": offset})


def formatted(g: Graph, raw: str, form: str) -> str:
    """Days of dates in a format whose parts have marks between them."""
    first, *others = words(form)
    pattern = re.escape(first) + "".join(
        PARTS[a] + re.escape(b) for a, b in zip(others[::2], others[1::2], strict=True)
    )
    valid = g.matches(raw, pattern)
    tail = g.add("Where", valid, raw, text(sample(form)))
    if first:
        _, tail = g.cut(tail, first)
    read: dict[str, str] = {}
    for part, mark in zip(others[::2], others[1::2], strict=True):
        own = tail
        if mark:
            own, tail = g.cut(tail, mark)
        read[part] = own
    found = {}
    for part, name in (("%Y", "year"), ("%m", "month"), ("%d", "day"), ("%H", "hour"), ("%M", "minute")):
        if part in read:
            found[name] = number(g, read[part])
    if "%y" in read:
        short = number(g, read["%y"])
        early = truth(g, g.add("Less", short, 69.0))
        found["year"] = plus(g, plus(g, short, 1900.0), times(g, early, 100.0))
    for part in MONTHS:
        if part in read:
            found["month"] = named(g, read[part], part)
    if "%I" in read:
        hours = number(g, read["%I"])
        valid = g.add(
            "And", valid, g.add("And", g.add("GreaterOrEqual", hours, 1.0), g.add("LessOrEqual", hours, 12.0))
        )
        late = g.add("Sub", named(g, read["%p"], "%p"), 1.0)
        found["hour"] = plus(g, rest(g, hours, 12.0), times(g, late, 12.0))
    if "%S" in read:
        found["second"] = number(g, read["%S"])
    if "%f" in read:
        fraction = number(g, g.add("StringConcat", text("0."), read["%f"]))
        found["second"] = plus(g, found["second"], fraction) if "second" in found else fraction
    one = g.constant(1.0)
    return moment(g, valid, {"month": one, "day": one} | found)


def named(g: Graph, tensor: str, part: str) -> str:
    """Which of the names of a part it is, from 1 on."""
    places = {variant: k for k, name in enumerate(NAMES[part], 1) for variant in variants(name)}
    return g.cast(g.codes(tensor, places, 0), "double")


def sample(form: str) -> str:
    """A date in a format, which stands where there is none."""
    first = {"%Y": "1970", "%y": "70", "%p": "AM"} | {part: names[0] for part, names in NAMES.items() if part != "%p"}
    found = words(form)
    return "".join(word if k % 2 == 0 else first.get(word, "01") for k, word in enumerate(found))
