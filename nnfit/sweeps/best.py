"""The spec of the best trial, as a file to go on with: the one that the sweep is of, comments and all, with its values.

Values are written into the text where the old ones stood; a spec that extends another goes on to do so, and says what
differs from it. Where that does not come out as the spec of the trial, as with an anchor whose value is another one in
one of its places, the file is written anew from the values alone.
"""

from __future__ import annotations

import copy
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from nnfit.config import extends, loader
from nnfit.config.document import Document, parse
from nnfit.config.document import Path as Keys
from nnfit.config.loader import LoadedSpec
from nnfit.config.schema import EXTENDS
from nnfit.config.source import contents
from nnfit.config.spec import FILES
from nnfit.errors import SpecError
from nnfit.sweeps.reading import Sweep
from nnfit.sweeps.space import Point
from nnfit.sweeps.trials import with_values

SPEC, MODEL = "best.yaml", "best.npz"
SAFE = re.compile(r"[A-Za-z_.][A-Za-z0-9_./-]*")  # text that needs no quotes, but for words that mean something else
SCHEMA = re.compile(r"^(# yaml-language-server: \$schema=)(?![/\\]|[a-z]+:)(\S+)", re.MULTILINE)


class Best(NamedTuple):
    """The bytes of the file, and the spec in it."""

    data: bytes
    loaded: LoadedSpec


def spec_of(sweep: Sweep, values: Point, folder: Path) -> Best:
    """The spec of a point as a file of the folder, from which its paths are; its model is beside it."""
    wanted = copy.deepcopy(with_values(copy.deepcopy(sweep.base), values, [""] * len(values)).value)
    relocate(wanted, sweep.folder, folder)
    wanted["output"] = MODEL
    text = edited(sweep, wanted, folder)
    same = None if text is None else again(text.encode(), folder)
    if text is not None and same is not None and same.document.value == wanted:
        return Best(text.encode(), same)
    data = "".join(f"{key}: {flow(value)}\n" for key, value in wanted.items()).encode()
    anew = again(data, folder)
    assert anew is not None  # it has been trained
    return Best(data, anew)


def again(data: bytes, folder: Path) -> LoadedSpec | None:
    """The spec in the bytes of a file of the folder."""
    try:
        document = extends.whole(parse(data, str(folder / SPEC)), folder, loader.parsed)
        value = copy.deepcopy(document.value)
        spec = loader.validate(document)
    except SpecError:
        return None
    document.value = value
    return LoadedSpec(spec, document, folder)


def relocate(value: dict[str, Any], before: Path, after: Path) -> None:
    """Let the values of a spec name the files from one folder that they name from another."""
    for keys, words in {**FILES, (EXTENDS,): ()}.items():
        place: Any = value
        for key in keys[:-1]:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, dict) and keys[-1] in place:
            place[keys[-1]] = moved(place[keys[-1]], words, before, after)


def moved(value: Any, words: tuple[str, ...], before: Path, after: Path) -> Any:
    """A path, or several, from one folder, as from another."""
    if isinstance(value, list):
        return [moved(each, words, before, after) for each in value]
    if not isinstance(value, str) or value in words or "://" in value or Path(value).is_absolute():
        return value
    path = before / value
    return os.path.relpath(Path(os.path.realpath(path.parent)) / path.name, os.path.realpath(after))


def edited(sweep: Sweep, wanted: Mapping[str, Any], folder: Path) -> str | None:
    """The text of the spec that the sweep is of, with what is wanted; None where it cannot be written into."""
    file = sweep.base.file
    if file is None or file == "standard input":
        return None
    try:
        text = contents(Path(file))[0].decode("utf-8-sig").replace("\r\n", "\n")
        own = parse(text.encode(), file).value
        there = copy.deepcopy(own)
        relocate(there, sweep.folder, folder)
        whole = extends.whole(Document(str(folder / SPEC), copy.deepcopy(there)), folder, loader.parsed)
        said = overlaid(there, whole.value, wanted)
        changes = sorted(changed(own, said, (), spans_of(text), text), reverse=True)
    except (SpecError, LookupError, yaml.YAMLError):
        return None
    for start, end, new in changes:
        text = text[:start] + new + text[end:]
    schema = SCHEMA.search(text)
    if schema:
        text = text[: schema.start(2)] + moved(schema[2], (), sweep.folder, folder) + text[schema.end(2) :]
    return text


def overlaid(own: Any, before: Any, wanted: Any) -> Any:
    """What a file has to say itself for what it comes to `before`, with what it extends, to become what is wanted.

    What needs no change stays with the parent. A LookupError where a key would have to go.
    """
    if before == wanted and type(before) is type(wanted):
        return own
    if not (isinstance(own, dict) and isinstance(before, dict) and isinstance(wanted, dict)):
        return wanted
    if set(before) - set(wanted):
        raise LookupError(sorted(set(before) - set(wanted)))
    found = dict(own)
    for key, value in wanted.items():
        if key in own or key not in before or before[key] != value:
            parts = isinstance(before.get(key), dict) and isinstance(value, dict)
            found[key] = overlaid(own.get(key, {} if parts else None), before.get(key), value)
    return found


class Span(NamedTuple):
    """Where a value stands in a text: from, to, its column; if it is a mapping on lines of its own, or an alias."""

    start: int
    end: int
    column: int
    lines: bool
    alias: bool = False


Change = tuple[int, int, str]  # from, to, and what stands there then


def changed(old: Any, new: Any, path: Keys, spans: Mapping[Keys, Span], text: str) -> Iterator[Change]:
    """What is to be written where, for a value to become another one; a LookupError where a key would have to go."""
    if old == new and type(old) is type(new):
        return
    span = spans[path]
    if span.alias:
        pass
    elif isinstance(old, dict) and isinstance(new, dict) and old:
        if set(old) - set(new):
            raise LookupError(path)
        added = {key: value for key, value in new.items() if key not in old}
        if not added or span.lines:
            for key, value in old.items():
                yield from changed(value, new[key], (*path, key), spans, text)
            end = text.find("\n", span.end)
            end = len(text) if end < 0 else end
            lines = "".join(f"\n{' ' * span.column}{word(key)}: {flow(value)}" for key, value in added.items())
            if lines:
                yield end, end, lines
            return
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, value in enumerate(old):
            yield from changed(value, new[i], (*path, i), spans, text)
        return
    yield span.start, span.end, " " * (span.start == span.end) + flow(new)


def spans_of(text: str) -> dict[Keys, Span]:
    """Where each value of a text stands, by its path of keys; an alias is one value, whatever it stands for."""
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    found: dict[Keys, Span] = {}
    events: Iterator[Any] = yaml.parse(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))

    def at(mark: Any) -> int:
        return int(starts[mark.line] + mark.column)

    def node(event: Any, path: Keys) -> int:
        """Note where a value stands; the place where it ends."""
        start = end = at(event.start_mark)
        column = event.start_mark.column
        if isinstance(event, yaml.ScalarEvent | yaml.AliasEvent):
            end = at(event.end_mark)
        elif isinstance(event, yaml.MappingStartEvent):
            while not isinstance(key := next(events), yaml.MappingEndEvent):
                column = key.start_mark.column if end == start else column  # that of an anchor is another
                end = max(at(key.end_mark), node(next(events), (*path, key.value)))
            end = at(key.end_mark) if event.flow_style else end
        else:
            k = 0
            while not isinstance(item := next(events), yaml.SequenceEndEvent):
                end, k = node(item, (*path, k)), k + 1
            end = at(item.end_mark) if event.flow_style else end
        lines = isinstance(event, yaml.MappingStartEvent) and not event.flow_style
        found[path] = Span(start, end, column, lines, isinstance(event, yaml.AliasEvent))
        return end

    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            node(next(events), ())
    return found


def flow(value: Any) -> str:
    """A value as YAML on one line."""
    if isinstance(value, dict):
        named = {"name": value["name"], **value} if "name" in value else value  # which comes first, as people write it
        return "{" + ", ".join(f"{word(key)}: {flow(part)}" for key, part in named.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return word(value) if isinstance(value, str) else json.dumps(value)


def word(text: str) -> str:
    """A text as YAML, in quotes where it would mean something else."""
    plain = SAFE.fullmatch(text) and parse(text.encode(), "").value == text
    return text if plain else json.dumps(text, ensure_ascii=False)
