"""Words of messages: counts, names from a file made harmless, and the valid name that is nearest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

SLIPS = 3  # letters by which a name that was meant may differ at most
LONG = 200  # letters of two names that are compared: the time grows with their product
UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
LOWERED = str.maketrans("0123456789ijk", "₀₁₂₃₄₅₆₇₈₉ᵢⱼₖ")


def nearest(name: str, valid: Iterable[str]) -> str:
    """The remedy `did you mean "relu"?` for the valid name that is a slip or two away, or nothing."""
    choices: dict[str, str] = {}
    for choice in valid:
        choices.setdefault(choice.lower(), choice)
    wrong = name.lower()
    slips = {
        choice: distance(wrong, choice) for choice in choices if len(choice + wrong) < LONG and akin(wrong, choice)
    }
    found = min(slips, key=slips.__getitem__, default=None)
    return f'did you mean "{choices[found]}"?' if found is not None and choices[found] != name else ""


def akin(a: str, b: str) -> bool:
    """Whether one name may be meant by the other: the same but for a slip or two, a part, or an ending."""
    short, long = sorted((a, b), key=len)
    if short in long and (len(short) > 3 or len(long) - len(short) < 2):
        return bool(short)
    stem = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(short))
    if stem > 3 and len(short) - stem < 2 and len(long) - stem <= SLIPS:
        return True
    most = min(SLIPS, (len(long) + 2) // 4) if a[:1] == b[:1] else 1
    return len(short) > 2 and len(long) - len(short) <= most and distance(a, b) <= most


def distance(a: str, b: str) -> int:
    """The least number of letters added, left out, replaced or swapped with a neighbour that make b of a.

    Source: optimal string alignment, Damerau 1964.
    """
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        row = [i]
        for j, other in enumerate(b, 1):
            least = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == b[j - 2] and a[i - 2] == other:
                least = min(least, before[j - 2] + 1)
            row.append(least)
        before, last = last, row
    return last[-1]


def encodable(text: str) -> bool:
    """Whether UTF-8 can hold a text: half of a pair of UTF-16, of a damaged file or a wrong command line, it cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def plain(text: str) -> str:
    """Text for one line of a terminal: control characters, which may come from a file, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(text: str) -> str:
    """A name or label as a message or a table shows it: plain, and no longer than a glance."""
    return plain(text if len(text) <= 40 else text[:39] + "…")


def base(path: Path | str) -> str:
    """The name of a file without its folders, as `short` shows it."""
    return short(Path(path).name)


def quoted(text: str) -> str:
    """Text of a user as a message shows it: in quotes, control characters escaped, shortened."""
    return f'"{short(text)}"'


def listed(names: Sequence[str]) -> str:
    """The first ten names, and how many there are if there are more."""
    return ", ".join(map(short, names[:10])) + (f", … {len(names)} in all" if len(names) > 10 else "")


def count(n: int, noun: str) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def of_layer(symbol: str, i: int) -> str:
    """A symbol with the number of its layer, as the notes write it: `Θ⁽¹⁾`."""
    return f"{symbol}⁽{str(i).translate(RAISED)}⁾"


def indexed(symbol: str, index: int | str) -> str:
    """A symbol with its index, a number or the letter i, j or k, beneath: `x₁`."""
    return f"{symbol}{str(index).translate(LOWERED)}"


def digits(value: float) -> str:
    """A metric with four digits."""
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}"


def sizes(layers: Sequence[object]) -> str:
    """The neurons of some layers, `4 → 16 → 3`; of many the first and the last."""
    return " → ".join(map(str, layers if len(layers) <= 8 else [*layers[:4], "…", *layers[-2:]]))


def volume(count: int) -> str:
    """A number of bytes in words: 512 bytes, 3.2 GB."""
    power = 0
    while count >= 1000 ** (power + 1) and power < len(UNITS) - 1:
        power += 1
    figure = count / 1000**power
    return f"{figure:.0e} {UNITS[power]}" if figure >= 1e4 else f"{figure:,.{1 if power else 0}f} {UNITS[power]}"
