"""Pictures of models of every kind: axes have names, texts have room, and what is drawn is what there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.figure import Figure
from pictures import HOSTILE, MAKERS, Example, Examples, frame, seen, trained, untidy

import nnfit
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.network import views
from nnfit.errors import UsageError
from nnfit.explain.dependence import dependence
from nnfit.explain.importance import Importance
from nnfit.explain.rows import rows_of
from nnfit.model.aggregates import Curves
from nnfit.report import figures, style
from nnfit.report.figures.surface import chosen, moved, prediction, still
from nnfit.report.kinds import KINDS
from nnfit.report.saving import FORMS
from nnfit.scoring.profile import Profile, of_class

# Every kind with names that nobody means and with several members; others where they differ.
CHOSEN = {
    "hostile": [*KINDS],
    "members": [*KINDS],
    "several": ["decision", "confusion", "roc", "calibration", "dependence"],
    "hostile_numbers": ["decision", "residuals", "importance"],
    "reals": ["decision", "residuals", "dependence", "network"],
    "many": ["network", "decision", "confusion", "weights", "precision-recall"],
}
CASES = [
    (name, kind)
    for name, kinds in CHOSEN.items()
    for kind in kinds
    if kind != "activations" and (kind != "residuals" or "numbers" in name or name == "reals")
]


def nameless(figure: Figure) -> list[Any]:
    """The axes that are drawn and have no name."""
    shown = [axes for axes in figure.axes if axes.axison and axes.get_label() != "<colorbar>"]
    shared = [axes for axes in shown if axes.get_shared_x_axes().get_siblings(axes) != [axes]]
    bare = [axes for axes in shown if not axes.get_ylabel()]
    bare += [axes for axes in shown if not axes.get_xlabel() and axes not in shared[:-1]]
    return bare + [axes for axes in figure.axes if axes.get_label() == "<colorbar>" and not axes.get_ylabel()]


@pytest.mark.parametrize(("name", "kind"), CASES)
def test_a_picture_names_its_axes_and_no_text_leaves_it_or_lies_over_another(
    examples: Examples, name: str, kind: str
) -> None:
    example, row = examples[name], KINDS[kind]
    figure = row.draw(example.request(row))
    assert untidy(figure) == []
    assert nameless(figure) == []


def test_names_from_a_file_are_shown_as_they_are_without_mathematics_or_control(examples: Examples) -> None:
    row = KINDS["confusion"]
    texts = [text.get_text() for text in seen(row.draw(examples["hostile"].request(row)))]
    assert "<script>alert(1)<…" in texts
    assert "$x^2$ \\frac{1}{2}…" in texts
    assert "a\\n\\x00\\x1b[31m\\u202eb" in texts
    assert "\u200eעברית العربية\u200e" in texts
    of = figures.network(examples["hostile"].model)
    assert not any(text.get_parse_math() for text in seen(of))


def test_a_title_from_a_file_is_plain_and_bounded(examples: Examples) -> None:
    profile = figures.profile(examples["real"].model, examples["real"].frame.assign(a=1.0))
    figure = figures.residuals(profile, of="\x07" + "word " * 500)
    assert untidy(figure) == []
    assert figure.get_suptitle().startswith("\\x07word")


# --- activations ---------------------------------------------------------------------------------------------------


def test_every_activation_is_drawn_with_its_slope() -> None:
    figure = figures.activations()
    shown = {axes.get_title("left").split()[0]: axes for axes in figure.axes if axes.axison}
    assert list(shown) == list(ACTIVATIONS)
    for name, axes in shown.items():
        value, slope = (np.array(line.get_xydata()) for line in axes.lines[2:])
        z, a = value[np.isfinite(value).all(axis=1)].T
        at, by = slope[np.isfinite(slope).all(axis=1)].T
        rise = np.diff(a) / np.diff(z)
        middle = (z[1:] + z[:-1]) / 2
        smooth = np.abs(middle) > 0.03  # kinks and jumps are at 0
        assert rise[smooth] == pytest.approx(np.interp(middle, at, by)[smooth], abs=0.003), name


def test_those_that_are_named_are_drawn_aliases_too() -> None:
    figure = figures.activations(["sigmoid", "relu"])
    assert [axes.get_title("left") for axes in figure.axes] == ["logistic", "relu"]
    assert untidy(figure) == []


def test_an_activation_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match='no activation "rleu"; did you mean "relu"'):
        figures.activations(["rleu"])


# --- classes -------------------------------------------------------------------------------------------------------


def one_class(n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    p = rng.uniform(size=n)
    return rng.uniform(size=n) < p, p


def test_roc_and_precision_recall_mark_the_threshold_where_the_rows_are() -> None:
    positive, p = one_class()
    profile = Profile(len(p), (of_class("yes", positive, p),))
    taken = p >= 0.3
    recall, precision = taken[positive].mean(), positive[taken].mean()
    for figure, expected in (
        (figures.roc(profile, threshold=0.3), (taken[~positive].mean(), recall)),
        (figures.precision_recall(profile, threshold=0.3), (recall, precision)),
    ):
        (mark,) = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
        assert mark.get_xydata()[0] == pytest.approx(expected, abs=1e-4)
        curve = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 10]
        assert len(curve) == 1
        assert np.abs(np.array(curve[0].get_xydata()) - mark.get_xydata()[0]).max(axis=1).min() < 0.03


def test_metrics_by_threshold_are_those_of_the_rows() -> None:
    positive, p = one_class()
    figure = figures.thresholds(Profile(len(p), (of_class("yes", positive, p),)), threshold=0.5)
    lines = {line.get_label(): np.array(line.get_ydata()) for line in figure.axes[0].lines}
    taken = p >= 0.5
    found = {name: values[50] for name, values in lines.items() if len(values) == 101}
    tp = (taken & positive).sum()
    assert found == pytest.approx(
        {
            "precision": tp / taken.sum(),
            "recall": tp / positive.sum(),
            "F1": 2 * tp / (taken.sum() + positive.sum()),
            "accuracy": (taken == positive).mean(),
        }
    )


def test_a_class_without_rows_has_no_curve_and_is_said_to_have_none() -> None:
    profile = Profile(5, (of_class("never", np.zeros(5, bool), np.linspace(0, 1, 5)),))
    for draw in (figures.roc, figures.precision_recall, figures.calibration, figures.probabilities, figures.thresholds):
        figure = draw(profile)
        assert untidy(figure) == []
    assert any("never (0 of 5): no curve" in text.get_text() for text in seen(figures.roc(profile)))


def test_probabilities_of_many_classes_are_small_pictures(examples: Examples) -> None:
    example = examples["many"]
    with pytest.warns(nnfit.NnfitWarning, match="learnt from"):
        profile = figures.profile(example.model, example.frame)
    with pytest.raises(UsageError, match="a threshold tells two classes apart"):
        figures.thresholds(profile)
    figure = figures.probabilities(profile, "rows")
    assert len(figure.axes) == 12
    assert untidy(figure) == []
    assert nameless(figure) == []


def test_calibration_shows_the_bins_that_have_rows() -> None:
    positive, p = one_class()
    own = of_class("yes", positive, p / 2)
    figure = figures.calibration(Profile(len(p), (own,)))
    (points,) = [each for each in figure.axes[0].collections if isinstance(each, PathCollection)]
    assert np.array(points.get_offsets())[:, 1].tolist() == [s for s in own.share_in_bin if s is not None]
    assert len(points.get_offsets()) == 5


def test_bins_without_a_mean_stand_in_their_middle() -> None:
    p = np.r_[np.full(5, 0.21), 0.61, 0.62]
    own = of_class("yes", np.arange(7) < 6, p, firm=5)
    (curve, _) = figures.calibration(Profile(len(p), (own,))).axes
    assert curve.collections[0].get_offsets().tolist() == [[pytest.approx(0.21), 1.0], [pytest.approx(0.65), 0.5]]


def test_the_calibration_curve_leaves_out_bins_of_fewer_than_five_rows() -> None:
    p = np.r_[np.full(20, 0.15), np.full(4, 0.55), np.full(30, 0.95)]
    positive = np.arange(len(p)) % 3 == 0
    (axes, _) = figures.calibration(Profile(len(p), (of_class("yes", positive, p),))).axes
    assert [line.get_xdata().tolist() for line in axes.lines if len(line.get_xdata())] == [[0, 1], [0.15, 0.95]]
    assert len(axes.collections[0].get_offsets()) == 3


def test_a_confusion_matrix_shows_counts_and_shares() -> None:
    figure = figures.confusion([[8, 2], [0, 5]], ["a", "b"])
    texts = [text.get_text() for text in seen(figure)]
    assert {"8\n80 %", "2\n20 %", "0", "5\n100 %"} <= set(texts)


def test_of_many_classes_the_most_frequent_confusions_are_bars() -> None:
    counts = np.diag(np.full(20, 9))
    counts[3, 7], counts[5, 1] = 3, 1
    figure = figures.confusion(counts.tolist(), [f"c{k}" for k in range(20)])
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["c3 → c7", "c5 → c1"]
    assert [bar.get_width() for bar in axes.patches] == [3, 1]
    texts = [text.get_text() for text in seen(figure)]
    assert " 3 (25 %)" in texts
    assert "180 of 184 rows are right" in axes.get_title("left")
    none = figures.confusion(np.diag(np.full(20, 9)).tolist(), [f"c{k}" for k in range(20)])
    assert untidy(none) == []


# --- numbers, curves -----------------------------------------------------------------------------------------------


def test_residuals_show_every_row_once(examples: Examples) -> None:
    with pytest.warns(nnfit.NnfitWarning, match="learnt from"):
        profile = figures.profile(examples["real"].model, examples["real"].frame)
    figure = figures.residuals(profile)
    density, _, histogram = figure.axes[:3]
    cells = np.array(density.images[0].get_array().filled(0))
    assert (cells**2).sum() == pytest.approx(90)
    assert sum(histogram.patches[0].get_data().values) == 90


def test_curves_show_each_member_the_mean_and_the_epoch_that_was_kept() -> None:
    cost, held_out = np.array([[3.0, 2, 1], [5, 4, 3]]), np.array([[3.0, 2.5, 2.8], [5.0, 5, 4]])
    figure = figures.curves({"m": Curves((1, 5, 9), cost, held_out, (5, 9), 2)})
    (axes,) = figure.axes
    lines = [np.array(line.get_ydata()).tolist() for line in axes.lines]
    assert [line for line in lines if len(line) == 3] == [
        [3, 2, 1],
        [5, 4, 3],
        [4, 3, 2],
        [3, 2.5, 2.8],
        [5, 5, 4],
        [4, 3.75, 3.4],
    ]
    assert [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 1] == [[[5, 2.5]], [[9, 4]]]
    assert axes.get_yscale() == "linear"


def test_of_more_members_than_there_are_lines_it_is_said() -> None:
    cost = np.array([[3.0, 2, 1], [5, 4, 3]])
    figure = figures.curves({"m": Curves((1, 2, 3), cost, None, (1, 2, 3, 3), 4)}, "flowers.csv")
    assert figure.get_suptitle() == "flowers.csv; 2 of 4 members"
    assert [line.get_xdata()[0] for line in figure.axes[0].lines if len(line.get_xdata()) == 1] == [1, 2]


def test_costs_over_more_than_a_factor_of_ten_are_drawn_by_their_logarithm_with_plain_numbers() -> None:
    cost = np.geomspace(100, 0.001, 50)[None]
    figure = figures.curves(
        {"a": Curves(tuple(range(50)), cost, None, (), 1), "b": Curves((1,), cost[:, :1], None, (), 1)}
    )
    assert figure.axes[0].get_yscale() == "log"
    texts = {text.get_text() for text in seen(figure)}
    assert {"0.01", "100", "a: learnt from", "b: learnt from"} <= texts
    assert untidy(figure) == []


def test_costs_that_are_no_numbers_leave_a_gap() -> None:
    cost = np.array([[1.0, np.nan, np.nan]])
    assert untidy(figures.curves({"a": Curves((1, 2, 3), cost, cost, (2,), 1)})) == []
    assert untidy(figures.curves({"a": Curves((1, 2, 3), cost * np.nan, None, (), 1)})) == []


# --- networks ------------------------------------------------------------------------------------------------------


def test_a_network_has_a_circle_for_each_neuron_and_an_edge_for_each_weight_by_its_sign(examples: Examples) -> None:
    model = examples["members"].model
    figure = figures.network(model)
    (axes,) = figure.axes
    circles = [each for each in axes.collections if isinstance(each, PathCollection)]
    assert sum(len(each.get_offsets()) for each in circles) == sum(model.network.N) + 2  # and two bias units
    edges = [each for each in axes.collections if isinstance(each, LineCollection)]
    for drawn, Theta in zip(edges, views(model.network, model.theta), strict=True):
        colours = np.array(drawn.get_edgecolor())[:, :3]
        blue = np.isclose(colours, matplotlib.colors.to_rgb(style.BLUE)).all(axis=1)
        assert (blue == (Theta[0].ravel() > 0)).all()
    texts = [text.get_text() for text in seen(figure)]
    assert {"a", "colour=red", "yes", "Layer 2\n2 tanh\n3 relu", "Output\n1 logistic", "Input\n5"} <= set(texts)
    assert figure.get_suptitle() == "Weights of the first of 3 members"


def test_of_many_neurons_the_first_and_the_last_are_drawn(examples: Examples) -> None:
    figure = figures.network(examples["many"].model)
    circles = [each for each in figure.axes[0].collections if isinstance(each, PathCollection)]
    assert [len(each.get_offsets()) for each in circles if len(each.get_offsets()) > 3] == [10, 10, 10]
    texts = {text.get_text() for text in seen(figure)}
    assert {"a", "x13", "Layer 2\n45 tanh"} <= texts
    assert "x5" not in texts


def test_heat_maps_are_the_weights_with_the_biases_apart(examples: Examples) -> None:
    model = examples["members"].model
    figure = figures.weights(model)
    maps = [axes.images[0].get_array().filled(np.nan) for axes in figure.axes if axes.images]
    for drawn, Theta in zip(maps, views(model.network, model.theta), strict=True):
        assert np.isnan(drawn[:, 1]).all()
        assert (np.delete(drawn, 1, axis=1) == Theta[0]).all()
    for axes in figure.axes:
        for image in axes.images:
            assert image.norm.vmin == -image.norm.vmax


def test_weights_of_more_units_are_histograms_of_all_members(examples: Examples) -> None:
    figure = figures.weights(examples["many"].model)
    assert not any(axes.images for axes in figure.axes)
    for axes in figure.axes:
        assert sum(axes.patches[0].get_data().values) == pytest.approx(1)


# --- decision ------------------------------------------------------------------------------------------------------


def test_the_surface_is_what_the_model_predicts(examples: Examples) -> None:
    example = examples["classes"]
    model, table = example.model, example.table
    places = {"a": np.array([-1.0, 0.3, 1.0]), "b": np.array([0.5, 0.5, -1.0])}
    found = prediction(model, still(model, table, places))
    most = example.frame["colour"].mode()[0]
    assert found == pytest.approx(model.predict_proba(pd.DataFrame({**places, "colour": most})).to_numpy())


def test_the_colour_at_a_row_is_that_of_its_predicted_class() -> None:
    data = frame().drop(columns="colour")
    kind = np.digitize(data["a"] + data["b"], [-0.5, 0.7])
    example = trained(data.assign(kind=np.array(["x", "y", "z"])[kind]), "kind", output="softmax", training__epochs=60)
    (axes,) = figures.decision(example.model, example.frame).axes
    image, (left, right, bottom, top) = np.array(axes.images[0].get_array()), axes.images[0].get_extent()
    fills = np.array([matplotlib.colors.to_rgb(style.fill(k)) for k in range(3)])
    i = np.floor((data["b"] - bottom) / (top - bottom) * len(image)).astype(int)
    j = np.floor((data["a"] - left) / (right - left) * len(image)).astype(int)
    nearest = np.abs(image[i, j, :3][:, None] - fills).sum(axis=2).argmin(axis=1)
    predicted = example.model.predict(data)["prediction"].map({"x": 0, "y": 1, "z": 2})
    assert (nearest == predicted).mean() > 0.97  # a cell has one colour
    assert sum(len(each.get_offsets()) for each in axes.collections if isinstance(each, PathCollection)) == 60


def test_the_columns_that_move_the_prediction_most_are_taken() -> None:
    rng = np.random.default_rng(1)
    data = pd.DataFrame(rng.normal(size=(150, 4)).round(3), columns=list("pqrs"))
    example = trained(
        data.assign(y=2 * data["q"] - data["s"]), "y", output="linear",
        training__epochs=60, training__optimizer={"name": "adam", "learning_rate": 0.02},
    )  # fmt: skip
    assert chosen(example.model, example.table, None) == ("q", "s")
    assert chosen(example.model, example.table, ["s", "p"]) == ("s", "p")
    reach = {name: moved(example.model, example.table, name) for name in "pqrs"}
    assert min(reach["q"], reach["s"]) > 2 * max(reach["p"], reach["r"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a"], "the surface is over two columns, not 1; name two"),
        (["a", "a"], "the surface is over two columns"),
        (["a", "colour"], 'the column "colour" is not numeric'),
        (["a", "bb"], 'the column "bb" is not one that the model reads; did you mean "b"?'),
    ],
)
def test_columns_of_no_surface_are_refused(examples: Examples, columns: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        figures.decision(examples["classes"].model, examples["classes"].frame, columns)
    assert message in str(caught.value)


def test_a_surface_that_is_flat_is_drawn(examples: Examples) -> None:
    example = examples["real"]
    flat = replace(example.model, theta=np.zeros_like(example.model.theta))
    assert untidy(figures.decision(flat, example.frame.assign(a=2.0, price=1.0))) == []


# --- explanations --------------------------------------------------------------------------------------------------


def important(C: int, **changes: Any) -> Importance:
    repeats = np.linspace(1, 0, C)[:, None] + np.array([-0.1, 0.0, 0.1])
    names = tuple(f"column {k}" for k in range(C))
    nothing = np.empty((C, 0))
    return Importance("rmse", 50, 80, 1.5, names, repeats, nothing, nothing, np.full(C, 0.01), (3,) * C)._replace(
        **changes
    )


def test_importance_is_bars_with_the_spread_of_repeats_and_members() -> None:
    found = important(4, members=np.tile([0.5, 1.5], (4, 1)))
    figure = figures.importance(found, "flowers.csv", "price in €")
    (axes,) = figure.axes
    widths = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in axes.patches}
    assert [widths[k] for k in range(4)] == pytest.approx([1, 2 / 3, 1 / 3, 0])
    ticks = next(line for line in axes.lines if len(line.get_xdata()) == 24)  # three points for each member
    assert np.array_equal(np.reshape(ticks.get_xdata(), (8, 3))[:, :2], np.tile([[0.5] * 2, [1.5] * 2], (4, 1)))
    assert sorted(len(line.get_xdata()) for line in axes.lines) == [0, 2, 12, 24]  # a mark, the axis, repeats, members
    assert "could be chance in these rows" in [text.get_text() for text in seen(figure)]
    assert "RMSE of\nprice in € (1.5 on 50 of 80 rows)" in axes.get_xlabel()
    assert untidy(figure) == []


def test_of_many_columns_the_twenty_most_important_are_drawn_and_the_rest_is_counted() -> None:
    (axes,) = figures.importance(important(31)).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == [f"column {k}" for k in range(20)]
    assert axes.get_ylabel() == "Column  (11 less important ones left out)"


@pytest.mark.parametrize("column", ["a", "colour"])
def test_dependence_is_the_mean_over_lines_of_single_rows(examples: Examples, column: str) -> None:
    example = examples["classes"]
    found = dependence(rows_of(example.model, example.table), column)
    figure = figures.dependence(found, "rows", "kind")
    curve, rows = figure.axes
    drawn = [np.array(line.get_ydata()) for line in curve.lines]
    assert np.array(drawn[: len(found.lines)]) == pytest.approx(found.lines)
    assert np.array(drawn[len(found.lines) : -1]) == pytest.approx(found.mean)
    counted = rows.patches[0].get_data().values if found.numeric else [bar.get_height() for bar in rows.patches]
    assert list(counted) == found.counts.tolist()
    assert untidy(figure) == []


def test_dates_and_long_categories_have_names_with_room(examples: Examples) -> None:
    example = examples["hostile"]
    found = dependence(rows_of(example.model, example.table), HOSTILE["right_to_left"])
    days = found._replace(
        numeric=True, dates=True, grid=tuple(np.linspace(0, 9000, 30)), edges=np.linspace(0, 9000, 31),
        mean=np.zeros((len(found.outputs), 30)), lines=np.zeros((2, 30)), counts=np.arange(30),
    )  # fmt: skip
    for each in (found, days):
        assert untidy(figures.dependence(each)) == []
    assert "1970-01-01" in [text.get_text() for text in seen(figures.dependence(days))]


def test_every_example_is_drawn_somewhere() -> None:
    assert {name for name, _ in CASES} | {"classes", "real"} == set(MAKERS)


def test_a_profile_needs_a_target(examples: Examples) -> None:
    example: Example = examples["real"]
    draw: Callable[..., Any] = figures.profile
    with pytest.raises(nnfit.NnfitError, match="price"):
        draw(example.model, example.frame.drop(columns="price"))


def test_a_legend_of_weighted_rows_divides_weights_by_weights() -> None:
    positive, p = one_class()
    found = of_class("yes", positive, p)._replace(positives=184.23, negatives=215.77)
    texts = [text.get_text() for text in seen(figures.roc(Profile(3000, (found,)), threshold=0.5))]
    assert "yes (184.23 of 400)" in texts


def test_the_dot_of_the_legend_is_that_of_the_curve() -> None:
    positive, p = one_class()
    figure = figures.roc(Profile(len(p), (of_class("yes", positive, p),)), threshold=0.5)
    (mark,) = [line for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    (shown,) = [line for line in figure.axes[0].lines if str(line.get_label()).startswith("decision threshold")]
    assert shown.get_markerfacecolor() == mark.get_markerfacecolor()
    assert shown.get_markersize() == mark.get_markersize()


@pytest.mark.parametrize("last", [2, 7, 10, 333])
def test_epochs_have_whole_numbers(last: int) -> None:
    found = Curves(tuple(range(1, last + 1)), np.linspace(1, 0.5, last)[None], None, (), 1)
    axis = figures.curves({"a": found}).axes[0]
    assert all(float(tick).is_integer() for tick in axis.get_xticks())


def test_a_picture_too_small_for_its_axes_is_written_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    positive, p = one_class()
    for draw in FORMS.values():
        figure = figures.roc(Profile(len(p), (of_class("yes", positive, p),)), threshold=0.5)
        figure.set_size_inches(0.5, 0.5)
        draw(figure)
    assert [str(each.message) for each in recwarn] == []
