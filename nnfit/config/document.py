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

from nnfit.errors import Place, Problem, SpecError
from nnfit.words import count, quoted

MAX_BYTES = 64 * 1024
MAX_DEPTH = 16
MAX_NODES = 20_000  # after aliases are followed
LONG_OPTION = 200  # characters of a --set that messages show

Path = tuple[str | int, ...]

WORDS = {word: value for value, words in {
    None: ("", "~", "null", "Null", "NULL"),
    True: ("true", "True", "TRUE"),
    False: ("false", "False", "FALSE"),
}.items() for word in words}  # fmt: skip
INTEGER = re.compile(r"[-+]?[0-9]+")
PREFIXED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
# KEY=VALUE, and a part of KEY: a name, in quotes where it holds a dot, a bracket or an equals sign; or a [position].
SETTING = re.compile(r'((?:"[^"]*"|[^=])+?)=(.*)', re.DOTALL)
PART = re.compile(r'(?:^|(?!^)\.)(?:"([^"]+)"(?=[.\[]|$)|([^.\[\]]+))|\[([^.\[\]]+)\](?=[.\[]|$)')
POSITION = re.compile(r"[0-9]{1,9}")
NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
QUOTE = "put it in quotes if it is text"


@dataclass
class Document:
    """The values of a spec and where each was written: `places` maps a path of keys to (line, column) of a file."""

    file: str | None
    value: Any = None
    places: dict[Path, tuple[int, int]] = field(default_factory=dict)
    options: dict[Path, str | None] = field(default_factory=dict)  # what stands in no file: the text of --set, or None
    origins: dict[Path, str] = field(default_factory=dict)  # of places in a parent, the parent's file
    parents: list[str] = field(default_factory=list)  # the files that were read for `extends`, nearest first

    def problem(self, path: Path, code: str, message: str, remedy: str = "") -> Problem:
        """A problem at a key, at the nearest place above it that was written."""
        return Problem(code, message, remedy, self.place(path))

    def place(self, path: Path) -> Place:
        """Where a key was written, or else what is nearest above it."""
        key = "".join(f"[{part}]" if isinstance(part, int) else f".{spelled(part)}" for part in path).removeprefix(".")
        for end in range(len(path), -1, -1):
            if path[:end] in self.options:
                return Place(self.options[path[:end]], key=key)
            if path[:end] in self.places:
                line, column = self.places[path[:end]]
                return Place(self.origins.get(path[:end], self.file), line, column, key or None)
        return Place(self.file, key=key or None)


def spelled(part: str) -> str:
    """A key as a path of keys has it, and as --set reads it: in quotes where --set needs them."""
    return f'"{part}"' if re.search(r"[.\[\]=]", part) else part


def parts(key: str, label: str) -> list[str]:
    """The names and positions of a KEY such as training.optimizer.learning_rate or network.layers[0].size."""
    found, end = [], 0
    while part := PART.match(key, end):
        found.append(next(filter(None, part.groups())))
        end = part.end()
    if end < len(key) or not found:
        message = f"{quoted(key)} is no key: {quoted(key[end:])} cannot stand there" if key else "there is no key"
        remedy = "write it as network.layers[0].size; a name with a dot, a bracket or = goes in quotes"
        raise SpecError(Problem("usage", message, remedy, Place(label)))
    return found


def parse(data: bytes, file: str) -> Document:
    """The document in `data`; one SpecError for anything that is not plain, small, unambiguous YAML."""
    if len(data) > MAX_BYTES:
        message = f"a spec of more than {MAX_BYTES // 1024} KiB is refused"
        raise SpecError(Problem("too-large", message, "is this a spec?", Place(file)))
    if data.startswith(b"PK\3\4"):
        raise SpecError(Problem("not-yaml", "is a packed file, as a model is", "name the spec", Place(file)))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"not UTF-8 text: the byte 0x{data[error.start]:02x} at offset {error.start}"
        line = data.count(b"\n", 0, error.start) + 1
        raise SpecError(Problem("wrong-encoding", message, "save the file as UTF-8", Place(file, line))) from None
    if strange := yaml.reader.Reader.NON_PRINTABLE.search(text):
        start = strange.start()
        place = text.count("\n", 0, start) + 1, start - text.rfind("\n", 0, start)
        message = f"the control character {strange.group()!a} is not allowed in YAML"
        raise SpecError(Problem("not-yaml", message, "remove it", Place(file, *place)))
    document = Document(file)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        document.value = _Composer(document, yaml.parse(text, loader)).whole()
    except yaml.MarkedYAMLError as error:
        raise SpecError(broken(error, text, file)) from None
    except yaml.YAMLError as error:
        message = f"not valid YAML: {str(error).splitlines()[0]}"
        raise SpecError(Problem("not-yaml", message, place=Place(file))) from None
    return document


def broken(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    """What the parser says, its place, and what would do for the mistakes that are made most often."""
    mark, begin = error.problem_mark or error.context_mark, error.context_mark
    message = f"not valid YAML: {error.problem or error.context}"
    if mark is None:
        return Problem("not-yaml", message, place=Place(file))
    if error.problem and error.context and begin and begin.line != mark.line:
        message += f", {error.context} that begins in line {begin.line + 1}"
    remedies = []
    if "mapping values" in message:
        remedies.append('put text that holds ": " in quotes')
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        remedies.append("indent with spaces, not tabs")
    return Problem("not-yaml", message, "; ".join(remedies), Place(file, mark.line + 1, mark.column + 1))


def override(document: Document, option: str) -> None:
    """Apply one `--set KEY=VALUE` to the document, VALUE read as YAML."""
    label = f"--set {option if len(option) <= LONG_OPTION else option[: LONG_OPTION - 1] + '…'}"
    found = SETTING.fullmatch(option)
    if not found:
        raise SpecError(Problem("usage", "expected KEY=VALUE, as in training.epochs=50", place=Place(label)))
    key, text = found.groups()
    try:
        value = parse(text.encode("utf-8", "replace"), label).value
    except SpecError as error:
        quotes = f"""for text, quotes within quotes: --set '{key}="TEXT"'"""
        problems = (each._replace(place=Place(label), remedy=each.remedy or quotes) for each in error.problems)
        raise SpecError(*problems) from None
    put(document, key, value, label)


def put(document: Document, key: str, value: Any, label: str) -> None:
    """Put a value at a KEY such as training.optimizer.learning_rate; errors about it name the label."""
    place: Any = document.value
    path: list[str | int] = []
    names = parts(key, label)
    for depth, part in enumerate(names, 1):
        last = depth == len(names)
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
        elif isinstance(place, list) and POSITION.fullmatch(part) and int(part) < len(place):
            path.append(int(part))
            if last:
                place[int(part)] = value
            place = place[int(part)]
        else:
            above = document.place(tuple(path)).key
            message = (
                f"{above} has {count(len(place), 'item')}, counted from 0"
                if isinstance(place, list)
                else f"{above} is a value and has no keys"
            )
            raise SpecError(Problem("unknown-key", message, place=Place(label)))
    # What the option replaced is no longer where the file, or an earlier option, wrote it.
    for known in (document.places, document.options):
        for written in [written for written in known if written[: len(path)] == tuple(path)]:
            del known[written]
    document.options[tuple(path)] = label


def place_of(event: Any) -> tuple[int, int]:
    """The line and column in which an event of the parser begins."""
    return event.start_mark.line + 1, event.start_mark.column + 1


class _Composer:
    """Turns the parser's events into values, noting places and refusing what is ambiguous or too large."""

    def __init__(self, document: Document, events: Iterator[Any]) -> None:
        self.document = document
        self.events = events
        self.anchors: dict[str, list[Any]] = {}  # the events of the node that each stands for
        self.given: dict[str, tuple[int, int]] = {}  # where each anchor is
        self.nodes = 0

    def fail(self, event: Any, code: str, message: str, remedy: str = "") -> SpecError:
        """The error at the place of an event."""
        return SpecError(Problem(code, message, remedy, Place(self.document.file, *place_of(event))))

    def whole(self) -> Any:
        """The value of the only document."""
        value = None
        seen = False
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                if seen:
                    message = "a spec is one YAML document"
                    raise self.fail(event, "several-documents", message, "remove what follows ---")
                seen = True
                value = self.node(next(self.events), (), 1)
        return value

    def node(self, event: Any, path: Path, depth: int) -> Any:
        """The value of a node, within the limits, its place noted."""
        self.nodes += 1
        if depth > MAX_DEPTH:
            message = f"nesting deeper than {MAX_DEPTH} levels is refused; no key of a spec lies that deep"
            raise self.fail(event, "too-large", message)
        if self.nodes > MAX_NODES:
            message = f"more than {MAX_NODES:,} values, aliases followed, are refused"
            raise self.fail(event, "too-large", message, "write fewer")
        self.document.places.setdefault(path, place_of(event))
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, path, depth)
        self.refuse_tag(event)
        if event.anchor is None:
            return self.content(event, path, depth)
        # An anchored node is kept as its events, so that each alias is read anew with places of its own.
        recorded = list(self.record(event))
        self.refuse_twice(event)
        value = self.replay(recorded, path, depth)
        self.anchors[event.anchor] = recorded
        return value

    def refuse_twice(self, event: Any) -> None:
        """An anchor given anew would change what later aliases mean; one that an alias repeats is the same one."""
        first = self.given.setdefault(event.anchor, place_of(event))
        if first != place_of(event):
            message = f"the anchor &{event.anchor} is given twice, first in line {first[0]}"
            raise self.fail(event, "given-twice", message, "give each node an anchor of its own")

    def refuse_tag(self, event: Any) -> None:
        """A tag would ask for a type other than that of the text."""
        if event.tag is not None and event.tag != "!":
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self.fail(event, "tag", f"the tag {tag} is refused", "write the value alone")

    def replay(self, recorded: list[Any], path: Path, depth: int) -> Any:
        """The value of recorded events."""
        outer, self.events = self.events, iter(recorded[1:])
        value = self.content(recorded[0], path, depth)
        self.events = outer
        return value

    def record(self, event: Any) -> Iterator[Any]:
        """The events of a node, up to its end."""
        open_nodes = 0
        while True:
            yield event
            open_nodes += isinstance(event, yaml.CollectionStartEvent)
            open_nodes -= isinstance(event, yaml.CollectionEndEvent)
            if open_nodes == 0:
                return
            event = next(self.events)

    def alias(self, event: Any, path: Path, depth: int) -> Any:
        """The node of an anchor, read anew at this place."""
        if event.anchor not in self.anchors:
            message = f"the alias *{event.anchor} has no anchor &{event.anchor} before it"
            raise self.fail(event, "unknown-alias", message)
        return self.replay(self.anchors[event.anchor], path, depth)

    def content(self, event: Any, path: Path, depth: int) -> Any:
        """What a node holds, anchors and tags aside."""
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(path, depth)
        return self.scalar(event)

    def mapping(self, path: Path, depth: int) -> dict[str, Any]:
        """A mapping, up to its end; its keys are texts, each given once."""
        result: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                message = "a key must be text, not a list, a mapping or an alias"
                raise self.fail(event, "wrong-key", message, "write a name")
            self.refuse_tag(event)
            if event.anchor is not None:
                self.refuse_twice(event)
                self.anchors[event.anchor] = [event]
            key = self.scalar(event)
            if key == "<<" and not event.style:
                message = "merge keys (<<) are not part of YAML 1.2"
                raise self.fail(event, "wrong-key", message, "write the keys out")
            if not isinstance(key, str):
                message = f"a key must be text, not {event.value or 'nothing'}"
                raise self.fail(event, "wrong-key", message, "put it in quotes")
            if key in result:
                line = self.document.places[(*path, key)][0]
                raise self.fail(event, "given-twice", f'the key "{key}" is given twice, first in line {line}')
            self.document.places[(*path, key)] = place_of(event)
            result[key] = self.node(next(self.events), (*path, key), depth + 1)
        return result

    def sequence(self, path: Path, depth: int) -> list[Any]:
        """A list, up to its end."""
        result: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            result.append(self.node(event, (*path, len(result)), depth + 1))
        return result

    def scalar(self, event: Any) -> Any:
        """A value of the YAML 1.2 core schema; text in quotes, or with the tag !, is text."""
        text: str = event.value
        if event.style or event.tag == "!":
            return text
        if text in WORDS:
            return WORDS[text]
        if len(text) > 400 and any(number.fullmatch(text) for number in (INTEGER, PREFIXED, FLOAT)):
            raise self.fail(event, "too-large", "a number of more than 400 digits is refused", QUOTE)
        if INTEGER.fullmatch(text):
            return int(text)
        if PREFIXED.fullmatch(text):
            return int(text[2:], 8 if text[1] == "o" else 16)
        if NOT_FINITE.fullmatch(text) or (FLOAT.fullmatch(text) and not math.isfinite(float(text))):
            raise self.fail(event, "not-finite", f"{text} is not a finite number", QUOTE)
        return float(text) if FLOAT.fullmatch(text) else text
