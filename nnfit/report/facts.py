"""What a model was made of: the columns of its data, its spec, its seed, versions and hashes, and the commands."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import yaml

from nnfit.config.build import dump
from nnfit.config.spec import FRAME
from nnfit.data import dates, numeric
from nnfit.data.feature import Feature
from nnfit.model.described import encoding_of
from nnfit.model.metadata import blas_threads_of
from nnfit.model.model import Model
from nnfit.report.parts import Section, table
from nnfit.words import count, listed, plain, short


def data(model: Model) -> Section:
    """The columns: their types, how they are encoded, what is missing, their range; and what was left out and why."""
    seen = model.aggregates
    missing = () if seen is None else seen.missing
    rows = []
    for k, feature in enumerate(model.features):
        gaps = missing[k] if k < len(missing) else None
        rows.append(
            (
                short(feature.name),
                feature.options.type,
                len(feature.inputs),
                encoding_of(feature),
                gaps,
                extent(feature),
            )
        )
    header = ("column", "type", "inputs", "encoding", "missing", "range or categories")
    target = model.target
    of_target = [
        (
            short(name),
            f"{mean:.6g}",
            f"{sd:.6g}",
            "" if not target.bounds else "{:.6g} to {:.6g}".format(*target.bounds[k]),
        )
        for k, (name, mean, sd) in enumerate(zip(target.columns, target.mean, target.sd, strict=False))
    ]
    cells = [table("Columns of the training rows", header, rows, sortable=True)]
    if of_target:
        cells.append(table("Targets: what they are scaled by", ("target", "mean", "sd", "kept within"), of_target))
    return Section("data", "The data", tuple(sets(model)), cells=tuple(cells))


def sets(model: Model) -> Iterator[str]:
    """Which rows there were, and which columns were not read."""
    counts = {name.replace("_", " "): n for name, n in model.record.get("rows", {}).items()}
    if counts:
        yield f"Rows: {', '.join(f'{n:,} {name}' for name, n in counts.items())}."
    target, spec = model.target, model.spec.data
    classes = f", in {len(target.classes)} classes: {listed(target.classes)}" if target.classes else ""
    yield f"Target: {listed(target.columns)}{classes}."
    if spec.ignore:
        yield f"Left out, as data.ignore of the spec says: {listed(spec.ignore)}."
    if spec.features is not None:
        yield "Columns that data.features of the spec does not name were not read."
    if spec.weight is not None:
        yield f"{short(spec.weight)} is how much each row counts, and no input."
    if spec.missing_target == "drop":
        yield "Rows whose target is missing were left out, as data.missing_target of the spec says."
    unknown = sum(feature.unknown == "zero" for feature in model.features)
    if unknown:
        yield f"A category that no training row has becomes zeros, in {count(unknown, 'column')}."


def extent(feature: Feature) -> str:
    """The range of a column in the training rows, or its categories."""
    fitted = feature.fitted
    if isinstance(fitted, dates.Fitted):
        return f"{dates.spelled(fitted.low)} to {dates.spelled(fitted.high)}"
    if isinstance(fitted, numeric.Fitted):
        return f"{fitted.low:.6g} to {fitted.high:.6g}"
    own, merged = feature.categories
    if own or merged:
        return listed([category or "(missing)" for category in own]) + (
            f", and {len(merged)} rare ones" if merged else ""
        )
    return "true or false"


def making(model: Model, path: str, seconds: float | None) -> Section:
    """Spec, seed, versions, hashes, and the commands that predict and that train it again."""
    record, spec = model.record, model.spec
    versions = ", ".join(f"{name} {version}" for name, version in record.get("versions", {}).items())
    epochs = len(record.get("history", {}).get("cost", []))
    rows = [
        ("seed", str(spec.seed)),
        ("versions", plain(versions)),
        ("BLAS threads", str(blas_threads_of(record) or "not recorded")),
        *([("ranks", str(record["ranks"]))] if "ranks" in record else []),
        ("epochs", f"{epochs:,} of {spec.training.epochs:,}"),
        ("data", short(spec.data.trained_on) if spec.data.train != FRAME else "a DataFrame"),
        *(
            (f"SHA-256 of {name}", digest)
            for name, digest in (record.get("sha256") or {"train": record.get("data_sha256", "not recorded")}).items()
        ),
    ]
    if seconds is not None:
        rows.append(("seconds of training", f"{seconds:.2f}"))
    text = (
        "The same spec, data, seed, versions and BLAS threads give the same bytes: "
        "nnfit verify trains again, and compares.",
    )
    name = shlex.quote(path)
    commands = "\n".join(
        [
            f"nnfit predict {name} new.csv --proba -o predictions.csv"
            if model.classes
            else f"nnfit predict {name} new.csv -o predictions.csv",
            f"nnfit evaluate {name} new.csv",
            f"nnfit verify {name}",
        ]
    )
    resolved = yaml.safe_dump(dump(spec), sort_keys=False, allow_unicode=True)
    code = (
        ("Predict, evaluate on labelled rows, train again", commands),
        ("The resolved spec", resolved.rstrip()),
    )
    return Section("making", "How it was made", text, cells=(table("Record", ("", ""), rows),), code=code, folded=True)
