"""The JSON Schema and the reference page say what the schema checks, and are up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from nnfit.config.reference import page
from nnfit.config.schema import file_schema
from nnfit.core.activations import ACTIVATIONS
from nnfit.core.initialization import INITIALIZATIONS
from nnfit.core.losses import LOSSES
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.data.scales import SCALES

ROOT = Path(__file__).parent.parent.parent
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = file_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_schema_says_its_draft() -> None:
    assert file_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_files_in_docs_are_up_to_date() -> None:
    remedy = "run make docs"
    assert json.loads((ROOT / "docs/spec.schema.json").read_text("utf-8")) == file_schema(), remedy
    assert (ROOT / "docs/spec.md").read_text("utf-8") == page() + "\n", remedy


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_shipped_spec_names_the_schema_and_is_valid_by_it(path: Path, validator: Any) -> None:
    text = path.read_text("utf-8")
    assert text.startswith("# yaml-language-server: $schema=../docs/spec.schema.json\n")
    validator.validate(yaml.safe_load(text))


def base() -> dict[str, Any]:
    return {"data": {"train": "t.csv", "target": "y"}, "network": {"layers": [{"size": 1, "activation": "linear"}]}}


@pytest.mark.parametrize(
    "layer",
    [
        {"size": 2, "activation": "sigmoid"},
        {"size": 2, "activation": {"name": "identity", "k": 2}},
        {"size": 2, "activation": [{"name": "ReLU", "size": 1}, {"name": "tanh", "size": 1}]},
        {"size": "auto", "activation": "softmax"},
    ],
)
def test_the_schema_accepts_what_nnfit_accepts(layer: dict[str, Any], validator: Any) -> None:
    spec = base()
    spec["network"]["layers"] = [layer]
    validator.validate(spec)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("training", "epochs"), -1),
        (("training", "optimizer"), {"name": "adam", "learning_rate": 0}),
        (("training", "optimizer"), "adamm"),
        (("network", "dtype"), "float16"),
        (("data", "test"), 1.5),
        (("data", "tset"), 0.5),
        (("loss",), "hinge"),
    ],
)
def test_the_schema_refuses_what_nnfit_refuses(path: tuple[str, ...], value: object, validator: Any) -> None:
    spec = base()
    place: dict[str, Any] = spec
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value
    assert not validator.is_valid(spec)


@pytest.mark.parametrize("name", [*ACTIVATIONS, *LOSSES, *OPTIMIZERS, *INITIALIZATIONS, *SCALES])
def test_every_entry_of_every_table_is_on_the_page(name: str) -> None:
    assert name in page()
