"""`nnfit cache`: where encoded rows of large tables are kept, what lies there, and how to be rid of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nnfit.cli.outputs import json_of, path_of
from nnfit.errors import OutputError, Place, Problem, UsageError

if TYPE_CHECKING:
    from nnfit.storage.cache import Kept


def named_folder(text: str | None) -> str | None:
    """What names a folder; a UsageError for nothing, as a variable gives it that is not set."""
    if text == "":
        remedy = "name one, or leave --cache out for the usual one"
        raise UsageError(Problem("usage", "names no folder", remedy, Place("--cache")))
    return text


CacheFolder = Annotated[
    str | None,
    typer.Option(
        "--cache",
        metavar="FOLDER",
        callback=named_folder,
        help="The folder of the cache, in place of the one in ~/.cache.",
    ),
]


def cache(
    folder: CacheFolder = None,
    clear: Annotated[bool, typer.Option("--clear", help="Remove all that is kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show where nnfit keeps the encoded rows of large tables, what lies there, and how much it may be.

    They are kept so that the next training of the same table begins at once, in $XDG_CACHE_HOME/nnfit, else in
    ~/.cache/nnfit, readable by you alone. What was not used for longest goes first where all would be more than 20 GB,
    or the GB that the variable NNFIT_CACHE_GB says. Nothing is lost with them but time. nnfit train --no-cache, or
    data.cache: false in the spec, keeps none.
    """
    from nnfit.cli import screen
    from nnfit.storage import cache
    from nnfit.words import count, plain, volume

    named = path_of(folder)
    if named is not None:
        cache.check(named)
    with cache.using(named, True):
        cache.sweep()
        place, bound = place_of(cache.place), cache.bound()
        found = [(each, cache.about(each)) for each in cache.entries()]
        if clear:
            cache.clear()
        size = sum(each.size for each, _ in found)
    if as_json:
        entries = [entry(each, about) for each, about in found]
        print(json_of({"folder": str(place), "bytes": size, "bound": bound, "cleared": clear, "entries": entries}))
        return
    console = screen.out()
    held = f"{count(len(found), 'table')}, {volume(size)}"
    console.print(plain(f"{place}: {held}{' removed' if clear else f' of at most {volume(bound)}'}"))
    for each, about in found:
        console.print(plain(f"  {line(each, about)}"), soft_wrap=True)


def place_of(find: Callable[[], Path]) -> Path:
    """The folder; an OutputError where none is named, and the user has no home folder for it."""
    try:
        return find()
    except OSError as error:
        remedy = "name a folder with --cache FOLDER"
        raise OutputError(Problem("no-folder", str(error.strerror), remedy, Place(error.filename))) from None


def entry(kept: Kept, about: dict[str, Any]) -> dict[str, Any]:
    """An entry as JSON has it."""
    said = {"data": about.get("files", {}), "rows": about.get("rows", {})}
    return {"file": kept.path.name, "bytes": kept.size, "used": day(kept), **said}


def line(kept: Kept, about: dict[str, Any]) -> str:
    """An entry in words: its size, when it was used last, and the files it was made of."""
    from nnfit.words import volume

    files = about.get("files")
    named = [str(path) for paths in files.values() for path in paths] if isinstance(files, dict) else []
    shown = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    return f"{volume(kept.size):>8}  used {day(kept)}  {shown or 'not to be read'}"


def day(kept: Kept) -> str:
    """When an entry was used last, in universal time; a file may have any."""
    from datetime import UTC, datetime

    try:
        return datetime.fromtimestamp(kept.used, UTC).strftime("%Y-%m-%d %H:%MZ")
    except (ValueError, OverflowError, OSError):
        return "at no time"
