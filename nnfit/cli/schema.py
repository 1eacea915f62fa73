"""`nnfit schema`: the JSON Schema of the spec, for editors."""

from __future__ import annotations

from nnfit.cli.outputs import json_of


def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of the spec, with which editors complete and check it.

    A spec names it in its first line: # yaml-language-server: $schema=FILE. nnfit init writes that line, and the schema
    into .nnfit.schema.json beside the spec; this command makes it anew for a newer nnfit.
    """
    from nnfit.config.schema import file_schema

    print(json_of(file_schema()))
