"""What stands in a model file of format 1: the keys, and what a file means that does not say one of them.

Files are read for good. A new key of the spec is absent from the files before it, so FROZEN says what those mean: what
nnfit did when they were written, whatever today's default is. Nothing here is ever changed, only added to; a test holds
every key of the spec against it.
"""

from __future__ import annotations

from typing import Any

FORMAT = 1

# What a file says nothing of, by declaration (spec.py, columns.py) or row of a table. 0.1.0 wrote all of these.
FROZEN: dict[str, dict[str, Any]] = {
    "Spec": {"loss": None, "training": {}, "seed": 0, "output": None},
    "Data": {
        "validation": None,
        "test": None,
        "features": None,
        "ignore": [],
        "weight": None,
        "missing": [],
        "separator": ",",
        "encoding": "utf-8",
        "decimal": ".",
        "missing_target": "error",
        "split_seed": None,
        "storage": "auto",
        "cache": True,
        "columns": {},
    },
    "NetworkKeys": {"input": "auto", "initialization": {}, "dtype": "float32", "members": 1},
    "Layer": {},
    "Initial": {"weights": "auto", "bias": 1.0, "data_driven": False, "output_gain": 1.0},
    "Training": {
        "epochs": 200,
        "batch_size": 32,
        "optimizer": "adam",
        "schedule": "constant",
        "resample": "none",
        "early_stopping": None,
        "calibration": "none",
        "threshold": 0.5,
        "clamp": False,
        "average": "none",
        "dropout": 0.0,
        "label_smoothing": 0.0,
        "class_weight": None,
        "weighted_metrics": False,
        "l2": 0.0,
        "l1": 0.0,
        "clip_norm": None,
        "clip_value": None,
        "baseline": True,
        "checkpoint": None,
    },
    "EarlyStopping": {"patience": 20, "monitor": "loss", "min_delta": 0.0, "min_updates": 0},
    "Checkpoint": {"path": None},
    "Threshold": {},
    "columns.numeric": {
        "scale": "standard",
        "log1p": False,
        "degree": 1,
        "bins": None,
        "piecewise": None,
        "periodic": None,
        "frequency": 0.3,
        "amplitude": 1.0,
        "missing": "median",
        "thousands": None,
        "decimal": None,
        "prefix": None,
        "suffix": None,
        "indicator": "auto",
    },
    "columns.boolean": {"indicator": "auto"},
    "columns.date": {"format": None, "indicator": "auto"},
    "columns.categorical": {"min_count": 1, "max_categories": 1000, "unknown": "error"},
    "activations.linear": {"k": 1.0},
    "activations.step": {"k": 0.0, "gradient": "none"},
    "activations.leaky_relu": {"k": 0.01},
    "activations.elu": {"alpha": 1.0},
    "activations.logistic": {},
    "activations.tanh": {},
    "activations.relu": {},
    "activations.selu": {},
    "activations.gelu": {},
    "activations.silu": {},
    "activations.mish": {},
    "activations.softplus": {},
    "activations.softmax": {},
    "initialization.normal": {"sd": 0.1},
    "initialization.uniform": {"bound": 0.1},
    "initialization.auto": {},
    "initialization.he": {},
    "initialization.glorot": {},
    "initialization.lecun": {},
    "initialization.zeros": {},
    "optimizers.sgd": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "optimizers.adagrad": {"learning_rate": 0.01, "epsilon": 1e-10},
    "optimizers.rmsprop": {"learning_rate": 0.01, "alpha": 0.99, "momentum": 0.0, "epsilon": 1e-8},
    "optimizers.adam": {"learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8},
    "optimizers.adamw": {
        "learning_rate": 0.001,
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "weight_decay": 0.01,
    },
    "optimizers.lbfgs": {"history": 10, "tolerance": 1e-6},
    "schedules.constant": {"warmup": 0.0},
    "schedules.step": {"every": 0.25, "gamma": 0.1, "warmup": 0.0},
    "schedules.exponential": {"final": 0.01, "warmup": 0.0},
    "schedules.linear": {"final": 0.0, "warmup": 0.0},
    "schedules.cosine": {"final": 0.0, "warmup": 0.0},
    "schedules.flat_cosine": {"flat": 0.5, "final": 0.0, "warmup": 0.0},
    "schedules.one_cycle": {"peak": 0.3, "initial": 0.04, "final": 4e-6, "warmup": 0.0},
    "schedules.coslog4": {"warmup": 0.0},
    "schedules.plateau": {"gamma": 0.1, "patience": 10, "threshold": 1e-4, "warmup": 0.0},
    "averaging.none": {},
    "averaging.ema": {"decay": 0.99},
    "averaging.swa": {"start": 0.75},
    "target": {"temperature": 1.0, "threshold": 0.5, "bounds": [], "class_weights": []},
}


def said(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    """Of the options of a column of a kind those that a file has to say: the others are as FROZEN."""
    frozen = FROZEN[f"columns.{kind}"]

    def meant(key: str, value: Any) -> bool:
        return key in frozen and (type(value), value) == (type(frozen[key]), frozen[key])

    return {key: value for key, value in options.items() if not meant(key, value)}


# --- the shape of the metadata, as a JSON Schema -------------------------------------------------------------------

NUMBER: dict[str, Any] = {"type": "number"}
METRIC: dict[str, Any] = {"anyOf": [NUMBER, {"type": "null"}]}
SHA256: dict[str, Any] = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
NATURAL: dict[str, Any] = {"type": "integer", "minimum": 0, "exclusiveMaximum": 2**53}
TEXT: dict[str, Any] = {"type": "string"}
THREADS: dict[str, Any] = {"type": "integer", "minimum": 1, "exclusiveMaximum": 2**31}


def listed(items: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The node of a list."""
    return {"type": "array", "items": items, **more}


def named(values: dict[str, Any]) -> dict[str, Any]:
    """The node of an object under names of the user's, or of sets or metrics."""
    return {"type": "object", "additionalProperties": values}


def exact(required: dict[str, Any], **optional: dict[str, Any]) -> dict[str, Any]:
    """The node of an object of which every key has a meaning for predictions: no other may be there."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required)}


def opened(properties: dict[str, Any]) -> dict[str, Any]:
    """The node of an object that records: known keys are checked, others are fine, and so is the absence of any."""
    return {"type": "object", "properties": properties, "additionalProperties": {}}


COLUMN = exact(
    {
        "name": TEXT,
        "type": {"enum": ["numeric", "boolean", "date", "categorical"]},
        "options": named({}),
        "indicator": {"type": "boolean"},
        "fitted": NATURAL,
        "categories": listed(TEXT),
        "merged": listed(TEXT),
    }
)
TARGET = exact(
    {
        "task": {"enum": ["regression", "binary", "multinomial", "multilabel"]},
        "columns": listed(TEXT),
        "low": NUMBER,
    },
    temperature={"type": "number", "minimum": 0.25, "maximum": 4},
    threshold={"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    bounds=listed(listed(NUMBER, minItems=2, maxItems=2)),
    class_weights=listed({"type": "number", "exclusiveMinimum": 0}),
)
HISTORY = opened({"cost": listed(METRIC), "validation": listed(METRIC)})
VERSIONS = opened({"nnfit": TEXT, "python": TEXT, "numpy": TEXT}) | {"required": ["nnfit"]}


def metadata_schema(metrics: dict[str, Any]) -> dict[str, Any]:
    """The JSON Schema of the metadata, their spec aside, which has one of its own."""
    measures = named(opened(metrics))
    return opened(
        {
            "format": NATURAL,
            "spec": named({}),
            "columns": listed(COLUMN),
            "target": TARGET,
            "classes": listed(TEXT),
            "rows": named(NATURAL),
            "metrics": measures,
            "trivial": measures,
            "linear": measures,
            "prior": listed(NUMBER),
            "input_mean": listed(NUMBER),
            "history": HISTORY,
            "best_epochs": listed(NATURAL),
            "versions": VERSIONS,
            "blas_threads": THREADS,
            "ranks": THREADS,
            "threads": THREADS,  # the same, as 0.1.0 called it
            "seed": NATURAL,
            "data_sha256": SHA256,
            "sha256": named(SHA256),
            "files": named(listed(TEXT)),
        }
    ) | {"required": ["format", "spec", "columns", "target", "classes", "versions"]}
