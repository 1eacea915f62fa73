"""What a shell completes: a parameter is what its metavar says it is, and so is what may stand there.

Files that are not there, or not what they should be, give nothing: whoever presses a key asked for no message.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from pathlib import Path
from types import MethodType
from typing import Any, NamedTuple

SEPARATORS = ("\t", ";", "|", ",")  # the first of those that cut the header into the most columns
BEGINNING = 1 << 16  # bytes of a table in which its header ends, or it is none that anybody types
SCRIPTS = ("install_completion", "show_completion")  # the parameters that typer adds
DEEP = 8  # folders that are entered without being asked for
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


class Completion(NamedTuple):
    """One word, as typer writes it to a shell, and what is said beside it."""

    value: str
    help: str | None = None
    type: str = "plain"


# --- what may stand somewhere, by what is typed before and so far ----------------------------------------------------


def columns(context: Any, _: str) -> Iterator[Completion]:
    """The columns of DATA, as its header names them."""
    data = context.params.get("data")
    first = data[0] if isinstance(data, list | tuple) else data
    path = Path(first).expanduser()
    if not path.exists():
        from nnfit.data.parts import files_of

        path = Path(files_of(str(path)).paths[0])
    return map(Completion, header(path))


def header(path: Path) -> list[str]:
    """The names of the columns of a table."""
    from nnfit.data.unpacking import Source

    with closing(Source(str(path))) as source:
        if source.columnar:
            from pyarrow.dataset import dataset

            return list(dataset(path, format="parquet" if source.kind == "parquet" else "ipc").schema.names)
        beginning = source.text.read(BEGINNING)
    text = decoded(beginning)
    cut = [next(csv.reader(text.splitlines(keepends=True), delimiter=each), []) for each in SEPARATORS]
    return max(cut, key=len)


def decoded(data: bytes) -> str:
    """The text of the beginning of a table, whose last letter may be cut."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "ignore")
    with suppress(UnicodeDecodeError):
        return data[: data.rfind(b"\n") + 1 or None].decode("utf-8-sig")
    return data.decode("cp1252", "replace")


def keys(context: Any, incomplete: str) -> Iterator[Completion]:
    """The keys of a spec, those that SPEC has in lists and by names of its own too; of one key, what it may be."""
    from nnfit.config.document import parse
    from nnfit.config.schema import json_schema

    schema, said = json_schema(), None
    spec = context.params.get("spec") or context.params.get("specs")
    with suppress(Exception):  # a spec that is not there yet, or is broken, has keys all the same
        first = spec[0] if isinstance(spec, list | tuple) else spec
        said = parse(Path(first).expanduser().read_bytes(), "").value
    found: dict[str, Any] = {}
    for path, node in dotted(schema, schema, said, ""):
        found.setdefault(f"{path}=", node)
    typed = incomplete.partition("=")[0] + "=" if "=" in incomplete else incomplete
    known = {key: node for key, node in found.items() if key.startswith(typed)}
    for key, node in known.items():
        yield Completion(key, node.get("description"))
        if len(known) == 1:
            yield from (Completion(key + value) for value in values(schema, node))


def dotted(schema: Any, node: Any, said: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Every key below a node of the schema with its own node, the document's value of the node beside it."""
    from nnfit.config.document import spelled
    from nnfit.config.messages import branches, named_branch

    listed = isinstance(said, list)
    for option in named_branch(schema, node, said) or branches(schema, node):
        if listed and "items" not in option:
            continue
        own = said if isinstance(said, dict) else {}
        below = [(key, child, own.get(key)) for key, child in option.get("properties", {}).items()]
        if isinstance(option.get("additionalProperties"), dict):
            below += [(spelled(key), option["additionalProperties"], value) for key, value in own.items()]
        if listed and isinstance(option["items"], dict):
            below += [(str(i), option["items"], value) for i, value in enumerate(said)]
        for key, child, value in below:
            if key != "name":  # an entry of a table is written as its name alone
                yield (under := f"{path}.{key}" if path else key), child
                yield from dotted(schema, child, value, under)


def values(schema: Any, node: Any) -> list[str]:
    """The words that a key takes, and its default."""
    from nnfit.config.messages import branches, names

    found = names(schema, node)
    found += ["true", "false"] if any(option.get("type") == "boolean" for option in branches(schema, node)) else []
    default = node.get("default")
    found += [str(default)] if isinstance(default, int | float | str) and not isinstance(default, bool) else []
    return list(dict.fromkeys(found))


def kinds(_: Any, __: str) -> Iterator[Completion]:
    """The kinds of picture."""
    from nnfit.report.kinds import KINDS

    return (Completion(name, kind.text) for name, kind in KINDS.items())


def models(context: Any, incomplete: str) -> Iterator[Completion]:
    """Model files; where the picture is of activations, their names."""
    if context.params.get("kind") == "activations":
        from nnfit.core.activations import ACTIVATIONS

        return map(Completion, ACTIVATIONS)
    return map(Completion, files(incomplete, (".npz",), (".checkpoint.npz",)))


def specs(_: Any, incomplete: str) -> Iterator[Completion]:
    """Spec files."""
    return map(Completion, files(incomplete, (".yaml", ".yml")))


def files(typed: str, endings: tuple[str, ...], but: tuple[str, ...] = (), deep: int = DEEP) -> list[str]:
    """The files with one of these endings that a path may go on to, and folders; of a folder alone what is in it."""
    begun = typed.rpartition("/")[2]
    folder = typed.removesuffix(begun)
    found, folders = [], []
    for entry in sorted(Path(folder).expanduser().iterdir()):
        if not entry.name.startswith(begun) or (entry.name.startswith(".") and not begun):
            continue
        if entry.is_dir():
            folders.append(f"{folder}{entry.name}/")
        elif entry.name.endswith(endings) and not entry.name.endswith(but or ("/",)):
            found.append(folder + entry.name)
    if not found and len(folders) == 1:
        return files(folders[0], endings, but, deep - 1) if deep else []
    return found + folders


ASKED: dict[str, Callable[[Any, str], Iterable[Completion]]] = {
    "COLUMN": columns,
    "KEY=VALUE": keys,
    "KIND": kinds,
    "MODEL": models,
    "SPEC": specs,
}


# --- the script of a shell -------------------------------------------------------------------------------------------


def of_shell(context: Any, parameters: Iterable[Any], words: list[str]) -> None:
    """Show or install the script of the shell that is named behind the option, and end; without a name do nothing."""
    from nnfit.errors import Place, Problem, UsageError
    from nnfit.words import listed, plain

    known = {parameter.opts[0]: parameter for parameter in parameters if parameter.name in SCRIPTS}
    for option, shell in pairwise(words):
        if not option.startswith("-") or option == "--":
            return
        if option in known and not shell.startswith("-"):
            if shell not in SHELLS:
                place = Place(plain(f"{option} {shell}"))
                raise UsageError(Problem("usage", "there is no script for this shell", f"name {listed(SHELLS)}", place))
            known[option].callback(context, known[option], shell)


# --- as a shell takes it ---------------------------------------------------------------------------------------------


def asked_of(parameters: Iterable[Any], words: list[str]) -> list[str]:
    """Have the parameters of a command complete what their metavars say; the words without an option still open.

    Click would take none of the words if the last one lacks its value.
    """
    open_options: set[str] = set()
    for parameter in parameters:
        if asked := ASKED.get((parameter.metavar or "").strip("[].")):
            parameter.shell_complete = MethodType(answer(asked), parameter)
        if parameter.param_type_name == "option" and not parameter.is_flag:
            open_options.update(parameter.opts)
    return words[:-1] if words and words[-1] in open_options else words


def answer(asked: Callable[[Any, str], Iterable[Completion]]) -> Callable[[Any, Any, str], list[Completion]]:
    """What a shell is told: what begins as typed, whole words of the shell; nothing where anything goes wrong."""

    def told(_: Any, context: Any, incomplete: str) -> list[Completion]:
        found: list[Completion] = []
        with suppress(Exception):
            fitting = (each for each in asked(context, incomplete) if each.value.startswith(incomplete))
            quote = quoting()
            found = [each._replace(value=quote(each.value)) for each in fitting if each.value.isprintable()]
        return found

    return told


def quoting() -> Callable[[str], str]:
    """How a word is written for the shell that asks: bash takes it as it comes, the others quote it themselves."""
    if not os.environ.get("_NNFIT_COMPLETE", "").endswith("_bash"):
        return str
    words = os.environ.get("COMP_WORDS", "").split("\n")
    place = int(os.environ.get("COMP_CWORD", "0"))
    begun = words[place][:1] if place < len(words) else ""
    if begun == "'":
        return lambda word: word.replace("'", "'\\''")
    special = r'(["$`\\])' if begun == '"' else r"([^\w./,:=@%+~-])"
    return lambda word: re.sub(special, r"\\\1", word)
