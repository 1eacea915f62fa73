"""Reading YAML as it is written: the scalars of the YAML 1.2 core schema, and the place of every key and value.

PyYAML's own constructor follows YAML 1.1, where `no` is False, `1e-3` is text and `12:30` is 750. Only its parser is
used here; the values are made below, within limits that keep any input harmless.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from nnfit.errors import Problem, SpecError, count

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000  # after aliases are followed

Path = tuple[str | int, ...]

WORDS = {word: value for value, words in {
    None: ("", "~", "null", "Null", "NULL"),
    True: ("true", "True", "TRUE"),
    False: ("false", "False", "FALSE"),
}.items() for word in words}  # fmt: skip
INTEGER = re.compile(r"[-+]?[0-9]+")
PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# KEY=VALUE, and the parts of KEY: plain, or in quotes where a name holds a dot, a bracket or an equals sign.
SETTING = re.compile(r'((?:"[^"]*"|[^=])+?)=(.*)', re.DOTALL)
PART = re.compile(r'(?:^|[.\[])(?:"([^"]+)"(?=[.\[]|$)|([^.\[]*))')
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass
class Document:
    """The values of a YAML file and where each was written: `places` maps a path of keys to (line, column)."""

    file: str
    value: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    options: dict[Path, str] = field(default_factory=dict)  # what --set wrote, with the option's text

    def problem(self, path: Path, message: str) -> Problem:
        """A problem at a key, at the nearest place above it that was written."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{spelled(part)}" for part in path).removeprefix(".")
        for end in range(len(path), -1, -1):
            if path[:end] in self.options:
                return Problem(message, self.options[path[:end]], key=key)
            if path[:end] in self.places:
                line, column = self.places[path[:end]]
                return Problem(message, self.file, line, column, key or None)
        return Problem(message, self.file, key=key or None)


def spelled(part: str) -> str:
    """A key as a path of keys has it, and as --set reads it: in quotes where --set needs them."""
    return f'"{part}"' if re.search(r"[.\[=]", part) else part


def parse(data: bytes, file: str) -> Document:
    """The document in `data`; one SpecError for anything that is not plain, small, unambiguous YAML."""
    if len(data) > MAX_BYTES:
        raise SpecError(Problem(f"a spec of more than {MAX_BYTES // 1024} KiB is refused; is this a spec?", file))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 text: the byte 0x{data[error.start]:02x} at offset {error.start}; save the file as UTF-8"
        raise SpecError(Problem(message, file, data.count(b"\n", 0, error.start) + 1)) from None
    if strange := yaml.reader.Reader.NON_PRINTABLE.search(text):
        start = strange.start()
        place = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        message = f"the control character {strange.group()!a} is not allowed in YAML; remove it"
        raise SpecError(Problem(message, file, *place))
    document = Document(file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document.value = _Composer(document, yaml.parse(text, loader)).whole()
    except yaml.MarkedYAMLError as error:
        raise SpecError(broken(error, text, file)) from None
    except yaml.YAMLError as error:
        raise SpecError(Problem(f"not valid YAML: {str(error).splitlines()[0]}", file)) from None
    return document


def broken(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """What the parser says, its place, and what would do for the mistakes that are made most often."""
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    message = f"not valid YAML: {error.problem or error.context}"
    if mark is None:
        return Problem(message, file)
    if error.problem and error.context and begin and begin.line != mark.line:
        message += f", {error.context} that begins in line {begin.line + 1}"
    if "mapping values" in message:
        message += '; put text that holds ": " in quotes'
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        message += "; indent with spaces, not tabs"
    return Problem(message, file, mark.line + 1, mark.column + 1)


def override(document: Document, option: str) -> None:
    """Apply one `--set KEY=VALUE` to the document, VALUE read as YAML."""
    label = f"--set {option}"
    found = SETTING.fullmatch(option)
    if not found:
        raise SpecError(Problem("expected KEY=VALUE, as in training.epochs=50", label))
    key, text = found.groups()
    try:
        value = parse(text.encode("utf-8", "replace"), label).value
    except SpecError as error:
        raise SpecError(*(Problem(problem.message, label) for problem in error.problems)) from None
    place: Any = document.value
    path: list[str | int] = []
    parts = [quoted or plain.removesuffix("]") for quoted, plain in PART.findall(key)]
    for depth, part in enumerate(parts, 1):
        last = depth == len(parts)
        if isinstance(place, dict):
            path.append(part)
            if last:
                place[part] = value
            elif isinstance(place.get(part), str):
                place[part] = {"name": place[part]}  # adam is short for {name: adam}
            elif place.get(part) is None:
                place[part] = {}
                document.options[tuple(path)] = label
            place = place[part]
        elif isinstance(place, list) and part.isdecimal() and int(part) < len(place):
            path.append(int(part))
            if last:
                place[int(part)] = value
            place = place[int(part)]
        else:
            above = document.problem(tuple(path), "").key
            message = (
                f"{above} has {count(len(place), 'item')}, counted from 0"
                if isinstance(place, list)
                else (f"{above} is a value and has no keys")
            )
            raise SpecError(Problem(message, label))
    # What the option replaced is no longer where the file, or an earlier option, wrote it.
    for known in (document.places, document.options):
        for written in [written for written in known if written[: len(path)] == tuple(path)]:
            del known[written]
    document.options[tuple(path)] = label


def place_of(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


class _Composer:
    """Turns the parser's events into values, noting places and refusing what is ambiguous or too large."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document = document
        self.events = events
        self.anchors: dict[str, list[Any]] = {}
        self.nodes = 0

    def fail(self, event: Any, message: str) -> SpecError:
        return SpecError(Problem(message, self.document.file, *place_of(event)))

    def whole(self) -> Any:
        value = None
        seen = False
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    raise self.fail(event, "a spec is one YAML document; remove what follows ---")
                seen = True
                value = self.node(next(self.events), (), 1)
        return value

    def node(self, event: Any, path: Path, depth: int) -> Any:
        self.nodes += 1
        if depth > MAX_DEPTH or self.nodes > MAX_NODES:
            what = f"nesting deeper than {MAX_DEPTH} levels is refused; no key of a spec lies that deep"
            many = f"more than {MAX_NODES:,} values, aliases followed, are refused; write fewer"
            raise self.fail(event, what if depth > MAX_DEPTH else many)
        self.document.places.setdefault(path, place_of(event))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path, depth)
        self.refuse_tag(event)
        if event.anchor is None:
            return self.content(event, path, depth)
        # An anchored node is kept as its events, so that each alias is read anew with places of its own.
        recorded = list(self.record(event))
        value = self.replay(recorded, path, depth)
        self.anchors[event.anchor] = recorded
        return value

    def refuse_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self.fail(event, f"the tag {tag} is refused; write the value alone")

    def replay(self, recorded: list[Any], path: Path, depth: int) -> Any:
        outer, self.events = self.events, iter(recorded[1:])
        value = self.content(recorded[0], path, depth)
        self.events = outer
        return value

    def record(self, event: Any) -> Iterator[Any]:
        open_nodes = 0
        while True:
            yield event
            open_nodes += isinstance(event, yaml.CollectionStartEvent)
            open_nodes -= isinstance(event, yaml.CollectionEndEvent)
            if open_nodes == 0:
                return
            event = next(self.events)

    def alias(self, event: Any, path: Path, depth: int) -> Any:
        if event.anchor not in self.anchors:
            raise self.fail(event, f"the alias *{event.anchor} has no anchor &{event.anchor} before it")
        return self.replay(self.anchors[event.anchor], path, depth)

    def content(self, event: Any, path: Path, depth: int) -> Any:
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path, depth)
        return self.scalar(event)

    def mapping(self, path: Path, depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self.fail(event, "a key must be text, not a list, a mapping or an alias; write a name")
            self.refuse_tag(event)
            key = self.scalar(event)
            if key == "<<" and not event.style:
                raise self.fail(event, "merge keys (<<) are not part of YAML 1.2; write the keys out")
            if not isinstance(key, str):
                raise self.fail(event, f"a key must be text, not {event.value or 'nothing'}; put it in quotes")
            if key in result:
                line = self.document.places[(*path, key)][0]
                raise self.fail(event, f'the key "{key}" is given twice, first in line {line}')
            self.document.places[(*path, key)] = place_of(event)
            result[key] = self.node(next(self.events), (*path, key), depth + 1)
        return result

    def sequence(self, path: Path, depth: int) -> list[Any]:
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self.node(event, (*path, len(result)), depth + 1))
        return result

    def scalar(self, event: Any) -> Any:
        text: str = event.value
        if event.style or event.tag == "!":
            return text
        if text in WORDS:
            return WORDS[text]
        if len(text) > 400 and any(number.fullmatch(text) for number in (INTEGER, PREFIXED, FLOAT)):
            raise self.fail(event, "a number of more than 400 digits is refused; put it in quotes if it is text")
        if INTEGER.fullmatch(text):
            return int(text)
        if PREFIXED.fullmatch(text):
            return int(text[2:], 8 if text[1] == "o" else 16)
        if NOT_FINITE.fullmatch(text) or (FLOAT.fullmatch(text) and not math.isfinite(float(text))):
            raise self.fail(event, f"{text} is not a finite number; put it in quotes if it is text")
        return float(text) if FLOAT.fullmatch(text) else text
