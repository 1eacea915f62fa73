"""What a sweep file may say: its declarations, and the JSON Schema that is made from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from nnfit.config.schema import mapping
from nnfit.core.parameter import REQUIRED, parameter
from nnfit.scoring.metrics import METRICS

Schema = dict[str, Any]
NAMES = {name: metric for table in METRICS.values() for name, metric in table.items()}


@dataclass(frozen=True, kw_only=True)
class Range:
    """Numbers from one to another: each of a grid by its step, or any of them."""

    min: float = parameter(REQUIRED, "the least")
    max: float = parameter(REQUIRED, "the greatest")
    scale: Literal["linear", "log"] = parameter("linear", "what is drawn evenly: the number, or its logarithm")
    type: Literal["number", "integer"] = parameter("number", "any number, or whole ones")
    step: float | None = parameter(None, "the distance of two neighbours; without it, all between are drawn", above=0)


@dataclass(frozen=True, kw_only=True)
class Search:
    """Which points of the parameters are tried."""

    method: Literal["grid", "random", "halving"] = parameter(
        "grid",
        "every combination of the values; some drawn at random; or either, of which after a few epochs only the best "
        "go on",
    )
    trials: int | None = parameter(
        None, "how many points random and halving draw; more of them leave the first as they are"
    )
    seed: int = parameter(0, "of what is drawn; point k has a stream of its own", least=0)
    factor: int = parameter(3, "of halving: one of so many goes on, for so many times the epochs", least=2)
    epochs: int | None = parameter(
        None,
        "of halving: those of the first rung; without it the most for which halving takes a third of the epochs that "
        "all would take to the end",
    )

    @property
    def drawn(self) -> bool:
        """Whether the points are drawn, and not every combination."""
        return self.method == "random" or (self.method == "halving" and self.trials is not None)


@dataclass(frozen=True, kw_only=True)
class Keys:
    """Many trainings of one family."""

    spec: str = parameter(REQUIRED, "the spec that the trials are made from, relative to this file")
    search: Search = parameter(Search(), "which points are tried")
    where: tuple[str, ...] = parameter(
        (), "what every point keeps, as in network.layers.0.size >= network.layers.1.size; or a list", items=1
    )
    repeat: int = parameter(1, "trials of each point, with the seeds that follow its own; their mean counts")
    metric: str = parameter(
        None,
        "what is best, on rows not learnt from; without it log_loss of classes, rmse of numbers",
        words=NAMES,
        inferred=True,
    )


@cache
def json_schema() -> Schema:
    """The JSON Schema of a sweep file, draft 2020-12. It is made once; nobody may change it."""
    definitions: dict[str, Schema] = {}
    node = mapping(Keys, definitions)
    definitions["Range"] = mapping(Range, definitions)
    values = {"anyOf": [{"items": {}, "minItems": 1, "type": "array"}, {"$ref": "#/$defs/Range"}]}
    parameters = {
        "additionalProperties": values,
        "description": "keys of the spec, as in training.optimizer.learning_rate, each with a list of values (of any "
        "kind, whole parts of the spec too) or {min, max, scale, type, step}; none, {}, for repeat alone",
        "propertyNames": {"minLength": 1},
        "title": "Parameters",
        "type": "object",
    }
    properties = dict(node["properties"])
    node["properties"] = {name: properties.pop(name) for name in ("spec", "search")} | {
        "parameters": parameters,
        **properties,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$defs": dict(sorted(definitions.items())),
        **node,
        "required": ["spec", "parameters"],
        "title": "nnfit sweep",
    }
