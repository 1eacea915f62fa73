"""The schema of the spec: the default, the check and the text of every key stand side by side.

Activations, optimizers and initializations come from the tables of the core, so that a new entry there is validated
and documented without being asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, Union

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Strict,
    Tag,
    create_model,
)
from pydantic_core import PydanticCustomError

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.activations import ALIASES as ACTIVATION_ALIASES
from nnfit.core.averaging import AVERAGES
from nnfit.core.initialization import INITIALIZATIONS
from nnfit.core.losses import ALIASES as LOSS_ALIASES
from nnfit.core.losses import LOSSES
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.parameter import Parameter
from nnfit.core.schedules import SCHEDULES
from nnfit.data.numeric import SCALES


class Keys(BaseModel):
    """A mapping of the spec: these keys, no others, never changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _words(*words: str) -> Any:
    return Literal[words]


Text = Annotated[str, Strict(), Field(min_length=1)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False, ge=-1e300, le=1e300)]
Count = Annotated[int, Strict(), Field(ge=1, lt=2**53), BeforeValidator(_whole)]
Switch = Annotated[bool, Strict()]
Mark = Annotated[str, Strict(), Field(min_length=1, max_length=1, pattern=r"^[\t -~]$")]
Part = Annotated[
    Annotated[float, Strict(), Field(gt=0, lt=1)] | Text | None,
    BeforeValidator(lambda value: None if value == "none" else value),
]


def _distinct(names: tuple[str, ...]) -> tuple[str, ...]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise PydanticCustomError("distinct", '"{name}" stands there twice', {"name": name})
        seen.add(name)
    return names


Columns = Annotated[tuple[Text, ...], AfterValidator(_distinct)]
Names = Annotated[
    Annotated[Columns, Field(min_length=1)],
    BeforeValidator(
        lambda value: [value] if isinstance(value, str) else value, json_schema_input_type=Text | list[Text]
    ),
]


def _type(parameter: Parameter) -> Any:
    """The type of a parameter of a core table."""
    if parameter.choices:
        return _words(*parameter.choices)
    if isinstance(parameter.default, bool):
        return Switch
    if isinstance(parameter.default, int):
        return Count
    bounds = {"gt": parameter.above, "ge": parameter.least, "lt": parameter.below}
    limits: dict[str, Any] = {key: bound for key, bound in bounds.items() if bound is not None}
    return Annotated[float, Strict(), Field(allow_inf_nan=False, **limits)]


def _entry(table: Mapping[str, Any], aliases: Mapping[str, str], *words: str, sized: bool = False) -> Any:
    """The type of `name` or `{name: …, parameter: …}` for a row of a core table; read as a model with all defaults.

    `words` are names that are not in the table (auto); `sized` entries also give their number of neurons.
    """
    models: list[Any] = []
    spellings: list[str] = []
    for name in (*words, *table):
        spelled = [name, *(alias for alias, meaning in aliases.items() if meaning == name)]
        spellings += spelled
        named: Any = Annotated[_words(*spelled), AfterValidator(lambda value: aliases.get(value, value))]
        fields: dict[str, Any] = {"name": (named, Field(description="its name"))}
        if sized:
            fields["size"] = (Count, Field(description="its number of neurons"))
        for parameter in table[name].parameters if name in table else ():
            fields[parameter.name] = (_type(parameter), Field(parameter.default, description=parameter.text))
        models.append(create_model(name, __base__=Keys, **fields))
    union: Any = Annotated[Union[tuple(models)], Field(discriminator="name")]  # noqa: UP007
    if sized:
        return union
    return Annotated[
        union,
        BeforeValidator(
            lambda value: {"name": value} if isinstance(value, str) else value,
            json_schema_input_type=Union[_words(*spellings), union],  # noqa: UP007
        ),
    ]


if TYPE_CHECKING:
    # Made from the tables at run time, so a type checker cannot see them.
    Activations: TypeAlias = Any
    Weights: TypeAlias = Any
    OptimizerEntry: TypeAlias = Any
    AverageEntry: TypeAlias = Any
    ScheduleEntry: TypeAlias = Any
    LossName: TypeAlias = Any
else:
    Activation = _entry(ACTIVATIONS, ACTIVATION_ALIASES)
    Mixed = Annotated[tuple[_entry(ACTIVATIONS, ACTIVATION_ALIASES, sized=True), ...], Field(min_length=1)]
    Activations = Annotated[
        Union[Annotated[Activation, Tag("one")], Annotated[Mixed, Tag("mixed")]],  # noqa: UP007
        Discriminator(lambda value: "mixed" if isinstance(value, list | tuple) else "one"),
    ]
    Weights = _entry(INITIALIZATIONS, {}, "auto")
    OptimizerEntry = _entry(OPTIMIZERS, {})
    ScheduleEntry = _entry(SCHEDULES, {})
    AverageEntry = _entry(AVERAGES, {}, "none")
    LossName = Annotated[
        _words(*LOSSES),
        BeforeValidator(
            lambda value: LOSS_ALIASES.get(value, value) if isinstance(value, str) else value,
            json_schema_input_type=_words(*LOSSES, *LOSS_ALIASES),
        ),
    ]


class Column(Keys):
    """How one column is read and encoded; what is not given is inferred from the data, and shown by check."""

    type: Literal["numeric", "boolean", "date", "categorical"] | None = Field(
        None, description="numbers; true and false; dates; or categories, which may be any text"
    )
    scale: _words(*SCALES) = Field(  # type: ignore[valid-type]
        "standard", description="numeric: " + "; ".join(f"{name}: {scale.formula}" for name, scale in SCALES.items())
    )
    log1p: Switch = Field(False, description="numeric: sign(x) log(1 + |x|) before the scale")
    degree: Annotated[int, Strict(), Field(ge=1, le=10), BeforeValidator(_whole)] = Field(
        1, description="numeric: the scaled value and its powers up to this"
    )
    bins: Annotated[int, Strict(), Field(ge=2, le=1000), BeforeValidator(_whole)] | None = Field(
        None, description="numeric: the piecewise-linear encoding over this many quantile bins, in place of the value"
    )
    missing: Literal["median", "mean", "category"] | Number = Field(
        "median",
        description="numeric: what stands in for a missing number; category: the median, always with indicator",
    )
    indicator: Switch | Literal["auto"] = Field(
        "auto", description="an input that is 1 where the cell is missing; auto: if a training row misses it"
    )
    min_count: Count = Field(
        1, description="categorical: categories with fewer training rows than this share one input"
    )
    max_categories: Count = Field(1000, description="categorical: more categories than this are an error")
    unknown: Literal["error", "zero"] = Field(
        "error", description="categorical: for predict, a category that no training row has is an error, or zeros"
    )
    format: Text | None = Field(None, description="date: as in strptime, %d.%m.%Y; without it ISO 8601")


class Data(Keys):
    """The tables, and what their columns are for."""

    train: Text = Field(description="the CSV file to learn from")
    target: Names = Field(description="the column to predict, or a list: several real outputs, or several 0/1 ones")
    validation: Part = Field(None, description="rows to watch during training: a share, a file or nothing")
    test: Part = Field(None, description="rows kept aside for the final metrics: a share, a file or nothing")
    features: Columns | None = Field(None, description="the columns to learn from; without it, all others")
    ignore: Columns = Field((), description="columns left out")
    weight: Text | None = Field(None, description="a column of example weights")
    missing: tuple[Text, ...] = Field((), description="texts that mean a missing cell, besides the empty one")
    separator: Mark = Field(",", description="what stands between two cells")
    encoding: Text = Field("utf-8", description="the encoding of the file")
    decimal: Mark = Field(".", description="what stands before the decimals of a number")
    columns: dict[Text, Column] = Field({}, description="columns by name, where the inferred reading is not wanted")


class Layer(Keys):
    """One layer: its number of neurons N and their activation σ."""

    size: Count | Literal["auto"] = Field(description="its number of neurons; auto in the output layer fits the target")
    activation: Activations = Field(description="σ of its neurons, or a list of {name, size} for a mixed layer")


class Initial(Keys):
    """The weights before training."""

    weights: Weights = Field(
        "auto", validate_default=True, description="the random weights; auto suits each activation"
    )
    bias: Number = Field(1.0, description="the bias weights")
    output_gain: Number = Field(1.0, description="a factor on the random weights of the output layer")


class NetworkKeys(Keys):
    """The layers from the input to the output."""

    input: Count | Literal["auto"] = Field("auto", description="N₁, the inputs after encoding; a number is checked")
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)] = Field(
        description="the hidden layers and, last, the output layer"
    )
    initialization: Initial = Field(Initial(), description="the weights before training")
    dtype: Literal["float32", "float64"] = Field("float32", description="the precision of all arithmetic")
    members: Count = Field(1, description="how many networks are trained together; predictions are their average")


class Checkpoint(Keys):
    """When the state of the training is saved, and where."""

    every: Count | Annotated[str, Strict(), Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?s$")] = Field(
        description="after so many epochs, or, as in 30s, after the first epoch that ends so many seconds later"
    )
    path: Text | None = Field(None, description="the file; without it, beside the model, ending .checkpoint.npz")


MONITORS = ("loss", "accuracy", "balanced_accuracy", "f1_macro", "roc_auc", "log_loss", "rmse", "mae")


class EarlyStopping(Keys):
    """Each member keeps the weights with the lowest cost on rows that it does not learn from."""

    patience: Count = Field(20, description="epochs without a lower cost after which a member stops")
    monitor: _words(*MONITORS) = Field(  # type: ignore[valid-type]
        "loss",
        description="what is watched: the cost, or a metric of each member; an equal one is kept, but ends no waiting",
    )
    min_delta: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = Field(
        0.0, description="a cost, or metric, counts as better if it is better by this"
    )
    min_updates: Annotated[int, Strict(), Field(ge=0, lt=2**53), BeforeValidator(_whole)] = Field(
        0, description="updates before which no member stops"
    )


class Threshold(Keys):
    """How the probability is chosen from which on the second of two classes is predicted."""

    maximize: Literal["accuracy", "balanced_accuracy", "f1", "f1_macro"] = Field(
        description="the metric that is to be highest on rows not learnt from; f1 is that of the second class; each "
        "of those rows is itself scored by a threshold chosen without it"
    )


ClassWeights = Annotated[
    dict[Text, Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False, le=1e300)]],
    Field(min_length=1, max_length=64),
]


class Training(Keys):
    """How θ is found."""

    epochs: Annotated[int, Strict(), Field(ge=0, lt=2**53), BeforeValidator(_whole)] = Field(
        200, description="passes over the training rows; 0 writes the untrained network"
    )
    batch_size: Count | Literal["full"] = Field(32, description="examples per update; 1 is online, full is all of them")
    optimizer: OptimizerEntry = Field("adam", validate_default=True, description="the rule of the update")
    schedule: ScheduleEntry = Field(
        "constant", validate_default=True, description="the factor on the learning rate as training goes on"
    )
    resample: Literal["none", "bootstrap", "folds"] = Field(
        "none",
        description="what each member learns from: all training rows; as many drawn with replacement; or all but "
        "a fold of its own, so that the training is its own cross-validation",
    )
    early_stopping: EarlyStopping | None = Field(
        None,
        description="on the rows that resample keeps from each member, else on the validation rows",
    )
    calibration: Literal["none", "temperature"] = Field(
        "none",
        description="temperature: probabilities p become p^(1/T), normalised, T the best on rows not learnt from",
    )
    threshold: Annotated[float, Strict(), Field(gt=0, lt=1)] | Threshold = Field(
        0.5, description="of two classes, the second is predicted from this probability on; or how it is found"
    )
    clamp: Switch = Field(
        False, description="real predictions are kept within the range of the training rows, in which outliers end"
    )
    average: AverageEntry = Field(
        "none", validate_default=True, description="the average of the weights that is watched, kept and saved"
    )
    dropout: Annotated[float, Strict(), Field(ge=0, lt=1)] = Field(
        0.0, description="the share of hidden units that each update leaves out"
    )
    label_smoothing: Annotated[float, Strict(), Field(ge=0, lt=1)] = Field(
        0.0, description="the share of each class's target that is spread over all classes"
    )
    class_weight: Literal["balanced"] | ClassWeights | None = Field(
        None, description="how much a row of each class counts in the cost: {class: w}, or balanced, n / (K n_k)"
    )
    weighted_metrics: Switch = Field(
        False, description="the weight column and the class weights count in the metrics too, not in loss alone"
    )
    l2: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = Field(
        0.0, description="λ of the penalty λ/2 Σ θ² on the weights, biases aside"
    )
    l1: Annotated[float, Strict(), Field(ge=0, allow_inf_nan=False)] = Field(
        0.0, description="λ of the penalty λ Σ |θ| on the weights, biases aside"
    )
    clip_norm: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="the longest gradient of a member; a longer one is shortened"
    )
    clip_value: Annotated[float, Strict(), Field(gt=0, allow_inf_nan=False)] | None = Field(
        None, description="the largest entry of the gradient, up or down"
    )
    baseline: Switch = Field(
        True, description="trains the same spec without hidden layers as well, and shows its metrics as linear"
    )
    checkpoint: Checkpoint | None = Field(
        None, description="saves the state now and then, for --resume; Ctrl-C saves it in any case"
    )


class Spec(Keys):
    """A network, the data it learns from, and how."""

    data: Data = Field(description="the tables, and what their columns are for")
    network: NetworkKeys = Field(description="the layers from the input to the output")
    loss: LossName | None = Field(
        None,
        description="the cost C; without it cross_entropy after softmax, bce after logistic, else mse",
    )
    training: Training = Field(Training(), description="how θ is found")
    seed: Annotated[int, Strict(), Field(ge=0, lt=2**53), BeforeValidator(_whole)] = Field(
        0, description="of the splits, the initial weights and the order of the rows"
    )
    output: Text | None = Field(None, description="the model file; without it, beside the spec with the ending .npz")
