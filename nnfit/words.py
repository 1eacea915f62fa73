"""Words of messages: counts, names from a file made harmless, and the valid name that is nearest to a wrong one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def nearest(name: str, valid: Iterable[str]) -> str:
    """The remedy `did you mean "relu"?` for the valid name closest to `name`, or nothing."""
    import difflib  # here, since only an error asks for it

    choices: dict[str, str] = {}
    for choice in valid:
        choices.setdefault(choice.lower(), choice)
    found = difflib.get_close_matches(name.lower(), choices, n=1)
    return f'did you mean "{choices[found[0]]}"?' if found and choices[found[0]] != name else ""


def plain(text: str) -> str:
    """Text for one line of a terminal: control characters, which may come from a file, are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def short(text: str) -> str:
    """A name or label as a message or a table shows it: plain, and no longer than a glance."""
    return plain(text if len(text) <= 40 else text[:39] + "…")


def quoted(text: str) -> str:
    """Text of a user as a message shows it: in quotes, control characters escaped, shortened."""
    return f'"{short(text)}"'


def listed(names: Sequence[str]) -> str:
    """The first ten names, and how many there are if there are more."""
    return ", ".join(map(short, names[:10])) + (f", … {len(names)} in all" if len(names) > 10 else "")


def count(n: int, noun: str) -> str:
    """`1 row`, `1,000 rows`."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def digits(value: float) -> str:
    """A metric with four digits."""
    return f"{value:.4g}" if abs(value) >= 10 else f"{value:.4f}"
