"""The Spec: a network, the data it learns from, and how, as frozen types. Default, check and text of a key stand here.

Everything else is made from these declarations and the tables of the core: the JSON Schema, the check and its messages
(schema.py, check.py), the reference page, and what a model file holds (build.py). A Spec is picklable and comparable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

from nnfit.core.activations import ACTIVATIONS, Activation
from nnfit.core.activations import ALIASES as ACTIVATION_ALIASES
from nnfit.core.averaging import AVERAGES, NO_AVERAGE, Average
from nnfit.core.initialization import AUTO, INITIALIZATIONS, Initialization
from nnfit.core.losses import ALIASES as LOSS_ALIASES
from nnfit.core.losses import LOSSES
from nnfit.core.network import Group
from nnfit.core.optimizers import OPTIMIZERS, Adam, Optimizer
from nnfit.core.parameter import REQUIRED, Parameter, parameter
from nnfit.core.schedules import CONSTANT, SCHEDULES, Schedule
from nnfit.data.columns import TYPES, Boolean, Categorical, ColumnType, Date, Numeric
from nnfit.data.dialect import separator_of
from nnfit.data.spelling import KEYS, Spelling
from nnfit.scoring.metrics import AIMS, MONITORS
from nnfit.words import listed, short, sizes

Value = TypeVar("Value")
MARK = r"^[\t -~]$"  # one printable ASCII character, or a tab
FRAME = "<DataFrame>"  # stands for the file where a table was given as a DataFrame
# The keys that name a file, relative to the folder of the spec in which they stand; and the words that name none there.
FILES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("data", "train"): ("-", FRAME),
    ("data", "validation"): ("-", FRAME, "none"),
    ("data", "test"): ("-", FRAME, "none"),
    ("training", "checkpoint", "path"): (),
    ("output",): (),
}


@dataclass(frozen=True, eq=False)
class Named(Mapping[str, Value]):
    """A mapping under names of the user's (columns, classes), which never changes; equal to a dict of the same."""

    pairs: tuple[tuple[str, Value], ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Value]:
        """The pairs as a dict, which nobody changes."""
        return dict(self.pairs)

    def __getitem__(self, name: str) -> Value:
        return self.by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_name)

    def __len__(self) -> int:
        return len(self.by_name)

    def __hash__(self) -> int:
        return hash(frozenset(self.pairs))


def said_of(kind: type[ColumnType], name: str) -> Any:
    """A key of a column: declared with its type, whose default holds where the key is left out."""
    declared = next(each for each in fields(kind) if each.name == name)
    stated: Parameter = declared.metadata["parameter"]
    return parameter(None, **stated._replace(otherwise=declared.default)._asdict())


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one column is read and encoded; what is not given is inferred from the data, and shown by check."""

    type: Literal["numeric", "boolean", "date", "categorical"] | None = parameter(
        None, "numbers; true and false; dates; or categories, which may be any text"
    )
    scale: str | None = said_of(Numeric, "scale")
    log1p: bool | None = said_of(Numeric, "log1p")
    degree: int | None = said_of(Numeric, "degree")
    bins: int | None = said_of(Numeric, "bins")
    piecewise: int | None = said_of(Numeric, "piecewise")
    periodic: int | None = said_of(Numeric, "periodic")
    frequency: float | None = said_of(Numeric, "frequency")
    amplitude: float | None = said_of(Numeric, "amplitude")
    missing: Literal["median", "mean", "category"] | float | None = said_of(Numeric, "missing")
    thousands: str | None = said_of(Numeric, "thousands")
    decimal: str | None = said_of(Numeric, "decimal")
    prefix: str | None = said_of(Numeric, "prefix")
    suffix: str | None = said_of(Numeric, "suffix")
    indicator: bool | Literal["auto"] | None = said_of(Boolean, "indicator")
    min_count: int | None = said_of(Categorical, "min_count")
    max_categories: int | None = said_of(Categorical, "max_categories")
    unknown: Literal["error", "zero"] | None = said_of(Categorical, "unknown")
    format: str | None = said_of(Date, "format")

    @property
    def stated(self) -> str | None:
        """The type that is said, or that a key of how cells are written says with it; None where cells decide."""
        if self.type is not None:
            return self.type
        return "numeric" if any(getattr(self, key) for key in KEYS) else "date" if self.format else None

    def spelling(self, decimal: str) -> Spelling | None:
        """How the numbers of the column are written, where the spec says so; `decimal` is the mark of the file."""
        said = {key: value for key in KEYS if (value := getattr(self, key)) is not None}
        return Spelling(**{"decimal": decimal, **said}) if said else None

    @property
    def given(self) -> dict[str, Any]:
        """The options that are said, the type aside."""
        return {key: value for key, value in vars(self).items() if value is not None and key != "type"}

    @classmethod
    def of(cls, options: ColumnType) -> Column:
        """The column of which all is said."""
        return cls(**{each.name: getattr(options, each.name) for each in fields(options)})

    def as_type(self, type_: str) -> ColumnType:
        """What holds for the column if it is of this type, which must take all that is said."""
        return TYPES[type_](**self.given)


@dataclass(frozen=True, kw_only=True)
class Data:
    """The tables, and what their columns are for."""

    train: str | tuple[str, ...] = parameter(
        REQUIRED,
        "the file to learn from, CSV, Parquet or Arrow, or several that are one table, as a list or a glob",
        items=1,
        distinct=True,
    )
    target: tuple[str, ...] = parameter(
        REQUIRED, "the column to predict, or a list: several real outputs, or several 0/1 ones", items=1, distinct=True
    )
    validation: float | str | tuple[str, ...] | None = parameter(
        None,
        "rows to watch during training: a share, a file (or several, as of train) or nothing",
        above=0,
        below=1,
        items=1,
        distinct=True,
        nothing="none",
    )
    test: float | str | tuple[str, ...] | None = parameter(
        None,
        "rows kept aside for the final metrics: a share, a file (or several, as of train) or nothing",
        above=0,
        below=1,
        items=1,
        distinct=True,
        nothing="none",
    )
    features: tuple[str, ...] | None = parameter(
        None, "the columns to learn from; without it, all others", distinct=True
    )
    ignore: tuple[str, ...] = parameter((), "columns left out", distinct=True)
    weight: str | None = parameter(None, "a column of example weights")
    missing: tuple[str, ...] = parameter((), "texts that mean a missing cell, besides the empty one")
    separator: str | None = parameter(
        None,
        "what stands between two cells; without it a tab in files whose name ends in .tsv, else a comma",
        pattern=MARK,
        characters=1,
    )
    encoding: str = parameter("utf-8", "the encoding of the file")
    decimal: str = parameter(".", "what stands before the decimals of a number", pattern=MARK, characters=1)
    missing_target: Literal["error", "drop"] = parameter(
        "error", "a row whose target is missing is an error, or is left out and counted, wherever rows are labelled"
    )
    split_seed: int | None = parameter(
        None, "the seed of the splits and of the rows that resample gives each member; without it, seed", least=0
    )
    storage: Literal["auto", "memory", "disk"] = parameter(
        "auto",
        "where the rows lie while nnfit trains: in memory, or in files of the cache folder; auto: on disk where they "
        "take more than half of the memory; no byte of a model depends on it",
    )
    cache: bool = parameter(
        True, "keeps the encoded rows of large tables in the cache folder, so that the next training begins at once"
    )
    columns: Named[Column] = parameter(Named(), "columns by name, where the inferred reading is not wanted")

    def anywhere(self) -> Data:
        """The same without a word on where its rows lie, on which no byte of a model depends."""
        return replace(self, storage="auto", cache=True)

    @property
    def trained_on(self) -> str:
        """The files of training as a message names them."""
        return self.train if isinstance(self.train, str) else ", ".join(self.train)

    @property
    def separator_of_training(self) -> str:
        """What stands between two cells of the training file, or of the first of several."""
        if self.separator is not None:
            return self.separator
        return separator_of(self.train if isinstance(self.train, str) else self.train[0])


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer: its number of neurons N and their activation σ."""

    size: int | Literal["auto"] = parameter(REQUIRED, "its number of neurons; auto in the output layer fits the target")
    activation: Activation | tuple[Group, ...] = parameter(
        REQUIRED,
        "σ of its neurons, or a list of {name, size} for a mixed layer",
        entries=ACTIVATIONS,
        aliases=ACTIVATION_ALIASES,
        items=1,
    )


@dataclass(frozen=True, kw_only=True)
class Initial:
    """The weights before training."""

    weights: Initialization = parameter(AUTO, "the random weights; auto suits each activation", entries=INITIALIZATIONS)
    bias: float = parameter(1.0, "the bias weights", least=-1e300, most=1e300)
    data_driven: bool = parameter(
        False, "scales the weights of each hidden neuron so that its weighted sum varies by 1 over training rows"
    )
    output_gain: float = parameter(1.0, "a factor on the random weights of the output layer", least=-1e300, most=1e300)


@dataclass(frozen=True, kw_only=True)
class NetworkKeys:
    """The layers from the input to the output."""

    input: int | Literal["auto"] = parameter("auto", "N₁, the inputs after encoding; a number is checked")
    layers: tuple[Layer, ...] = parameter(REQUIRED, "the hidden layers and, last, the output layer", items=1)
    initialization: Initial = parameter(Initial(), "the weights before training")
    dtype: Literal["float32", "float64"] = parameter("float32", "the precision of all arithmetic")
    members: int = parameter(1, "how many networks are trained together; predictions are their average")


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """When the state of the training is saved, and where."""

    every: int | str = parameter(
        REQUIRED,
        "after so many epochs, or, as in 30s, after the first epoch that ends so many seconds later",
        pattern=r"^[0-9]{1,9}(\.[0-9]{1,9})?s$",
    )
    path: str | None = parameter(None, "the file; without it, beside the model, ending .checkpoint.npz")


@dataclass(frozen=True, kw_only=True)
class EarlyStopping:
    """Each member keeps the weights with the lowest cost on rows that it does not learn from."""

    patience: int = parameter(20, "epochs without a lower cost after which a member stops")
    monitor: str = parameter(
        "loss",
        "what is watched: the cost, or a metric of each member; an equal one is kept, but ends no waiting",
        words=dict.fromkeys(MONITORS),
    )
    min_delta: float = parameter(0.0, "a cost, or metric, counts as better if it is better by this", least=0)
    min_updates: int = parameter(0, "updates before which no member stops", least=0)


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """How the probability is chosen from which on the second of two classes is predicted."""

    maximize: str = parameter(
        REQUIRED,
        "the metric that is to be highest on rows not learnt from; f1 is that of the second class; each of those rows "
        "is itself scored by a threshold chosen without it",
        words=AIMS,
    )


@dataclass(frozen=True, kw_only=True)
class Training:
    """How θ is found."""

    epochs: int = parameter(200, "passes over the training rows; 0 writes the untrained network", least=0)
    batch_size: int | Literal["full"] = parameter(32, "examples per update; 1 is online, full is all of them")
    optimizer: Optimizer = parameter(Adam(), "the rule of the update", entries=OPTIMIZERS)
    schedule: Schedule = parameter(CONSTANT, "the factor on the learning rate as training goes on", entries=SCHEDULES)
    resample: Literal["none", "bootstrap", "folds"] = parameter(
        "none",
        "what each member learns from: all training rows; as many drawn with replacement; or all but a fold of its "
        "own, so that the training is its own cross-validation",
    )
    early_stopping: EarlyStopping | None = parameter(
        None, "on the rows that resample keeps from each member, else on the validation rows"
    )
    calibration: Literal["none", "temperature"] = parameter(
        "none", "temperature: probabilities p become p^(1/T), normalised, T the best on rows not learnt from"
    )
    threshold: float | Threshold = parameter(
        0.5,
        "of two classes, the second is predicted from this probability on; or how it is found",
        above=0,
        below=1,
    )
    clamp: bool = parameter(
        False, "real predictions are kept within the range of the training rows, in which outliers end"
    )
    average: Average = parameter(
        NO_AVERAGE, "the average of the weights that is watched, kept and saved", entries=AVERAGES
    )
    dropout: float = parameter(0.0, "the share of hidden units that each update leaves out", least=0, below=1)
    label_smoothing: float = parameter(
        0.0, "the share of each class's target that is spread over all classes", least=0, below=1
    )
    class_weight: Literal["balanced"] | Named[float] | None = parameter(
        None,
        "how much a row of each class counts in the cost: {class: w}, or balanced, n / (K n_k)",
        above=0,
        most=1e300,
        items=1,
        most_items=64,
    )
    weighted_metrics: bool = parameter(
        False, "the weight column and the class weights count in the metrics too, not in loss alone"
    )
    l2: float = parameter(0.0, "λ of the penalty λ/2 Σ θ² on the weights, biases aside", least=0)
    l1: float = parameter(0.0, "λ of the penalty λ Σ |θ| on the weights, biases aside", least=0)
    clip_norm: float | None = parameter(None, "the longest gradient of a member; a longer one is shortened", above=0)
    clip_value: float | None = parameter(None, "the largest entry of the gradient, up or down", above=0)
    baseline: bool = parameter(
        True,
        "fits the output layer alone as well, at its optimum with an l2 of 1 / rows, and shows its metrics as linear",
    )
    checkpoint: Checkpoint | None = parameter(
        None, "saves the state now and then, for --resume; Ctrl-C saves it in any case"
    )


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A network, the data it learns from, and how."""

    data: Data = parameter(REQUIRED, "the tables, and what their columns are for")
    network: NetworkKeys = parameter(REQUIRED, "the layers from the input to the output")
    loss: str = parameter(
        None,
        "the cost C; without it cross_entropy after softmax, bce after logistic, else mse",
        words=LOSSES,
        aliases=LOSS_ALIASES,
        inferred=True,
    )
    training: Training = parameter(Training(), "how θ is found")
    seed: int = parameter(0, "of the splits, the initial weights and the order of the rows", least=0)
    output: str | None = parameter(None, "the model file; without it, beside the spec with the ending .npz")

    @property
    def split_seed(self) -> int:
        """The seed of what says which rows are which: splits, folds, and the parts that rows are scored by."""
        return self.seed if self.data.split_seed is None else self.data.split_seed

    def __repr__(self) -> str:
        data, network = self.data, self.network
        if not (isinstance(data, Data) and isinstance(data.target, tuple)):
            return "<nnfit.Spec: not checked>"
        if not (isinstance(network, NetworkKeys) and isinstance(network.layers, tuple)):
            return "<nnfit.Spec: not checked>"
        layers = sizes([getattr(layer, "size", "?") for layer in network.layers])
        return f"<nnfit.Spec: {listed([*map(str, data.target)])} from {short(data.trained_on)}, {layers} neurons>"
