"""The JSON Schema of the spec, and its reference page, both made from the schema's declarations.

`python -m nnfit.config.reference FOLDER` writes them (make docs).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from nnfit.config.check import resolved
from nnfit.config.messages import branches, words
from nnfit.config.schema import ANCHORS, EXTENDS, OF_FILE, file_schema, json_schema
from nnfit.storage import files

Schema = dict[str, Any]

HEAD = """# The spec

Every key of a spec, made from the schema that checks it (`make docs`). A key without a default must be given, here or
in a parent: [sharing.md](sharing.md) tells how specs share what they have in common. Paths are relative to the folder
of the file in which they stand. `nnfit schema` prints the same as JSON Schema; `nnfit inspect` shows the spec of a
model with all its defaults filled in, and with what it inherited.
"""


def page() -> str:
    """The reference in Markdown: one table per mapping."""
    schema = json_schema()
    keys = {EXTENDS: OF_FILE[EXTENDS], **schema["properties"], f"{ANCHORS}NAME": OF_FILE[ANCHORS]}
    return HEAD + "\n".join(sections(schema, schema | {"properties": keys}, ""))


def sections(schema: Schema, node: Schema, path: str) -> list[str]:
    """The table of a mapping's keys, and then those of the mappings inside."""
    rows, inside = [], []
    for name, child in node["properties"].items():
        default = f"`{json.dumps(child['default'], ensure_ascii=False)}`" if "default" in child else ""
        default = "nothing" if not default and name not in node.get("required", []) else default
        rows.append(f"| `{name}` | {cell(words(schema, child))} | {default} | {cell(child.get('description', ''))} |")
        inside += mappings(schema, child, f"{path}.{name}" if path else name)
    heading = f"\n## {path}\n" if path else "\n## The spec\n"
    table = [heading, "| key | value | default | meaning |", "|---|---|---|---|", *rows]
    return table + [line for where, mapping in inside for line in sections(schema, mapping, where)]


def mappings(schema: Schema, node: Schema, path: str) -> list[tuple[str, Schema]]:
    """The mappings that a key may hold, by itself, in a list, or under names of the user's."""
    found = []
    for option in branches(schema, node):
        if "properties" in option:
            name = resolved(schema, option["properties"].get("name", {}))
            known = name.get("const", (name.get("enum") or [None])[0])
            # Entries that are nothing but a name need no table.
            if known is None or len(option["properties"]) > 1:
                found.append((f"{path}: {known}" if known else path, option))
        elif isinstance(option.get("items"), dict) and "properties" in resolved(schema, option["items"]):
            found.append((f"{path}[]", resolved(schema, option["items"])))
        elif "properties" in resolved(schema, option.get("additionalProperties") or {}):
            found.append((f"{path}.NAME", resolved(schema, option["additionalProperties"])))
    return found


def cell(text: str) -> str:
    """Text in a cell of a table."""
    return text.replace("|", "\\|")


def main(folder: Path) -> None:
    """Write the schema and the page."""
    schema = json.dumps(file_schema(), ensure_ascii=False, indent=2) + "\n"
    files.write((folder / "spec.schema.json", schema.encode()), (folder / "spec.md", f"{page()}\n".encode()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
