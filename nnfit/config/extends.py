"""`extends: base.yaml` in a spec: its parent's keys hold where its own say nothing, and each keeps its place.

Mappings are merged key by key. Any other value replaces the parent's, null and lists too, and so does a mapping of
another kind: `{name: adam}` takes nothing of a parent's `{name: sgd, momentum: 0.9}`. Files are named from the folder
of the spec in which they stand. Keys of the top level that begin with `x-` hold anchors, and end with their file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path as Folder
from typing import Any, NamedTuple

from nnfit.config.document import MAX_NODES, Document, Path
from nnfit.config.messages import at, shown
from nnfit.config.schema import ANCHORS, EXTENDS, json_schema
from nnfit.config.spec import FILES
from nnfit.errors import Problem, SpecError
from nnfit.words import quoted

MOST = 8  # parents, one behind the other

Read = Callable[[Folder], Document]


class Link(NamedTuple):
    """A spec in a chain of parents, and its folder, from that of the first."""

    document: Document
    place: Folder


def whole(document: Document, folder: Folder, read: Read) -> Document:
    """The document with what it inherits, and without `extends` and the keys for anchors.

    Its paths are relative to `folder`; `read` gives the document of a parent. A SpecError, at the key, for a parent
    that cannot be read, for a circle, and for a chain without end.
    """
    links = [Link(document, Folder())]
    while (name := parent_of(links[-1].document)) is not None:
        links.append(linked(links, name, folder, read))
    for link in links:
        if isinstance(link.document.value, dict):
            link.document.value = {key: part for key, part in link.document.value.items() if not of_file(key)}
    found = links[-1].document
    for child in reversed(links[:-1]):
        found = over(child.document, found)
    found.parents = [str(link.document.file) for link in links[1:]]
    if len(links) > 1 and size(found.value) > MAX_NODES:
        message = f"more than {MAX_NODES:,} values, those of its parents included, are refused"
        raise SpecError(document.problem((EXTENDS,), "too-large", message, "write fewer"))
    return found


def of_file(key: str) -> bool:
    """Whether a key of the top level speaks of its file alone, and not of the training."""
    return key == EXTENDS or key.startswith(ANCHORS)


def parent_of(document: Document) -> str | None:
    """What the document extends, if anything."""
    if not isinstance(document.value, dict) or EXTENDS not in document.value:
        return None
    name = document.value[EXTENDS]
    if not isinstance(name, str) or not name:
        remedy = "a spec has one parent, which may have a parent itself" if isinstance(name, list) else ""
        message = f"expected the path of a spec, got {shown(name)}"
        raise SpecError(document.problem((EXTENDS,), "wrong-value", message, remedy))
    return name


def linked(links: list[Link], name: str, folder: Folder, read: Read) -> Link:
    """The parent that the last of the links names; its files are named from the folder of the first then."""
    child, place = links[-1]
    path = Folder(moved(folder, place, name))
    file = folder / path
    above = [real(Folder(link.document.file)) if link.document.file else None for link in links]
    if real(file) in above:
        circle = [link.document for link in links[above.index(real(file)) :]]
        message = "extends itself"
        if len(circle) > 1:
            message = f"a circle, in which each extends the next: {', '.join(str(each.file) for each in circle)}"
        raise SpecError(*(each.problem((EXTENDS,), "circle", message, "remove this key") for each in circle))
    if len(links) > MOST:
        message = f"more than {MOST} parents, one behind the other, are refused"
        raise SpecError(child.problem((EXTENDS,), "too-deep", message))
    try:
        found = read(file)
    except SpecError as error:  # of the file as a whole, it is told where the file is named
        raise SpecError(*(p if p.place.line else of_parent(child, file, p) for p in error.problems)) from None
    if not isinstance(found.value, dict):
        raise SpecError(found.problem((), "wrong-value", f"expected a mapping, got {shown(found.value)}"))
    for keys, words in FILES.items():
        *inside, last = keys
        mapping: Any = found.value
        for key in inside:
            mapping = mapping.get(key) if isinstance(mapping, dict) else None
        value = mapping.get(last) if isinstance(mapping, dict) else None
        if isinstance(value, str) and value and value not in words:
            mapping[last] = moved(folder, path.parent, value)
        elif isinstance(value, list):
            several = (moved(folder, path.parent, each) if isinstance(each, str) and each else each for each in value)
            mapping[last] = list(several)
    return Link(found, path.parent)


def real(file: Folder) -> str:
    """The file that a path leads to; the path itself if it is none."""
    try:
        return os.path.realpath(file)
    except ValueError:
        return str(file)


def of_parent(child: Document, file: Folder, problem: Problem) -> Problem:
    """A problem with the file of a parent, at the key that names it."""
    return child.problem((EXTENDS,), problem.code, f"{quoted(str(file))} {problem.message}", problem.remedy)


def moved(folder: Folder, place: Folder, file: str) -> str:
    """A path from a place as one from the folder, without detours where that is the same."""
    if place == Folder() or "://" in file:
        return file
    path = place / file
    plain = Folder(os.path.normpath(path))
    try:
        return str(plain if (folder / plain).parent.samefile((folder / path).parent) else path)
    except (OSError, ValueError):  # it is not there, or no path at all; reading it will say so
        return str(path)


def over(child: Document, parent: Document) -> Document:
    """The child's values over those of its parent, each with its place."""
    places, replaced = dict(parent.places), set[Path]()
    origins = {path: parent.origins.get(path, str(parent.file)) for path in places}

    def merged(above: Any, below: Any, path: Path) -> Any:
        if isinstance(above, dict) and isinstance(below, str) and "name" not in above and has_kinds(path):
            below = {"name": below}  # adam is short for {name: adam}
            places[*path, "name"], origins[*path, "name"] = places[path], origins[path]
        if not isinstance(above, dict) or not isinstance(below, dict) or of_other_kind(above, below):
            replaced.add(path)
            return above
        both = {key: merged(above[key], part, (*path, key)) for key, part in below.items() if key in above}
        return below | above | both

    value = merged(child.value, parent.value, ())
    own = child.places if child.file else dict.fromkeys(paths(child.value))
    gone = [path for path in places if path in own or any(path[:end] in replaced for end in range(len(path)))]
    for path in gone:
        del places[path], origins[path]
    options = {} if child.file else dict.fromkeys(own)
    return Document(child.file, value, places | child.places, options, origins)


def inherited_outputs(document: Document) -> Iterator[Problem]:
    """Warnings of files that a training writes where a parent says it, as every other of its children does."""
    for path in (("output",), ("training", "checkpoint", "path")):
        if path in document.places and path in document.origins:
            message = "is inherited, and every spec that extends this one writes the same file"
            yield document.problem(path, "inherited-output", message, "give each its own, or leave it out here")


def has_kinds(path: Path) -> bool:
    """Whether a name alone stands for the entry of that name here."""
    node = at(json_schema(), json_schema(), path, None)
    return any("discriminator" in branch for branch in (node, *node.get("anyOf", ())))


def of_other_kind(above: dict[str, Any], below: dict[str, Any]) -> bool:
    """Whether two mappings say of what kind they are, an entry by its name and a column by its type, and differ."""
    said = [(above.get(key), below.get(key)) for key in ("name", "type")]
    return any(isinstance(ours, str) and isinstance(theirs, str) and ours != theirs for ours, theirs in said)


def paths(value: Any, path: Path = ()) -> list[Path]:
    """The paths of all the values in a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(inner for key, part in parts for inner in paths(part, (*path, key)))]


def size(value: Any) -> int:
    """How many values there are in a value."""
    return len(paths(value))
