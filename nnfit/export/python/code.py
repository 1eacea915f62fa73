"""Writing Python: values as code, calls and lists in one line or several, functions, and what cannot be said."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, NoReturn

from nnfit.errors import Problem, UsageError

WIDTH = 116  # letters of a line


class Code(str):
    """A text that is code already."""


def written(value: Any) -> str:
    """A value as code."""
    return value if isinstance(value, Code) else repr(value)


def call(start: str, *values: Any) -> str:
    """A call with some values, over several lines where they do not fit in one."""
    parts = [written(value) for value in values]
    line = f"{start}{', '.join(parts)})"
    if len(line) <= WIDTH:
        return line
    lines = [start.rstrip()]
    for value, part in zip(values, parts, strict=True):
        lines.append((listed("    ", value) if isinstance(value, list) else f"    {part}") + ",")
    return "\n".join([*lines, ")"])


def function(head: str, said: str, *lines: str) -> str:
    """A function with its first line of documentation."""
    body = textwrap.indent("\n".join([f'"""{said}"""', *lines]), "    ")
    return f"def {head}:\n{body}\n"


def filled(piece: str, **words: str) -> str:
    """A text with some words in place of their names in braces; other braces are left alone."""
    for name, word in words.items():
        piece = piece.replace(f"{{{name}}}", word)
    return piece


def refuse(what: str) -> NoReturn:
    """A UsageError for something that this file cannot say."""
    message = f"{what} has no form in a Python file"
    raise UsageError(Problem("no-python-form", message, "export the model as ONNX: -o FILE.onnx"))


def assigned(name: str, values: Sequence[Any]) -> str:
    """A constant list."""
    return f"{name} = {listed('', values).lstrip()}"


def listed(indent: str, values: Sequence[Any]) -> str:
    """A list in one line, or in as many as it needs."""
    parts = [written(value) for value in values]
    line = f"{indent}[{', '.join(parts)}]"
    if len(line) <= WIDTH:
        return line
    lines = [f"{indent}["]
    current = ""
    for part in parts:
        if current and len(indent) + 5 + len(current) + len(part) > WIDTH:
            lines.append(f"{indent}    {current.rstrip()}")
            current = ""
        current += f"{part}, "
    return "\n".join([*lines, f"{indent}    {current.rstrip()}", f"{indent}]"])
