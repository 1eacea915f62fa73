"""The kinds of picture that `nnfit plot` makes: one row each, from which help, refusals and tests follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from nnfit.errors import DataError, Place, Problem, UsageError
from nnfit.words import base, count, nearest, quoted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from nnfit.data.table import Table
    from nnfit.explain.rows import Rows
    from nnfit.model.learnt import Counts
    from nnfit.model.model import Evaluation, Model
    from nnfit.report.told import Told
    from nnfit.scoring.profile import Profile


@dataclass(frozen=True)
class Request:
    """What a picture is made of: models by their paths, rows of DATA with a target, if it is given, names of columns.

    What is to be said beside it is gathered in `warnings`.
    """

    models: Mapping[str, Model] = field(default_factory=dict)
    table: Table | None = None
    columns: Sequence[str] = ()
    names: Sequence[str] = ()
    warnings: list[Problem] = field(default_factory=list)

    @property
    def model(self) -> Model:
        """The one model."""
        return next(iter(self.models.values()))

    @property
    def rows_given(self) -> Table:
        """The rows of DATA."""
        assert self.table is not None
        return self.table

    @cached_property
    def evaluation(self) -> Evaluation:
        """The model on the rows of DATA; what is in doubt about it is added to the warnings."""
        found = self.model.evaluation(self.rows_given)
        self.warnings.extend(found.warnings)
        return found

    @cached_property
    def explained(self) -> Rows:
        """The rows of DATA as questions about columns are asked of them."""
        from nnfit.explain.rows import rows_of

        return rows_of(self.model, self.rows_given)

    def of_data(self, counts: Counts | None) -> str:
        """Which rows these are, of which so many were learnt from: `flowers.csv, 150 rows, 98 of them learnt from`."""
        table, known = self.rows_given, (counts or {}).get("train", 0)
        old = f", {'' if known == table.n else f'{known:,} of them '}learnt from" if known else ""
        return f"{base(table.file)}, {count(table.n, 'row')}{old}"

    def of_explained(self) -> str:
        """Which rows these are, where they are not evaluated."""
        from nnfit.model import learnt

        return self.of_data(learnt.counted(self.model, self.rows_given))

    @cached_property
    def told(self) -> Told:
        """The rows that the model tells of, of those that training has seen; a UsageError without any."""
        from nnfit.report.told import of_training

        found = of_training(self.model)
        if found is None:
            message = "the model has no metrics of its rows"
            raise UsageError(Problem("nothing-stored", message, "give --data", self.place))
        return found

    @property
    def place(self) -> Place:
        """The model's file."""
        return Place(next(iter(self.models)))

    @property
    def of_model(self) -> str:
        """Which rows these are: `iris.npz, 30 test rows, not learnt from`."""
        return f"{base(next(iter(self.models)))}, {self.told.label}"


class Kind(NamedTuple):
    """One row: what it shows, how it is drawn, how many models it takes, whether DATA, of which targets."""

    text: str
    draw: Callable[[Request], Figure]
    models: Literal["none", "one", "several"] = "one"  # none: names stand in their place
    data: Literal["none", "optional", "needed"] = "none"
    target: Literal["any", "classes", "real"] = "any"
    columns: int = 0  # how many may be named


def rows_of_profile(request: Request) -> tuple[Profile, str]:
    """The profile of the rows of DATA, or of those that the model file tells of, and which these are."""
    from nnfit.data.scales import FAR
    from nnfit.report.figures.rows import of_evaluation
    from nnfit.scoring.profile import LEAST

    if request.table is not None:
        given = of_evaluation(request.model, request.evaluation)
        if not (given.classes or given.targets):
            message = f"a true or predicted number is beyond ±{FAR:g}, and has no square"
            raise DataError(Problem("overflow", message, "leave its row out", Place(request.table.file)))
        return given, request.of_data(request.evaluation.learnt)
    stored = request.told.profile
    if stored is None or not (stored.classes or stored.targets):
        message = "the model has no record of how its predictions lie"
        if stored is not None and stored.rows < LEAST:
            message += f": of fewer than {LEAST} rows it would tell of each"
        raise UsageError(Problem("nothing-stored", message, "give --data", request.place))
    return stored, request.of_model


def of_profile(name: str, marked: bool = False) -> Callable[[Request], Figure]:
    """A picture of a profile, by the name of its function; with the threshold marked, if it shows one."""

    def draw(request: Request) -> Figure:
        from nnfit.report import figures
        from nnfit.report.told import threshold_of

        profile, of = rows_of_profile(request)
        options: dict[str, Any] = {"threshold": threshold_of(request.model)} if marked else {}
        figure: Figure = getattr(figures, name)(profile, of, **options)
        return figure

    return draw


def confusion(request: Request) -> Figure:
    """The confusion matrix of DATA, or of the rows that the model tells of."""
    from nnfit.report import figures

    target = request.model.target
    given = request.table is not None
    metrics = (request.evaluation if given else request.told).metrics
    of = request.of_data(request.evaluation.learnt) if given else request.of_model
    return figures.confusion(metrics["confusion"], target.classes, of, target.columns)


def curves(request: Request) -> Figure:
    """The learning curves of all models."""
    from nnfit.report import figures
    from nnfit.report.told import curves_of

    stems = [Path(path).stem for path in request.models]
    names = stems if len(set(stems)) == len(stems) else list(request.models)
    found = {name: curves_of(model) for name, model in zip(names, request.models.values(), strict=True)}
    for path, each in zip(request.models, found.values(), strict=True):
        if each is None:
            message, remedy = "the model has no costs of its epochs", "train it again, with training.epochs above 0"
            raise UsageError(Problem("nothing-stored", message, remedy, Place(path)))
    return figures.curves({name: each for name, each in found.items() if each is not None})


def network(request: Request) -> Figure:
    """The layers."""
    from nnfit.report import figures

    return figures.network(request.model)


def weights(request: Request) -> Figure:
    """The weights of each layer."""
    from nnfit.report import figures

    return figures.weights(request.model)


def activations(request: Request) -> Figure:
    """The activations that are named, or all."""
    from nnfit.report import figures

    return figures.activations(request.names or None)


def decision(request: Request) -> Figure:
    """The surface, and the rows of DATA on it."""
    from nnfit.report import figures

    return figures.decision(request.model, request.rows_given, request.columns or None)


def importance(request: Request) -> Figure:
    """The importance of every column."""
    from nnfit.explain.importance import importance as of
    from nnfit.explain.importance import refuse_unanswerable
    from nnfit.report import figures

    refuse_unanswerable(request.explained)
    return figures.importance(of(request.explained), request.of_explained(), request.model.target.columns[0])


def dependence(request: Request) -> Figure:
    """The dependence on the column that is named, or on the most important one."""
    from nnfit.explain.dependence import OUTPUTS
    from nnfit.explain.dependence import dependence as of
    from nnfit.explain.importance import importance
    from nnfit.report import figures

    target = request.model.target
    names = [feature.name for feature in request.model.features]
    for column in request.columns:
        if column not in names:
            message, remedy = f"the column {quoted(column)} is not one that the model reads", nearest(column, names)
            raise UsageError(Problem("wrong-column", message, remedy, Place("--columns")))
    column = request.columns[0] if request.columns else importance(request.explained, repeats=1).columns[0]
    found = of(request.explained, column).moving(OUTPUTS)
    return figures.dependence(found, request.of_explained(), **figures.predicted(target, found))


def kinds() -> dict[str, Kind]:
    """All of them, in the order of the help."""
    of_classes, of_numbers = (
        partial(Kind, models="one", data="optional", target=target) for target in ("classes", "real")
    )
    of_rows = partial(Kind, models="one", data="needed")
    return {
        "network": Kind("the layers, drawn with their neurons, activations and weights", network),
        "activations": Kind("σ and σ′ of every activation, or of those named in place of MODEL", activations, "none"),
        "decision": of_rows("the prediction over two columns, and the rows (--columns a,b)", decision, columns=2),
        "curves": Kind("the cost by epoch, learnt from and held out, of one model or several", curves, "several"),
        "confusion": of_classes("true classes by predicted ones", confusion),
        "roc": of_classes("true by false positives, the threshold marked", of_profile("roc", True)),
        "precision-recall": of_classes("precision by recall, the same", of_profile("precision_recall", True)),
        "calibration": of_classes("how often what has a probability is true", of_profile("calibration")),
        "residuals": of_numbers("predicted and true numbers, and what lies between", of_profile("residuals")),
        "importance": of_rows("what shuffling each column adds to the error", importance),
        "dependence": of_rows("the prediction along one column (--columns a)", dependence, columns=1),
        "weights": Kind("the weights of each layer, as heat maps or histograms", weights),
    }


KINDS = kinds()
