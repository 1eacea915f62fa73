"""What every entry of a table promises: its name, its defaults, and that it is a value."""

import copy
import math
import pickle
from dataclasses import FrozenInstanceError, fields, replace

import pytest
from builders import group, network

from nnfit.core.activations import ACTIVATIONS
from nnfit.core.averaging import AVERAGES
from nnfit.core.initialization import INITIALIZATIONS
from nnfit.core.optimizers import OPTIMIZERS
from nnfit.core.schedules import SCHEDULES

TABLES = (ACTIVATIONS, INITIALIZATIONS, OPTIMIZERS, SCHEDULES, AVERAGES)

every_entry = pytest.mark.parametrize(
    ("key", "entry"), [pytest.param(*item, id=f"{item[1].__module__}-{item[0]}") for t in TABLES for item in t.items()]
)


def settable(entry):
    """The fields of an entry that a user may set."""
    return [field for field in fields(entry) if field.init]


@every_entry
def test_the_key_of_an_entry_is_its_name_and_nobody_sets_it(key, entry):
    assert entry.name == entry().name == key
    with pytest.raises(TypeError, match="name"):
        entry(name=key)


@every_entry
def test_an_entry_never_changes(key, entry):
    one = entry()
    for field in fields(entry):
        with pytest.raises(FrozenInstanceError):
            setattr(one, field.name, getattr(one, field.name))


@every_entry
def test_entries_are_equal_if_all_their_parameters_are(key, entry):
    assert entry() == entry()
    assert hash(entry()) == hash(entry())
    for field in settable(entry):
        other = replace(entry(), **{field.name: "another" if isinstance(field.default, str) else field.default + 1})
        assert other != entry()
        assert other == replace(other)


@every_entry
def test_an_entry_survives_pickle_and_copy(key, entry):
    one = entry(**{field.name: field.default * 2 for field in settable(entry) if isinstance(field.default, float)})
    assert pickle.loads(pickle.dumps(one)) == copy.deepcopy(one) == one


@every_entry
def test_parameters_are_given_by_name(key, entry):
    with pytest.raises(TypeError, match="positional"):
        entry(1)


@every_entry
def test_every_parameter_has_a_text_and_a_default_within_its_bounds(key, entry):
    for field in settable(entry):
        parameter = field.metadata["parameter"]
        assert parameter.text
        if isinstance(field.default, str):
            continue
        value = float(field.default)
        assert math.isfinite(value)
        assert parameter.above is None or value > parameter.above
        assert parameter.least is None or value >= parameter.least
        assert parameter.below is None or value < parameter.below
        assert parameter.most is None or value <= parameter.most


def test_entries_of_different_tables_are_never_equal():
    assert SCHEDULES["step"]() != ACTIVATIONS["step"]()
    assert SCHEDULES["linear"]() != ACTIVATIONS["linear"]()


def test_a_network_is_a_value_too():
    def made(k):
        layer = (group(2, "leaky_relu", k=k), group(1, "tanh"))
        return network(3, layer, group(1, "linear"), loss="mse")

    assert made(0.1) == made(0.1) == pickle.loads(pickle.dumps(made(0.1)))
    assert len({made(0.1), made(0.1), made(0.2)}) == 2
