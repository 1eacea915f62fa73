"""`nnfit schema`: the JSON Schema of the spec, for editors."""

from __future__ import annotations

from nnfit.cli.outputs import json_of


def schema() -> None:
    """Print the JSON Schema (draft 2020-12) of the spec, with which editors complete and check it.

    A spec names it in its first line: # yaml-language-server: $schema=FILE
    """
    from nnfit.config.schema import file_schema

    print(json_of(file_schema()))
