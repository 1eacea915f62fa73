"""What the metadata of a model file must say, and how they must fit its arrays, before a model is made of them.

The spec is held against the schema of all specs, and everything else against the spec; keys that nobody knows are
refused. A check that fails calls `fail`, which raises.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, FailFast, Field, ValidationError, create_model

from nnfit.config.document import MAX_NODES, Document
from nnfit.config.loader import activations, contradictions
from nnfit.config.schema import Spec
from nnfit.core.activations import ACTIVATIONS
from nnfit.data import dates
from nnfit.data.encoding import OPTIONS, Feature
from nnfit.data.numeric import SCALES
from nnfit.data.target import Target
from nnfit.scoring.metrics import METRICS

FORMAT = 1
RECORD = (
    *("rows", "metrics", "prior", "trivial", "linear", "history", "best_epochs"),
    *("versions", "threads", "seed", "data_sha256"),
)
MAX_KEYS = 64
DAYS = 4e6  # dates lie within this many days of 1970: the years 1 to 9999

Fail = Callable[[str], NoReturn]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Natural = Annotated[int, Field(ge=0, lt=2**53)]
Numbers = Annotated[list[Finite], FailFast()]
Texts = Annotated[list[Any], Field()]  # checked by `texts`: pydantic refuses a lone surrogate, which a label may hold


class Exact(BaseModel):
    """These keys, no others, of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True)


class ColumnEntry(Exact):
    """An input column."""

    name: Any
    type: Literal["numeric", "boolean", "date", "categorical"]
    options: dict[str, Any]
    indicator: bool
    fitted: Natural
    categories: Texts
    merged: Texts


class TargetEntry(Exact):
    """The target, its classes aside."""

    task: Literal["regression", "binary", "multinomial", "multilabel"]
    columns: Texts
    low: Finite
    temperature: Annotated[Finite, Field(ge=0.25, le=4)]
    threshold: Annotated[Finite, Field(gt=0, lt=1)]
    bounds: Annotated[list[Annotated[list[Finite], Field(min_length=2, max_length=2)]], FailFast()]
    class_weights: Annotated[list[Annotated[Finite, Field(gt=0)]], FailFast()]


class Spread(Exact):
    """A metric over the members."""

    mean: Finite | None
    sd: Finite | None


METRIC_NAMES = ("loss", *(name for table in METRICS.values() for name in table))
METRIC_FIELDS: dict[str, Any] = dict.fromkeys(METRIC_NAMES, (Finite | None, None))
Measures: Any = create_model(
    "Measures",
    __base__=Exact,
    confusion=(list[Any], []),  # checked by `is_square`
    per_class=(Any, None),  # checked by `is_per_class`
    per_target=(dict[str, dict[str, Finite | None]], {}),
    classes=(Texts, []),
    members=(dict[str, Spread], {}),
    **METRIC_FIELDS,
)


class History(Exact):
    """The costs, epoch after epoch."""

    cost: Numbers
    validation: Numbers


class Versions(Exact):
    """The versions on which the bytes depend."""

    nnfit: str
    python: str
    numpy: str


class Metadata(Exact):
    """The whole."""

    format: Literal[1]
    spec: dict[str, Any]
    columns: Annotated[list[ColumnEntry], FailFast()]
    target: TargetEntry
    classes: Texts
    rows: dict[Literal["train", "out_of_fold", "out_of_bag", "validation", "test"], Natural]
    metrics: dict[str, Measures]
    prior: Numbers
    trivial: dict[str, Measures]
    linear: dict[str, Measures]
    history: History
    best_epochs: list[Natural]
    versions: Versions
    threads: Annotated[int, Field(ge=1, lt=2**31)]
    seed: Natural
    data_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]


def validated(model: type[BaseModel], value: Any, where: str, fail: Fail) -> Any:
    """The value as a model; the first thing that is wrong is told."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(part)[:40] for part in (where, *first["loc"]) if part != "")
        return fail(f"{place}: {first['msg'][:200]}")


def parsed(value: dict[str, Any], inputs: int, fail: Fail) -> tuple[Metadata, Spec]:
    """The metadata and their spec, each right in itself; the file's weights take so many inputs."""
    if type(value.get("format")) is int and value["format"] != FORMAT:
        fail(f"model format {str(value['format'])[:20]}; this nnfit reads {FORMAT}")
    if broad({key: part for key, part in value.items() if key != "spec"}):
        fail("more keys than any part can have")
    metadata: Metadata = validated(Metadata, value, "", fail)
    if len(metadata.columns) > inputs:
        fail(f"{len(metadata.columns):,} columns for {inputs:,} inputs")
    return metadata, resolved(metadata.spec, len(metadata.columns), fail)


def resolved(raw: dict[str, Any], features: int, fail: Fail) -> Spec:
    """The spec, every key of it given as nnfit would write it."""
    data = raw.get("data")
    columns = data.get("columns") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(columns, dict):
        return fail("spec.data.columns: is missing")
    rest = {**raw, "data": {**data, "columns": {}}}
    if broad(rest) or not small(rest, 2 * MAX_NODES) or len(columns) > features + MAX_NODES:
        return fail("spec: larger than any spec can be")
    spec: Spec = validated(Spec, raw, "spec", fail)
    network = spec.network
    if spec.loss is None or "auto" in (network.input, *(layer.size for layer in network.layers)):
        return fail("spec: the loss, the inputs and the size of every layer must be given")
    written = spec.model_dump(mode="json")
    for name, given in columns.items():
        written["data"]["columns"][name] = {key: written["data"]["columns"][name][key] for key in given}
    if text(written) != text(raw):
        return fail("spec: not every key is given, and given as nnfit writes it")
    for problem in contradictions(spec, Document("", raw)):
        return fail(f"spec.{problem.key}: {problem.message}")
    return spec


def text(value: Any) -> str:
    """A value as JSON, the same for the same value of the same type."""
    return json.dumps(value, sort_keys=True, allow_nan=False)


# No metadata are so broad or so large, and pydantic would list every one of their errors before the first is told.


def broad(value: Any) -> bool:
    """Whether an object of a value has more keys than any does whose keys are known."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if len(part) > MAX_KEYS:
            return True
        for child in part.values():
            waiting += filter(is_object, child if isinstance(child, list) else (child,))
    return False


def is_object(value: Any) -> bool:
    return isinstance(value, dict)


def small(value: Any, most: int) -> bool:
    """Whether a value has no more parts than that."""
    waiting, found = [value], 0
    while waiting and found + len(waiting) <= most:
        part = waiting.pop()
        waiting += part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
        found += 1
    return not waiting


def texts(values: list[Any], where: str, fail: Fail) -> tuple[str, ...]:
    """Distinct texts."""
    if not all(type(value) is str for value in values):
        fail(f"{where}: must be texts")
    if len(set(values)) < len(values):
        fail(f"{where}: a text is there twice")
    return tuple(values)


# --- columns and target --------------------------------------------------------------------------------------------


def features_of(metadata: Metadata, fitted: list[float], fail: Fail) -> tuple[Feature, ...]:
    """The input columns with what was fitted to each."""
    names = texts([entry.name for entry in metadata.columns], "the names of the columns", fail)
    features, start = [], 0
    for name, entry in zip(names, metadata.columns, strict=True):
        where = f'column "{name[:40]}"'
        given = metadata.spec["data"]["columns"].get(name)
        if set(entry.options) != set(OPTIONS[entry.type]) or text(given) != text({"type": entry.type, **entry.options}):
            fail(f"{where}: its type and options are not those of the spec")
        categories, merged = texts(entry.categories, where, fail), texts(entry.merged, where, fail)
        if (entry.type == "categorical") != bool(categories or merged) or not set(categories).isdisjoint(merged):
            fail(f"{where}: its categories do not suit it")
        if not indicated(entry):
            fail(f"{where}: its indicator is not that of its options")
        end = start + entry.fitted
        feature = Feature(
            name, entry.type, entry.options, entry.indicator, tuple(fitted[start:end]), categories, merged
        )
        if len(feature.fitted) != fitted_count(feature):
            fail(f"{where}: it has {len(feature.fitted)} fitted values, not {fitted_count(feature)}")
        if reason := unusable(feature):
            fail(f"{where}: {reason}")
        features.append(feature)
        start = end
    if start != len(fitted):
        fail(f"the columns have {start:,} fitted values, the file {len(fitted):,}")
    return tuple(features)


def indicated(entry: ColumnEntry) -> bool:
    """Whether the indicator can follow from the options."""
    if entry.type == "categorical":
        return not entry.indicator
    wanted = True if entry.options.get("missing") == "category" else entry.options["indicator"]
    return wanted in ("auto", entry.indicator)


def fitted_count(feature: Feature) -> int:
    """How many values a column of this type and these options has fitted."""
    options = feature.options
    if feature.type == "numeric":
        return 3 + SCALES[options["scale"]].size + (options["bins"] + 1 if options["bins"] else 0)
    return {"boolean": 3, "date": 3 + 2 * dates.STRAIGHT, "categorical": 0}[feature.type]


def unusable(feature: Feature) -> str:
    """Why the fitted values cannot be applied: a deviation that is not above 0, or a fill that is no value."""
    fitted = feature.fitted
    if feature.type == "boolean" and fitted[0] not in (0, 1):
        return "what stands for a missing cell is neither 0 nor 1"
    if feature.type == "date" and max(map(abs, fitted[:3])) > DAYS:
        return "what stands for a missing cell is no date"
    deviations = fitted[4::2] if feature.type == "date" else ()
    if feature.type == "numeric" and SCALES[feature.options["scale"]].size == 2:
        deviations = (fitted[4],)
    return "" if all(deviation > 0 for deviation in deviations) else "a deviation is not above 0"


def target_of(metadata: Metadata, spec: Spec, mean: list[float], sd: list[float], fail: Fail) -> Target:
    """The target as the spec names it."""
    entry = metadata.target
    columns, classes = texts(entry.columns, "target.columns", fail), texts(metadata.classes, "classes", fail)
    if columns != spec.data.target or not set(columns).isdisjoint(column.name for column in metadata.columns):
        fail("target.columns: not the target of the spec, or an input")
    count = len(columns) if entry.task == "regression" else 0
    if len(mean) != count or len(sd) != count or not all(deviation > 0 for deviation in sd):
        fail(f"target_mean and target_sd must hold {count} values, deviations above 0")
    possible = {
        "regression": not classes,
        "binary": len(classes) == 2 and len(columns) == 1,
        "multinomial": len(classes) >= 2 and len(columns) == 1,
        "multilabel": classes == ("0", "1") and len(columns) > 1,
    }
    if not possible[entry.task]:
        fail(f"{len(classes)} classes in {len(columns)} columns are not a {entry.task} target")
    symmetric = all(ACTIVATIONS[group.name].range.low == -1 for group in activations(spec)[-1])
    if entry.low != (-1 if symmetric and classes else 0):
        fail("target.low: not the least output of the network")
    weights, wanted = entry.class_weights, spec.training.class_weight
    given = [float(wanted.get(name, 1)) for name in classes] if isinstance(wanted, dict) else weights
    if weights != given or len(weights) != (len(classes) if wanted else 0):
        fail("target.class_weights: not those of the spec")
    wish = spec.training.threshold
    if entry.threshold != wish if isinstance(wish, float) else len(classes) != 2 or len(columns) != 1:
        fail("target.threshold: not that of the spec")
    if len(entry.bounds) != (count if spec.training.clamp else 0) or any(low > high for low, high in entry.bounds):
        fail("target.bounds: not the ranges of the targets")
    bounds = tuple((low, high) for low, high in entry.bounds)
    fitted = entry.temperature, entry.threshold, tuple(weights), bounds
    return Target(entry.task, columns, classes, entry.low, tuple(mean), tuple(sd), *fitted)


# --- the record of the training ------------------------------------------------------------------------------------


def check_record(metadata: Metadata, target: Target, fail: Fail) -> None:
    """What the training left: metrics of every set of rows, costs of every epoch."""
    sets = list(metadata.rows)
    if "train" not in sets or list(metadata.metrics) != sets or list(metadata.trivial) != sets:
        fail("rows, metrics and trivial must be of the same sets, train among them")
    unseen = {"folds": ["out_of_fold"], "bootstrap": ["out_of_bag"]}.get(metadata.spec["training"]["resample"], [])
    if [name for name in sets if name.startswith("out_of_")] != unseen:
        fail("rows: not the sets of the spec")
    if metadata.target.temperature != 1 and metadata.spec["training"]["calibration"] == "none":
        fail("target.temperature: not 1, and the spec has no calibration")
    comparable = len(metadata.spec["network"]["layers"]) > 1 and metadata.spec["training"]["baseline"]
    if list(metadata.linear) not in ([], sets if comparable else []):
        fail("linear: not of the same sets, or of a network that has no linear model beside it")
    kind = "classification" if target.classes else "regression"
    for where, table, least in (
        ("metrics", metadata.metrics, {"loss"}),
        ("trivial", metadata.trivial, set()),
        ("linear", metadata.linear, {"loss"}),
    ):
        wanted = (
            least
            | set(METRICS[kind]) - {"roc_auc"}
            | ({"confusion", "classes", "per_class"} if target.classes else set())
        )
        for name, measures in table.items():
            check_measures(measures, table["train"], wanted, target, partial(failing, fail, f"{where}.{name}"))
    if len(metadata.prior) != target.outputs:
        fail(f"prior: {len(metadata.prior)} values for {target.outputs} outputs")
    cost, validation = metadata.history.cost, metadata.history.validation
    if len(cost) > metadata.spec["training"]["epochs"] or len(validation) not in (0, len(cost)):
        fail("history: not one cost for each epoch")
    members = metadata.spec["network"]["members"] if metadata.spec["training"]["early_stopping"] else 0
    if len(metadata.best_epochs) != members or any(epoch > len(cost) for epoch in metadata.best_epochs):
        fail("best_epochs: not one epoch for each member")
    if metadata.seed != metadata.spec["seed"]:
        fail("seed: not that of the spec")


def failing(fail: Fail, where: str, message: str) -> NoReturn:
    fail(where + message)


def check_measures(measures: Any, first: Any, wanted: set[str], target: Target, fail: Fail) -> None:
    """The metrics of one set of rows: the same ones as of the training rows, for these classes."""
    given = measures.model_fields_set
    if given != first.model_fields_set or not wanted <= given:
        fail(": not the metrics of every set")
    if tuple(measures.classes) != target.classes:
        fail(".classes: not the classes of the model")
    K, count = len(target.classes), len(target.columns)
    tables = measures.confusion if target.task == "multilabel" else [measures.confusion] * count
    if len(tables) != count or not all(is_square(table, K) for table in tables):
        fail(".confusion: not a table of the classes")
    each = measures.per_class if target.task == "multilabel" else [measures.per_class] * bool(K)
    if K and not (isinstance(each, list) and len(each) == count and all(is_per_class(entry, K) for entry in each)):
        fail(".per_class: not one value for each class")
    if not measures.per_target.keys() <= set(target.columns):
        fail(".per_target: not the targets of the model")
    if not measures.members.keys() <= given:
        fail(".members: not the metrics of the set")


def is_per_class(value: Any, K: int) -> bool:
    """Whether an object holds precision, recall and F1, each K numbers or nothing."""
    return (
        isinstance(value, dict)
        and set(value) == {"precision", "recall", "f1"}
        and all(isinstance(row, list) and len(row) == K for row in value.values())
        and all(x is None or type(x) is float for row in value.values() for x in row)
    )


def is_square(table: Any, K: int) -> bool:
    """Whether a list holds K lists of K numbers of at least 0: rows, or their weights."""
    rows = table if isinstance(table, list) and len(table) == K else [None]
    return all(
        isinstance(row, list) and len(row) == K and all(type(count) in (int, float) and count >= 0 for count in row)
        for row in rows
    )


def record_of(value: Mapping[str, Any]) -> dict[str, Any]:
    """What the model keeps of it."""
    return {key: value[key] for key in RECORD}
