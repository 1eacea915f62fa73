"""`nnfit schema`: the JSON Schema of the spec, for editors."""

from __future__ import annotations

from typing import Annotated

import typer

from nnfit.cli.outputs import json_of


def schema(sweep: Annotated[bool, typer.Option("--sweep", help="That of a sweep file.")] = False) -> None:
    """Print the JSON Schema (draft 2020-12) of the spec, or of a sweep, with which editors complete and check it.

    A spec names it in its first line: # yaml-language-server: $schema=FILE. nnfit init writes that line, and the schema
    into .nnfit.schema.json beside the spec; this command makes it anew for a newer nnfit.
    """
    from nnfit.config.schema import file_schema
    from nnfit.sweeps.keys import json_schema

    print(json_of(json_schema() if sweep else file_schema()))
