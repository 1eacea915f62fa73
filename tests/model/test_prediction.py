"""Predictions block by block: what is counted on the way."""

from __future__ import annotations

from collections import Counter

from nnfit.model.remarks import merge, taken_as_zeros


def test_of_many_unseen_categories_only_a_few_are_kept() -> None:
    counts: Counter[str] = Counter()
    for block in range(50):
        merge(counts, Counter({f"{block}-{i}": 2 for i in range(20)}))
    merge(counts, Counter({"0-3": 7}))
    assert len(counts) == 6
    assert (counts.total(), counts["0-3"]) == (2 * 50 * 20 + 7, 9)
    shown = '2,007 rows with what no training row has, taken as zeros: "0-0", "0-1", "0-2", "0-3", "0-4", …'
    assert str(taken_as_zeros("c", counts)).endswith(shown)
