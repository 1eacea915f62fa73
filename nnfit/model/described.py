"""A model in words, as the screen and the report show it: its layers, its columns, its metrics, the weights it kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from nnfit.core.network import Group
from nnfit.data import numeric
from nnfit.data.columns import Numeric
from nnfit.data.feature import Feature
from nnfit.words import count, digits, short

if TYPE_CHECKING:
    from nnfit.model.model import Model

MAIN = ("loss", "accuracy", "log_loss", "f1_macro", "roc_auc", "rmse", "mae", "r2")  # metrics that a person sees first


def activation_of(groups: Iterable[Group]) -> str:
    """The activation of a layer in words, parameters where they are not the default: `4 tanh + 4 linear(k=2)`."""
    parts = []
    for group in groups:
        changed = [each for each in fields(group.sigma) if getattr(group.sigma, each.name) != each.default]
        set_here = ", ".join(f"{each.name}={getattr(group.sigma, each.name)}" for each in changed)
        parts.append((group.size, group.sigma.name + (f"({set_here})" if set_here else "")))
    return parts[0][1] if len(parts) == 1 else " + ".join(f"{size} {name}" for size, name in parts)


def encoding_of(f: Feature) -> str:
    """How a column is encoded, in words."""
    options, fitted = f.options, f.fitted
    match options.type:
        case "categorical":
            own, merged = f.categories
            text = "one-hot: " + ", ".join(short(category) or "(missing)" for category in own[:8])
            text += f", … {len(own)} in all" if len(own) > 8 else ""
            return text + (f"; {len(merged)} rare ones share an input" if merged else "")
        case "date":
            text, filled = "year, month, weekday, days elapsed, circle pairs", "the median date"
        case "boolean":
            text, filled = "0 or 1", "true" if fitted.flat[0] else "false"
        case _:
            assert isinstance(options, Numeric)
            assert isinstance(fitted, numeric.Fitted)
            text, filled = of_numbers(options, fitted), f"{fitted.fill:.4g}"
    return text + (f"; missing: {filled}, and an indicator" if f.indicator else "")


def of_numbers(options: Numeric, fitted: numeric.Fitted) -> str:
    """How a column of numbers is scaled and expanded, in words."""
    text = "log x" if options.log1p else "x"
    if options.bins:
        text = f"{options.bins} bins of {text}"
    elif options.scale in ("standard", "minmax", "robust", "clipped"):
        middle, spread = fitted.scale
        sign = "−" if middle >= 0 else "+"
        text = f"({text} {sign} {abs(middle):.4g}) / {spread:.4g}" + " clipped" * (
            options.scale in ("robust", "clipped")
        )
    elif options.scale == "quantile":
        text = f"normal score of the rank of {text}"
    text += f", powers to {options.degree}" if options.degree > 1 else ""
    beside = numeric.expansion(options, fitted)
    K = len(beside.frequencies)
    parts = [count(beside.steps, "step")] * bool(beside.steps)
    parts += [count(K, "wave")] * bool(K)
    factor = f" × {beside.amplitude:.4g}" if beside.amplitude != 1 else ""
    return text + (f", and {' and '.join(parts)}{factor}" if parts else "")


def shown_metrics(each: list[dict[str, Any]]) -> list[str]:
    """The metrics to show; the cost only where it is not the log-loss under another name."""
    found = [name for name in MAIN if any(metrics.get(name) is not None for metrics in each)]
    costs = [metrics for metrics in each if metrics.get("loss") is not None]
    if costs and all(number(metrics["loss"]) == number(metrics.get("log_loss")) for metrics in costs):
        found.remove("loss")
    return found


def kept_epochs(model: Model) -> str:
    """Which epochs' weights the model has, where early stopping chose them, and what that means for the scores."""
    epochs, validation = model.record.get("best_epochs") or [], model.record.get("history", {}).get("validation") or []
    if not epochs or not validation:
        return ""
    last, monitor = len(validation), model.spec.training.early_stopping
    watched = "cost" if monitor is None or monitor.monitor == "loss" else monitor.monitor
    if len(epochs) == 1:
        text = f"Kept: the weights of epoch {epochs[0]} of {last}, where the validation {watched} was best"
    else:
        which = f"{min(epochs)} to {max(epochs)}" if min(epochs) < max(epochs) else f"{epochs[0]}"
        text = f"Kept: each member's weights of its best epoch, {which} of {last}, by its {watched} on rows held out"
    name = next((name for name in ("out_of_fold", "out_of_bag", "validation") if name in model.metrics), "")
    return f"{text}; {name} rows are scored at epochs that others of them chose"


def number(value: float | None) -> str:
    """A metric with four digits, if there is one."""
    return "" if value is None else digits(value)
