"""A spec for a stranger's CSV: what was found out about it, as YAML, with the reason beside each choice."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from nnfit.config.budget import FLAT, Fitted, Size, fitted, steps
from nnfit.config.document import MAX_BYTES, parse
from nnfit.config.findings import NOT_SAID, Findings, look
from nnfit.config.proposed import WIDE, column_keys, data_keys, outputs, training_keys
from nnfit.config.recipe import LEAST, STEPS, WAVES, Bend, Recipe, recipe
from nnfit.config.task import Task
from nnfit.data.dialect import separator_of
from nnfit.data.sniffing import Said
from nnfit.errors import DataError, Place, Problem, SpecError, UsageError
from nnfit.words import count, plain

FOR_EDITORS = "# yaml-language-server: $schema={}"  # as the language server of YAML reads it: before the document
LONG_KEY = 900  # bytes; YAML takes a longer key only behind a question mark


class Proposal(NamedTuple):
    """The text of a spec, and what a person should know of it, most important first."""

    text: str
    notes: tuple[Problem, ...]


def propose(data: Path, target: str | Sequence[str], folder: Path, task: str | None = None) -> Proposal:
    """A spec in `folder` that predicts the targets from the other columns of the file `data`.

    `task` is regression or classification; without it, it is inferred. What is proposed trains. A DataError where
    nothing can be learnt from the file, or not this.
    """
    found = looked_at(data, target, task)
    return written(found, fitted_to(found), data, folder)


def looked_at(data: Path, target: str | Sequence[str], task: str | None, said: Said = NOT_SAID) -> Findings:
    """What is found out about a file and its targets."""
    targets = (target,) if isinstance(target, str) else tuple(target)
    if len(set(targets)) < len(targets):
        raise UsageError(Problem("given-twice", "a target is given twice", place=Place("--target")))
    return look(str(data), targets, task, said)


def fitted_to(found: Findings, budget: float | None = None) -> Fitted:
    """What suits the rows and columns of a table, and fits a budget; a UsageError for one that is none."""
    if budget is not None and not 0 < budget < math.inf:
        message = f"expected a finite number of seconds above 0, got {budget:g}"
        raise UsageError(Problem("usage", message, place=Place("--time")))
    columns = found.columns.values()
    bent = [column for column in columns if column.bends]
    few = [column.values - 1 for column in bent if column.few]
    inputs = sum(column.inputs for column in columns)
    size = Size(found.rows, inputs, len(bent) - len(few), outputs(found.task), len(few), sum(few))
    return fitted(recipe(found.rows, len(bent), found.task.classes is not None), size, budget)


def written(
    found: Findings, fit: Fitted, data: Path, folder: Path, why_bent: str = "", schema: str | None = None
) -> Proposal:
    """The spec in `folder`; `why_bent` says how it was chosen what numbers are expanded to.

    `schema` is the path from there to the schema that editors shall read.
    """
    notes = found.notes
    if found.rows < LEAST:
        message = f"with {count(found.rows, 'row')}, none is left out: there is no score on rows not learnt from"
        notes = (*notes, Problem("small", message))
    if why_flat := flat(fit):
        notes = (*notes, Problem("flat", why_flat))
    notes = (*notes, *of_time(fit))
    for detailed in (True, False):
        first = [] if schema is None else [FOR_EDITORS.format(schema)]
        text = "\n".join([*first, *lines(found, fit, data, folder, why_bent, detailed)]) + "\n"
        if len(text.encode()) <= MAX_BYTES:
            return Proposal(text, notes)
    message = f"the spec of {count(len(found.columns), 'column')} would be larger than {MAX_BYTES // 1024} KiB"
    raise DataError(Problem("wide-table", message, "leave out columns, or give them shorter names", Place(str(data))))


def flat(fit: Fitted) -> str:
    """Why there is nothing beside numbers, where time is not the reason; nothing if there is."""
    if not (fit.size.numbers or fit.size.few) or fit.recipe.bend is not None or FLAT in fit.cuts:
        return ""
    inputs = fit.size.with_bend(Bend(STEPS, WAVES, 1))
    return f"numbers have no steps and waves beside them, to bend with: the inputs would be {inputs:,}"


def of_time(fit: Fitted) -> Iterator[Problem]:
    """What is told where a budget cuts something, or cannot be met."""
    if not fit.met:
        message = f"training in {words_of(fit.most)} on one core is not to be had: the least takes {about(fit)}"
        yield Problem("time", message, "leave out columns or rows")
    elif fit.cuts:
        yield Problem("time", f"to train in {words_of(fit.most)} on one core, the spec has {', '.join(fit.cuts)}")


def about(fit: Fitted) -> str:
    """The estimate, in two digits."""
    return f"about {words_of(float(f'{fit.seconds:.2g}'))}"


def words_of(seconds: float) -> str:
    """A time as a person says it."""
    return f"{seconds:,.10g} s"


def lines(found: Findings, fit: Fitted, data: Path, folder: Path, why_bent: str, detailed: bool) -> Iterator[str]:
    """The spec, line by line; of a wide table, or without detail, only the columns of which it must say something."""
    n = found.rows
    made_of = f"{count(n, 'row')}, {count(len(found.columns), 'column')} to learn from"
    yield f"# Made by nnfit init for {plain(data.name)}: {made_of}."
    yield "# Try it: nnfit check, then nnfit train. nnfit schema prints every key."
    yield f"# Training takes {about(fit)} on one core, by the size of the table."
    if why_flat := flat(fit):
        yield f"# {why_flat}"
    if fit.cuts:
        yield f"# To take no more than {words_of(fit.most)}: {', '.join(fit.cuts)}. init --time sets it."
    yield "data:"
    yield f"  train: {word(os.path.relpath(data, folder))}"
    reasons = {
        "target": found.task.words,
        "missing_target": f"{count(found.dropped, 'row')} without it left out",
        "encoding": "of the file",
        "missing": "what stands for a missing cell",
    }
    for key, value in data_keys(found, separator_of(str(data))).items():
        if key == "ignore" and detailed:
            for name, reason in found.left_out.items():
                yield f"  # {plain(word(name))} is left out: {reason}"
        yield with_reason(f"  {key}: {flow(value)}", reasons.get(key))
    yield from column_lines(found, fit.recipe.bend, why_bent, detailed and len(found.columns) <= WIDE)
    yield from network_lines(found, fit.recipe, n)


def column_lines(found: Findings, bend: Bend | None, why_bent: str, all_of_them: bool) -> Iterator[str]:
    """The columns, or those that would be read otherwise."""
    entries = column_keys(found, bend, all_of_them)
    if not entries:
        return
    yield "  columns:"
    if any("unknown" in keys for keys in entries.values()):
        yield "    # unknown: zero lets nnfit predict go on, with a warning, at a category that is not here yet"
    if any("min_count" in keys for keys in entries.values()):
        yield "    # min_count: categories of fewer rows share an input, since each input takes time and memory"
    if bend is not None and any("amplitude" in keys for keys in entries.values()):
        said, kinds = ", ".join(bend.kinds), " and ".join(bend.kinds.values())
        yield f"    # {said}: {kinds} beside a number, with which the network bends more easily;"
        yield "    # amplitude: how far they are trusted, with so many rows"
        if why_bent:
            yield f"    # {why_bent}"
    for name, keys in entries.items():
        key = word(name)
        if len(key.encode()) > LONG_KEY:
            yield f"    ? {key}"
            key = ""
        why = found.columns[name].text if name in found.columns else "the target"
        yield with_reason(f"    {key}: {flow(keys)}", why if all_of_them else None)


def network_lines(found: Findings, chosen: Recipe, n: int) -> Iterator[str]:
    """The network and its training."""
    keys = training_keys(found.task, chosen, n)
    network, (why, why_loss) = keys["network"], why_output(found.task)
    *hidden, output = network["layers"]
    yield "network:"
    yield "  layers:"
    for layer in hidden:
        yield comment(f"    - {flow(layer)}", "hidden")
    yield comment(f"    - {flow(output)}", why)
    start = "neurons start where they bend, outputs close to the mean"
    yield comment(f"  initialization: {flow(network['initialization'])}", start)
    yield comment(f"  members: {network['members']}", "networks trained together; predictions are averaged")
    yield comment(f"loss: {keys['loss']}", why_loss)
    reasons = {
        "epochs": f"about {steps(chosen, n):,} updates",
        "batch_size": "examples per update",
        "schedule": "the learning rate falls to 0",
        "resample": "each member leaves out a fold: scores on rows that were not learnt from",
        "clamp": "predictions stay within the range of the target in these rows",
        "early_stopping": "keeps the best weights, by the cost on that fold",
    }
    yield "training:"
    for key, value in keys["training"].items():
        yield with_reason(f"  {key}: {flow(value)}", reasons.get(key))
    yield comment(f"seed: {keys['seed']}", "of the folds, the initial weights and the order of the rows")


def why_output(task: Task) -> tuple[str, str]:
    """Why this output layer, and why this loss."""
    several = len(task.targets) > 1
    if task.classes is None:
        why = f"{len(task.targets)} real outputs" if several else "one real output"
        return why, "mean squared error, for a real target"
    if several:
        return f"for each of {len(task.targets)} targets the probability of 1", "binary cross-entropy, for 0 or 1"
    if len(task.classes) == 2:
        return "the probability of one of 2 classes", "binary cross-entropy, for two classes"
    return "one probability per class", "for more than two classes"


def comment(text: str, why: str) -> str:
    """A line with its reason, in a column of reasons."""
    return f"{text:<50} # {why}"


def with_reason(text: str, why: str | None) -> str:
    """A line, with its reason if there is one to tell."""
    return text if why is None else comment(text, why)


def flow(value: Any) -> str:
    """The value of a key as YAML, in one line."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(flow, value))}]"
    return word(value) if isinstance(value, str) else json.dumps(value)


def word(text: str) -> str:
    """Text as YAML that a person can read: plain where that reads back the same, else in double quotes."""
    simple = re.fullmatch(r"[^\W\d]([\w./ -]*\w)?|\.{0,2}/[\w./ -]*\w", text)
    return text if simple and text.isprintable() and reads_back(text) else quoted_yaml(text)


def reads_back(text: str) -> bool:
    """Whether YAML reads a text as it stands."""
    try:
        return bool(parse(text.encode(), "").value == text)
    except SpecError:
        return False


def quoted_yaml(text: str) -> str:
    """Text in double quotes, what cannot be seen escaped."""
    return '"' + "".join(escaped(character) for character in text) + '"'


def escaped(character: str) -> str:
    """A character as it stands between double quotes in YAML."""
    known = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if character in known or character.isprintable():
        return known.get(character, character)
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
