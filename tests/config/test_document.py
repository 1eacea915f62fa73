"""YAML is read as it is written: the scalars of the 1.2 core schema, places, and limits that keep input harmless."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnfit.config.document import MAX_BYTES, MAX_DEPTH, Document, parse
from nnfit.errors import SpecError


def value(text: str) -> object:
    return parse(text.encode(), "spec.yaml").value


def message(data: str | bytes) -> str:
    with pytest.raises(SpecError) as caught:
        parse(data.encode() if isinstance(data, str) else data, "spec.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("1E+3", 1000.0),
        ("+.5", 0.5),
        ("-.5e1", -5.0),
        ("5.", 5.0),
        ("0.1", 0.1),
        ("12", 12),
        ("+7", 7),
        ("-0", 0),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("Null", None),
    ],
)
def test_numbers_and_words_of_yaml_1_2_have_their_values(text: str, expected: object) -> None:
    found = value(f"key: {text}")["key"]
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("no", "No", "NO", "yes", "on", "off", "y", "n", "tRue", "nULL"),
        *("12:30", "1:2:3", "2024-01-01", "2024-01-01T10:00:00Z", "1_000", "0b101", "1e", "e5", ".", "+", "1.2.3"),
        *("nan", "inf", "=", "0x", "0o9", "１２"),
    ],
)
def test_what_yaml_1_2_does_not_read_as_a_number_or_a_word_stays_text(text: str) -> None:
    assert value(f"key: {text}") == {"key": text}


@pytest.mark.parametrize("written", ['"{}"', "'{}'", "|-\n  {}", "! {}"])
@pytest.mark.parametrize("text", ["12", "1e3", "true", "null", ".nan", "010"])
def test_what_is_quoted_is_text(written: str, text: str) -> None:
    assert value("key: " + written.format(text)) == {"key": text}


def test_an_absent_value_and_an_empty_file_are_nothing() -> None:
    assert value("key:") == {"key": None}
    assert value("") is None
    assert value("# a comment\n") is None


def test_a_byte_order_mark_and_a_document_start_are_allowed() -> None:
    assert parse(b"\xef\xbb\xbf---\nkey: \xc3\xa9\n...\n", "spec.yaml").value == {"key": "é"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", '3:1: the key "a" is given twice, first in line 1'),
        ("a: {b: 1, c: 2, b: 3}", '1:17: the key "b" is given twice, first in line 1'),
        ("1: a", "1:1: a key must be text, not 1; put it in quotes"),
        ("a:\n  true: x", "2:3: a key must be text, not true; put it in quotes"),
        ("null: x", "1:1: a key must be text, not null; put it in quotes"),
        ("[a]: x", "1:1: a key must be text, not a list, a mapping or an alias; write a name"),
        ("? {a: b}\n: x", "1:3: a key must be text, not a list, a mapping or an alias; write a name"),
        ("a: !!int 3", "1:4: the tag !!int is refused; write the value alone"),
        (
            "a: !!python/object/apply:os.system [x]",
            "1:4: the tag !!python/object/apply:os.system is refused; write the value alone",
        ),
        ("a: !mine {}", "1:4: the tag !mine is refused; write the value alone"),
        ("a: {<<: {b: 1}}", "1:5: merge keys (<<) are not part of YAML 1.2; write the keys out"),
        ("a: &x {b: 1}\nc:\n  <<: *x", "3:3: merge keys (<<) are not part of YAML 1.2; write the keys out"),
        ("a: .inf", "1:4: .inf is not a finite number; put it in quotes if it is text"),
        ("a: [1, -.INF]", "1:8: -.INF is not a finite number; put it in quotes if it is text"),
        ("a: .NaN", "1:4: .NaN is not a finite number; put it in quotes if it is text"),
        ("a: 1e999", "1:4: 1e999 is not a finite number; put it in quotes if it is text"),
        ("a: " + "9" * 401, "1:4: a number of more than 400 digits is refused; put it in quotes if it is text"),
        ("a: *b", "1:4: the alias *b has no anchor &b before it"),
        ("a: &b [*b]", "1:8: the alias *b has no anchor &b before it"),
        *(
            (text, f"{place}: the anchor &n is given twice, first in line 1; give each node an anchor of its own")
            for text, place in (
                ("a: &n 4\nb: &n 8\nc: *n", "2:4"),
                ("a: &n 4\nb: &n 4", "2:4"),
                ("a: &n {b: &n 8}\nc: *n", "1:11"),
                ("a: &x {b: &n 8}\nc: *x\nd: &n 4\ne: *x", "3:4"),
                ("&n a: 1\nb: &n 2", "2:4"),
                ("a: &n 1\n&n b: 2", "2:1"),
            )
        ),
        ("a: 1\n---\nb: 2", "2:1: a spec is one YAML document; remove what follows ---"),
        (
            "a: [1, 2",
            "2:1: not valid YAML: did not find expected ',' or ']', "
            "while parsing a flow sequence that begins in line 1",
        ),
        (
            "a: 1\n b: 2",
            '2:3: not valid YAML: mapping values are not allowed in this context; put text that holds ": " in quotes',
        ),
        ('a: "x', "1:6: not valid YAML: found unexpected end of stream"),
        ("a: @x", "1:4: not valid YAML: found character that cannot start any token"),
    ],
)
def test_what_is_ambiguous_or_broken_is_refused_with_its_place(text: str, expected: str) -> None:
    assert message(text) == f"spec.yaml:{expected}"


@pytest.mark.parametrize("text", ["a:\n\tb: 1", "a: 1\n\tb: 2"])
def test_a_tab_as_indentation_is_refused_with_the_remedy(text: str) -> None:
    assert message(text).startswith("spec.yaml:2:1: not valid YAML: ")
    assert message(text).endswith("; indent with spaces, not tabs")


def test_only_utf_8_is_read() -> None:
    assert message("key: é".encode("latin-1")) == (
        "spec.yaml:1: not UTF-8 text: the byte 0xe9 at offset 5; save the file as UTF-8"
    )
    assert message("key: 1".encode("utf-16")) == (
        "spec.yaml:1: not UTF-8 text: the byte 0xff at offset 0; save the file as UTF-8"
    )


def test_control_characters_are_refused() -> None:
    assert message("b: 1\na: x\x00") == (
        "spec.yaml:2:5: the control character '\\x00' is not allowed in YAML; remove it"
    )


def test_a_file_of_64_kib_is_read_and_one_byte_more_is_refused() -> None:
    text = "key: 1 #".ljust(MAX_BYTES, "x")
    assert value(text) == {"key": 1}
    assert message(text + "x") == "spec.yaml: a spec of more than 64 KiB is refused; is this a spec?"


def test_nesting_is_read_to_a_depth_of_16_and_no_deeper() -> None:
    deep: object = parse(("[" * MAX_DEPTH + "]" * MAX_DEPTH).encode(), "spec.yaml").value
    for _ in range(MAX_DEPTH - 1):
        assert isinstance(deep, list)
        deep = deep[0]
    assert deep == []
    assert (
        message("[" * 17 + "]" * 17)
        == "spec.yaml:1:17: nesting deeper than 16 levels is refused; no key of a spec lies that deep"
    )
    assert (
        message("[" * 30_000)
        == "spec.yaml:1:17: nesting deeper than 16 levels is refused; no key of a spec lies that deep"
    )


def test_nesting_is_counted_through_aliases() -> None:
    anchor = "a: &a " + "[" * 8 + "]" * 8 + "\n"
    assert value(anchor + "b: [*a]\n")["b"] == [[[[[[[[[]]]]]]]]]
    assert (
        message(anchor + "b: " + "[" * 8 + "*a" + "]" * 8)
        == "spec.yaml:1:14: nesting deeper than 16 levels is refused; no key of a spec lies that deep"
    )


def test_an_alias_bomb_is_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 14)]
    start = time.perf_counter()
    assert (
        message("\n".join(lines))
        == "spec.yaml:1:34: more than 20,000 values, aliases followed, are refused; write fewer"
    )
    assert time.perf_counter() - start < 1


def test_an_alias_is_the_anchored_value_read_anew() -> None:
    document = parse(b"a: &x {b: &y [1, 2]}\nc: *x\nd: [*x, &z 5, *z, *y]\n&k e: *k\n", "spec.yaml")
    assert document.value == {
        "a": {"b": [1, 2]},
        "c": {"b": [1, 2]},
        "d": [{"b": [1, 2]}, 5, 5, [1, 2]],
        "e": "e",
    }
    assert document.value["a"] is not document.value["c"]
    assert document.value["a"]["b"] is not document.value["c"]["b"]


def test_every_key_and_item_has_its_place() -> None:
    places = parse(b"a:\n  b: [1,\n      {c: 2}]\nd: &x {e: 3}\nf: *x\n", "spec.yaml").places
    assert places[("a",)] == (1, 1)
    assert places[("a", "b")] == (2, 3)
    assert places[("a", "b", 0)] == (2, 7)
    assert places[("a", "b", 1)] == (3, 7)
    assert places[("a", "b", 1, "c")] == (3, 8)
    assert places[("f",)] == (5, 1)
    assert places[("f", "e")] == (4, 8)


def test_a_problem_stands_at_the_nearest_place_that_was_written() -> None:
    document = parse(b"a:\n  b: [{c: 1}]\n", "spec.yaml")
    assert str(document.problem(("a", "b", 0, "c"), "code", "wrong")) == "spec.yaml:2:8: a.b[0].c: wrong"
    assert str(document.problem(("a", "b", 0, "x", "y"), "code", "wrong")) == "spec.yaml:2:7: a.b[0].x.y: wrong"
    assert str(document.problem((), "code", "wrong")) == "spec.yaml:1:1: wrong"


YAML = st.text(st.sampled_from(list("ab01.-+:,?![]{}&*|>#'\"%@ \n\t\r~<=\x00é\ufeff")), max_size=40)


@given(st.binary(max_size=60) | YAML.map(str.encode) | YAML.map(lambda text: text.encode("utf-16")))
def test_any_bytes_are_a_document_or_one_spec_error(data: bytes) -> None:
    try:
        document = parse(data, "spec.yaml")
    except SpecError as error:
        assert len(error.problems) == 1
        assert str(error).startswith("spec.yaml:")
    else:
        assert isinstance(document, Document)
