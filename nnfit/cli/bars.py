"""Bars of letters beside numbers, and how many decimals the numbers have."""

from __future__ import annotations

import math

LONG, HALF = 30, 15  # letters of the longest bar, and of the longest to the left or to the right
FULL, HOLLOW = "█", "░"
EIGHTHS = " ▏▎▍▌▋▊▉"


def decimals(largest: float, most: int = 400) -> int:
    """The decimals with which the largest of some numbers has four digits."""
    return min(most, max(0, 3 - math.floor(math.log10(largest)))) if 1e-300 < largest < math.inf else 4


def bar(value: float, longest: float, hollow: bool = False) -> str:
    """A bar of so many eighths of a letter, or of hollow letters, one at least; nothing for what is not above 0."""
    if not 0 < value <= longest:
        return ""
    if hollow:
        return HOLLOW * max(1, round(LONG * value / longest))
    eighths = round(8 * LONG * value / longest)
    return FULL * (eighths // 8) + EIGHTHS[eighths % 8].strip()


def to_its_side(value: float, longest: float) -> str:
    """A bar to the left of the middle for what takes, to the right for what adds, in halves of a letter."""
    halves = round(2 * HALF * abs(value) / longest) if longest > 0 else 0
    full, half = FULL * (halves // 2), halves % 2
    if value < 0:
        return ("▐" * half + full).rjust(HALF) + "│"
    return " " * HALF + "│" + full + "▌" * half
