"""The files that are one table: a path, a glob or a list of these; and several files read one behind the other."""

from __future__ import annotations

import glob
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from nnfit.data.blocks import Block, Part, TableReader, part_of, told
from nnfit.data.cutting import Lines
from nnfit.data.dialect import Dialect
from nnfit.errors import DataError, Place, Problem
from nnfit.words import listed, quoted, short

NAMED = 3  # files whose names stand for a list in messages


class Files(NamedTuple):
    """The files of one table, and what stands for them in messages."""

    name: str
    paths: tuple[str, ...]


def is_glob(path: str) -> bool:
    """Whether a path is a pattern of names, and not the name of a file that is there."""
    return glob.has_magic(path) and "\0" not in path and not os.path.lexists(path)


def files_of(data: str | Sequence[str]) -> Files:
    """The files that a path, a glob or a list of these names; those of a glob sorted by their names.

    A DataError for a glob that matches nothing, and for a file that is named twice.
    """
    given = (data,) if isinstance(data, str) else tuple(data)
    found: list[str] = []
    for path in given:
        if not is_glob(path):
            found.append(path)
            continue
        matching = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (a Path would spell the pattern otherwise)
        if Path(path).name == "**":  # which stands for the folders too, that itself is in
            matching = [each for each in matching if not Path(each).is_dir()]
        if not matching:
            remedy = "are the files there? * stands for any text within a name, ** for any folders"
            folder, name = os.path.split(path)
            if glob.has_magic(folder) and os.path.lexists(folder):
                remedy = f"to look in the folder of that name, write {quoted(f'{glob.escape(folder)}/{name}')}"
            raise DataError(Problem("no-match", "matches no file", remedy, Place(path)))
        found += matching
    known: set[str] = set()
    for path in found:
        real = os.path.realpath(path) if "\0" not in path else path
        if real in known:
            raise DataError(Problem("given-twice", "is named twice in one table", "name it once", Place(path)))
        known.add(real)
    name = ", ".join(given[:NAMED]) + (f" and {len(given) - NAMED} more" if len(given) > NAMED else "")
    return Files(name, tuple(found))


def together(digests: Sequence[str]) -> str:
    """The SHA-256 of several files: that of a line with that of each; of one file its own."""
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(f"{each}\n" for each in digests).encode()).hexdigest()


Open = Callable[[str], TableReader]


class Several:
    """Several files that are one table, opened one after the other: their columns must agree, in any order."""

    def __init__(
        self,
        files: Files,
        dialect: Dialect,
        open_one: Open,
        types: Mapping[str, str],
        size: int,
        stored: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.file, self.paths, self.open = files.name, files.paths, open_one
        self.dialect, self.types = dialect, types
        self.size: int | None = size
        self.stored_in: Sequence[Mapping[str, Any]] = stored
        self.begun: list[Part] = []
        self.digests: list[str] = []
        self.current: TableReader = open_one(self.paths[0])
        self.header = self.current.header

    def __enter__(self) -> Several:
        return self

    def __exit__(self, *error: object) -> None:
        self.current.__exit__(*error)

    def blocks(self, kinds: Mapping[str, str], doing: str = "reading", keep: Sequence[str] = ()) -> Iterator[Block]:
        """The rows of all files, block after block."""
        yield from told(self, kinds, doing, keep, Problem("no-rows", "have no rows", place=Place(self.file)))

    def parsed(self, kinds: Mapping[str, str], keep: Sequence[str] = ()) -> Iterator[Block]:
        """The blocks, their lines one behind the other; a file without rows has none."""
        following = end = 0
        for k, path in enumerate(self.paths):
            if k:
                self.current = self.open(path)
                self.refuse_other(self.current)
            with self.current as reader:
                ahead: int | None = None
                for block in reader.parsed(kinds, keep):
                    first = int(block.lines[0])
                    if ahead is None:
                        ahead = following - first if k and following else 0
                        self.begun.append(Part(first + ahead, ahead, reader.file, reader.header))
                    yield block._replace(lines=moved(block.lines, ahead), end=end + block.end)
                    following = int(block.lines[-1]) + ahead + 1
                end += reader.size or 0
                self.digests.append(reader.digest())

    def refuse_other(self, reader: TableReader) -> None:
        """A DataError for a file of other columns than the first."""
        lost = [name for name in self.header if name not in reader.header]
        more = [name for name in reader.header if name not in self.header]
        if not lost and not more:
            return
        reader.__exit__()
        said = [f"lacks {listed(lost)}"] if lost else []
        said += [f"has {listed(more)} besides"] if more else []
        message = f"is not of one table with {self.paths[0]}: it {' and '.join(said)}"
        place = Place(reader.file, None if self.types else 1)
        raise DataError(Problem("other-columns", message, "files of one table have the same columns", place))

    @property
    def parts(self) -> Sequence[Part]:
        """The files that were begun."""
        return self.begun

    def stored(self, names: Sequence[str]) -> Mapping[str, Any]:
        """The types that hold every cell of these columns in any of the files; a DataError where there is none."""
        return {name: common(name, self.paths, [each[name] for each in self.stored_in]) for name in names if self.types}

    def expected_rows(self, so_far: int, end: int) -> int:
        """About how many rows there are in all."""
        return 0 if not self.size or end <= 0 else int(so_far * self.size / end * 1.02) + 1

    def place(self, line: int, name: str | None = None) -> Place:
        """The place of a row, in its own file."""
        return part_of(self.parts, line).place(line, name)

    def digest(self) -> str:
        """The SHA-256 of all files, in their order."""
        return together(self.digests)


def moved(lines: Sequence[int] | Lines, ahead: int) -> Sequence[int] | Lines:
    """Lines so far behind where they were."""
    if isinstance(lines, range):
        return range(lines.start + ahead, lines.stop + ahead)
    return np.asarray(lines) + ahead


def merged(files: Files, each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The types of the columns of several Parquet or Arrow files; one of nothing but gaps is of any type."""
    found: dict[str, str] = {}
    origin: dict[str, str] = {}
    for path, types in zip(files.paths, each, strict=True):
        for name, type_ in types.items():
            if found.get(name, "empty") == "empty":
                found[name], origin[name] = type_, path
            elif type_ not in (found[name], "empty"):
                refuse_type(name, type_, path, found[name], origin[name])
    return found


def refuse_type(name: str, type_: str, path: str, other: str, first: str) -> NoReturn:
    """A DataError for a column that is of another type in another file."""
    message = f"column {quoted(name)} is {type_} here, and {other} in {first}"
    raise DataError(Problem("other-type", message, "write the files with the same types", Place(path)))


def common(name: str, paths: Sequence[str], types: Sequence[Any]) -> Any:
    """The type of Arrow to which a column can go from all of some types and lose nothing; else a DataError."""
    import pyarrow as pa

    if any(each != types[0] for each in types):
        types = [each.value_type if pa.types.is_dictionary(each) else each for each in types]
    found, first = types[0], paths[0]
    for path, type_ in zip(paths[1:], types[1:], strict=True):
        both = [pa.schema([(name, each)]) for each in (found, type_)]
        try:
            found = pa.unify_schemas(both, promote_options="permissive").field(name).type
        except pa.ArrowException:
            message = f"column {quoted(name)} is {short(str(type_))} here, and {short(str(found))} in {first}"
            remedy = "write the files with the same types, or the predictions as CSV (-o FILE.csv)"
            raise DataError(Problem("other-type", message, remedy, Place(path))) from None
        first = path if found == type_ else first
    return found
