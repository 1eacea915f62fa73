"""--set KEY=VALUE changes one key, its value read as YAML; a mistake in it is told in the words of the option."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from nnfit.config.loader import load_spec
from nnfit.config.spec import Spec
from nnfit.core.optimizers import SGD, Adam
from nnfit.errors import SpecError

Read = Callable[..., Spec]
Refused = Callable[..., str]

TEXT = """\
data: {train: t.csv, target: y}
network:
  layers:
    - &hidden {size: 4, activation: tanh}
    - *hidden
    - {size: auto, activation: softmax}
training: {epochs: 5}
seed:
"""


def test_a_value_is_read_as_yaml(read: Read) -> None:
    text = TEXT.replace("seed:\n", "")
    assert read(text, "training.epochs=50").training.epochs == 50
    assert read(text, "training.epochs=1e3").training.epochs == 1000
    assert read(text, "data.target=[a, no]").data.target == ("a", "no")
    assert read(text, "data.train='12'").data.train == "12"
    assert read(text, "data.train=a=b.csv").data.train == "a=b.csv"
    assert read(text, "data.validation=").data.validation is None


def test_what_the_spec_leaves_out_can_be_set(read: Read) -> None:
    text = TEXT.replace("seed:\n", "").replace("training: {epochs: 5}\n", "training:\n")
    assert read(text, "training.optimizer.name=sgd").training.optimizer.name == "sgd"
    assert read(text, "training={epochs: 3}", "seed=9").seed == 9
    assert read(text, "training.epochs=1", "data.columns.x.type=numeric").data.columns["x"].type == "numeric"


@pytest.mark.parametrize("key", ["network.layers[0].size", "network.layers.0.size"])
def test_an_item_of_a_list_is_named_by_its_position(read: Read, key: str) -> None:
    layers = read(TEXT.replace("seed:\n", ""), f"{key}=7").network.layers
    assert [layer.size for layer in layers] == [7, 4, "auto"]  # the alias of the first layer is not changed with it


def test_a_column_name_with_a_dot_a_bracket_or_an_equals_sign_is_set_in_quotes(read: Read, refused: Refused) -> None:
    text = TEXT.replace("seed:\n", "")
    for name in ("a.b", "a=b", "a[0]", "x.y = 3.z"):
        assert read(text, f'data.columns."{name}".type=numeric').data.columns[name].type == "numeric"
    assert read(text, 'data.columns.a"b.type=numeric').data.columns['a"b'].type == "numeric"
    assert refused(text, 'data.columns."a.b".typ=numeric') == (
        '--set data.columns."a.b".typ=numeric: data.columns."a.b".typ: there is no such key; did you mean "type"?'
    )


def test_the_last_of_several_options_holds(read: Read) -> None:
    assert read(TEXT, "seed=1", "seed=2").seed == 2


def test_a_column_whose_name_is_a_number_can_be_set(read: Read) -> None:
    text = TEXT.replace("seed:\n", "")
    assert read(text, "data.columns.2020={type: categorical}").data.columns["2020"].type == "categorical"
    assert read(text, "data.columns.2020.type=categorical").data.columns["2020"].type == "categorical"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("epochs", "expected KEY=VALUE, as in training.epochs=50"),
        ("=3", "expected KEY=VALUE, as in training.epochs=50"),
        ("training.epochs=-1", "training.epochs: expected a whole number of at least 0, got -1"),
        ("training.epoch=3", 'training.epoch: there is no such key; did you mean "epochs"?'),
        ("sed=3", 'sed: there is no such key; did you mean "seed"?'),
        ("trainng.epochs=3", 'trainng: there is no such key; did you mean "training"?'),
        (
            "network.foo.bar=1",
            "network.foo: there is no such key; known here: input, layers, initialization, dtype, members",
        ),
        ("network.layers[3].size=1", "network.layers has 3 items, counted from 0"),
        ("network.layers[-1].size=1", "network.layers has 3 items, counted from 0"),
        ("network.layers.first.size=1", "network.layers has 3 items, counted from 0"),
        ("seed.x=1", None),
        ("training.epochs=[1", None),
        ("training.epochs=!!int 3", None),
        ("training={epochs: x}", 'training.epochs: expected a whole number of at least 0, got "x"'),
        (
            "training.average.decay=0.9",
            "training.average: the key name is missing, one of none, ema, swa; add name: none, which is the default",
        ),
    ],
)
def test_a_mistake_in_an_option_names_the_option(refused: Refused, option: str, expected: str | None) -> None:
    found = refused(TEXT.replace("seed:\n", ""), option)
    assert found.startswith(f"--set {option}")
    if expected is not None:
        assert found == f"--set {option}: {expected}"


def test_a_key_of_what_the_spec_leaves_out_is_one_of_the_default(read: Read, refused: Refused) -> None:
    text = TEXT.replace("seed:\n", "")
    assert read(text, "training.optimizer.learning_rate=0.1").training.optimizer == Adam(learning_rate=0.1)
    both = read(text, "training.optimizer.learning_rate=0.1", "training.optimizer.name=sgd")
    assert both.training.optimizer == SGD(learning_rate=0.1)
    assert read(text, "training.optimizer={beta1: 0.5}").training.optimizer == Adam(beta1=0.5)
    assert "name is missing" in refused(text, "training.optimizer.momentum=0.9")
    named = text.replace("training: {", "training: {optimizer: sgd, ")
    assert read(named, "training.optimizer.momentum=0.9").training.optimizer == SGD(momentum=0.9)


@pytest.mark.parametrize(
    ("key", "odd"),
    [
        ("network.layers[0.size", "[0.size"),
        ("network.layers0].size", "].size"),
        ("network.layers[0]size", "[0]size"),
        ("network.layers[0]]", "[0]]"),
        ("network.layers[[0]]", "[[0]]"),
        ("network.layers[]", "[]"),
        ("network.layers.[0].size", ".[0].size"),
        ("network..layers", "..layers"),
        (".network", ".network"),
        ("training.epochs.", "."),
    ],
)
def test_a_key_that_is_not_well_formed_is_refused_with_what_is_odd_in_it(refused: Refused, key: str, odd: str) -> None:
    assert refused(TEXT, f"{key}=3") == (
        f'--set {key}=3: "{key}" is no key: "{odd}" cannot stand there; write it as network.layers[0].size; a name '
        "with a dot, a bracket or = goes in quotes"
    )


@pytest.mark.parametrize("position", ["9" * 5000, "٠", "०", "０", "0x0", "+0", "0_0", "1e0", " 0"])
@pytest.mark.parametrize("form", [".{}.", "[{}]."])
def test_a_position_is_a_few_digits_of_ascii(refused: Refused, position: str, form: str) -> None:
    found = refused(TEXT, f"network.layers{form.format(position)}size=3")
    assert found.endswith("network.layers has 3 items, counted from 0")
    assert len(found) < 300


def test_a_name_with_a_closing_bracket_goes_in_quotes(read: Read) -> None:
    assert read(TEXT.replace("seed:\n", ""), 'data.columns."a]".type=numeric').data.columns["a]"].type == "numeric"


def test_what_an_override_from_python_nests_too_deeply_is_told_with_its_place() -> None:
    deep: dict[str, object] = {}
    for _ in range(2000):
        deep = {"a": deep}
    spec = {"data": {"train": "t.csv", "target": "y"}, "network": {"layers": []}}
    with pytest.raises(
        SpecError, match=r"^overrides: training\.optimizer(\.a)+: nesting deeper than 16 levels is refused"
    ):
        load_spec(spec, {"training.optimizer": deep})
    with pytest.raises(SpecError, match=r"^data(\.a)+: nesting deeper than 16 levels is refused"):
        load_spec({"data": deep})


def test_a_mistake_is_blamed_on_the_option_that_wrote_it(refused: Refused) -> None:
    text = TEXT.replace("seed:\n", "")
    found = refused(text, "training.epochs=5", "training={epochs: -1}")
    assert found == ("--set training={epochs: -1}: training.epochs: expected a whole number of at least 0, got -1")


def test_a_contradiction_with_an_option_names_the_option(refused: Refused) -> None:
    found = refused(TEXT.replace("seed:\n", ""), "network.layers[2].activation=logistic", "loss=CE")
    assert found.startswith("--set loss=CE: loss: cross_entropy cannot follow logistic")


def test_mistakes_of_the_file_keep_their_place_beside_options(refused: Refused) -> None:
    assert refused(TEXT, "training.epochs=3") == "spec.yaml:8:1: seed: expected a whole number of at least 0, got null"
