"""Permutation importance by column of the CSV."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from model_files import RICH, RICH_CSV

from nnfit.core.network import views
from nnfit.data.cells import Text
from nnfit.data.table import Table
from nnfit.explain import importance as module
from nnfit.explain.importance import importance
from nnfit.explain.losses import losses
from nnfit.explain.rows import Rows, columns_of, predictions, rows_of, sampled, work_of_row

from .conftest import BINARY, LABELS, REAL, binary_csv, labels_csv, real_csv


def permuted(table: Table, name: str, order: Any) -> Table:
    column: Any = table.columns[name]
    moved = Text(column.codes[order], column.labels) if isinstance(column, Text) else column[order]
    return table._replace(columns={**table.columns, name: moved})


CASES = {
    "classes": (RICH, RICH_CSV, "log_loss"),
    "two classes with weights": (BINARY, binary_csv(), "log_loss"),
    "several 0/1 targets": (LABELS, labels_csv(), "log_loss"),
    "several real targets": (REAL, real_csv(), "rmse"),
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_what_evaluate_says_of_a_table_with_the_column_permuted_less_what_it_says_of_the_table(
    told: Any, case: str
) -> None:
    spec, csv, metric = CASES[case]
    rows = told(spec, csv)
    found = importance(rows, repeats=3, seed=7)
    evaluate = lambda table: rows.model.evaluation(table).metrics  # noqa: E731
    base = evaluate(rows.table)
    assert (found.metric, found.rows, found.of) == (metric, rows.n, rows.n)
    assert found.baseline == pytest.approx(base[metric], rel=1e-12)
    rng = np.random.default_rng([7, 1])
    for name in columns_of(rows.model):
        each = [evaluate(permuted(rows.table, name, rng.permutation(rows.n))) for _ in range(3)]
        at = found.columns.index(name)
        expected = [metrics[metric] - base[metric] for metrics in each]
        np.testing.assert_allclose(found.repeats[at], expected, rtol=0, atol=1e-12 * base[metric])
        assert found.importance[at] == pytest.approx(np.mean(expected), abs=1e-12 * base[metric])
        assert found.sd[at] == pytest.approx(np.std(expected, ddof=1), abs=1e-12 * base[metric])
        if "members" in base:
            of_members = np.mean([metrics["members"][metric]["mean"] for metrics in each])
            assert found.members[at].mean() == pytest.approx(of_members - base["members"][metric]["mean"], rel=1e-9)
        if "per_target" in base:
            for k, target in enumerate(("u", "v")):
                own = np.mean([metrics["per_target"][target][metric] for metrics in each])
                assert found.targets[at, k] == pytest.approx(own - base["per_target"][target][metric], rel=1e-9)
    assert sorted(found.importance, reverse=True) == found.importance.tolist()


def test_weights_count_where_they_count_in_metrics(told: Any) -> None:
    weighted, alike = (told(BINARY, binary_csv(), f"training.weighted_metrics={word}") for word in ("true", "false"))
    assert alike.w is None
    assert weighted.w is not None
    assert importance(weighted).baseline != importance(alike).baseline


def test_each_of_several_targets_has_its_own_and_the_metric_is_their_mean(told: Any) -> None:
    for spec, csv in ((REAL, real_csv()), (LABELS, labels_csv())):
        found = importance(told(spec, csv))
        np.testing.assert_allclose(found.targets.mean(axis=1), found.importance, rtol=1e-12)
    found = importance(told(REAL, real_csv()))
    of_column = dict(zip(found.columns, found.targets, strict=True))
    assert of_column["a"][0] > 10 * max(of_column["b"][0], of_column["c"][0])  # u is made of a, and v of b
    assert of_column["b"][1] > 10 * max(of_column["a"][1], of_column["c"][1])


def test_members_and_targets_are_empty_where_there_is_one(told: Any) -> None:
    found = importance(told(BINARY, binary_csv()))
    assert found.members.shape == found.targets.shape == (2, 0)
    assert np.isnan(importance(told(BINARY, binary_csv()), repeats=1).sd).all()


def test_a_column_that_is_not_used_has_exactly_none(rich_rows: Rows) -> None:
    theta = rich_rows.model.theta.copy()
    for name in ("day", "code"):
        views(rich_rows.model.network, theta)[0][:, :, columns_of(rich_rows.model)[name]] = 0
    found = importance(rich_rows._replace(model=replace(rich_rows.model, theta=theta)))
    for name in ("day", "code"):
        at = found.columns.index(name)
        assert (found.repeats[at] == 0).all()
        assert (found.members[at] == 0).all()
        assert found.sd[at] == found.error[at] == found.noise[at] == 0
    assert (found.repeats != 0).any(axis=1).sum() == 3


def test_of_folds_each_row_is_asked_of_its_own_member(told: Any) -> None:
    csv = binary_csv(90)
    model = told(BINARY, csv, "network.members=3", "training.resample=folds").model
    speak = np.arange(90) % 3 == np.arange(3)[:, None]
    rows = told.rows(model, csv, speak=speak)
    found = importance(rows, repeats=2)
    for k in range(3):  # what a member says is what it would say alone, asked the same rows with the same cells
        alone = rows_of(replace(model, theta=model.theta[k : k + 1]), rows.table, speak=speak[k : k + 1])
        X, rng, base = rows.X.copy(), np.random.default_rng([0, 1]), importance(alone).baseline
        for name, block in columns_of(model).items():
            each = []
            for _ in range(2):
                X[:, block] = rows.X[rng.permutation(90), block]
                each.append(importance(alone._replace(X=X[speak[k]])).baseline - base)
            X[:, block] = rows.X[:, block]
            assert found.members[found.columns.index(name), k] == pytest.approx(np.mean(each), rel=1e-9)
    together = importance(told.rows(model, csv), repeats=2)
    assert found.baseline != together.baseline


def test_a_sample_of_many_rows_is_told_and_always_the_same(told: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = told(BINARY, binary_csv(400))
    whole = importance(rows)
    monkeypatch.setattr(module, "WORK", 0)
    monkeypatch.setattr(module, "FEWEST", 100)
    found, again = importance(rows), importance(rows)
    assert (found.rows, found.of) == (100, 400)
    assert all(np.array_equal(a, b) for a, b in zip(found, again, strict=True))
    assert not np.array_equal(found.repeats, importance(rows, seed=1).repeats)
    assert found.columns == whole.columns
    part = sampled(rows, 100, 0)
    share = np.bincount(np.asarray(part.truth, np.intp)) / 100
    np.testing.assert_allclose(share, np.bincount(np.asarray(rows.truth, np.intp)) / 400, atol=0.01)


@pytest.mark.parametrize("task", ["real", "classes"])
def test_what_no_row_bears_out_is_within_the_noise_and_what_all_do_is_not(told: Any, task: str) -> None:
    """A model that uses its columns, asked of rows whose target knows nothing of them: chance alone is left."""
    spec, csv = (REAL, real_csv(80)) if task == "real" else (LABELS, labels_csv(80))
    model = told(spec, csv).model
    outside, told_apart = [], []
    for seed in range(12):
        rng = np.random.default_rng([3, seed])
        fresh = (real_csv(200, seed + 1) if task == "real" else labels_csv(200)).splitlines()
        body = [line.split(",") for line in fresh[1:]]
        inputs, targets = [line[:-2] for line in body], [line[-2:] for line in body]
        mixed = [",".join(x + targets[i]) for x, i in zip(inputs, rng.permutation(200), strict=True)]
        by_chance = importance(told.rows(model, "\n".join([fresh[0], *mixed]) + "\n"))
        outside += (np.abs(by_chance.importance) > by_chance.noise).tolist()
        borne_out = importance(told.rows(model, "\n".join(fresh) + "\n"))
        told_apart.append(borne_out.importance[0] > borne_out.noise[0])
    assert np.mean(outside) <= 0.15
    assert all(told_apart)


def root_of(of_rows: Any, w: Any) -> Any:
    return np.sqrt(w @ of_rows / w.sum(axis=1)[:, None]).mean(axis=1)


def test_the_error_is_that_of_the_bootstrap_where_a_column_matters_much(told: Any) -> None:
    """Skewed errors, and an importance many times the baseline: of these rows, drawn again."""
    rows = told(REAL, real_csv(150))
    rng = np.random.default_rng(8)
    truth = rows.truth + np.array([20, 0.005]) * rng.standard_t(4, size=(150, 2))
    for w in (None, rng.exponential(size=150)):
        part = rows._replace(truth=truth, w=w)
        found = importance(part, repeats=3)
        X, shuffles = part.X.copy(), np.random.default_rng([0, 1])
        target, by = rows.model.target, np.ones(150) if w is None else w
        as_is = losses(target, truth, predictions(part))
        drawn = rng.multinomial(150, np.full(150, 1 / 150), size=3000) * by
        for name, block in columns_of(rows.model).items():
            changes = []
            for _ in range(3):
                X[:, block] = part.X[shuffles.permutation(150), block]
                changes.append(root_of(losses(target, truth, predictions(part, X)), drawn) - root_of(as_is, drawn))
            X[:, block] = part.X[:, block]
            at = found.columns.index(name)
            assert found.error[at] == pytest.approx(np.mean(changes, axis=0).std(ddof=1), rel=0.15)


@pytest.mark.parametrize(
    ("passes", "shuffles", "asked"),
    [(100, [5] * 9, 45), (30, [3] * 9, 27), (18, [2] * 9, 18), (12, [2] * 4 + [1] * 5, 13), (9, [2] * 4 + [1] * 5, 13)],
)
def test_where_the_fewest_rows_take_too_long_columns_are_permuted_less_often(
    told: Any, monkeypatch: pytest.MonkeyPatch, passes: int, shuffles: list[int], asked: int
) -> None:
    names = [f"c{k}" for k in range(9)]
    x = np.random.default_rng(4).normal(size=(80, 9))
    csv = ",".join(names) + ",y\n" + "".join(
        ",".join(f"{value:.5f}" for value in row) + f",{'no' if row @ np.arange(9) < 0 else 'yes'}\n" for row in x
    )  # fmt: skip
    rows = told(BINARY.replace(", weight: w", "").replace("weighted_metrics: true, ", ""), csv)
    monkeypatch.setattr(module, "FEWEST", 40)
    monkeypatch.setattr(module, "AGAIN", 4)
    monkeypatch.setattr(module, "WORK", passes * 40 * work_of_row(rows) * 1.001)
    count = []
    of_members = module.of_members
    monkeypatch.setattr(module, "of_members", lambda *given: count.append(given[0].n) or of_members(*given))
    found = importance(rows)
    assert sorted(found.shuffles, reverse=True) == shuffles
    assert len(count) == asked + 1
    assert set(count) == {min(80, max(40, int(passes * 40 * 1.001 / asked)))}
    assert [int(np.isfinite(each).sum()) for each in found.repeats] == list(found.shuffles)
    np.testing.assert_allclose(found.importance, np.nanmean(found.repeats, axis=1))
    assert (np.isnan(found.sd) == (np.array(found.shuffles) < 2)).all()
    assert np.isfinite(found.noise).all()
    assert (np.diff(found.importance) <= 0).all()
