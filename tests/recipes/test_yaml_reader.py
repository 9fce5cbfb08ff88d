"""YAML 1.2 text → nodes with places, and every text and file that is refused."""

import math
import os
from pathlib import Path

import pytest

from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.recipes import yaml_reader
from dcgan_kit.recipes.recipe_file import MAX_BYTES, read_file
from dcgan_kit.recipes.yaml_reader import read_text, read_value

# https://yaml.org/spec/1.2.2/#1032-tag-resolution
CORE_SCHEMA = {
    "null": None,
    "Null": None,
    "NULL": None,
    "~": None,
    "nULL": "nULL",
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "tRue": "tRue",
    "yes": "yes",
    "no": "no",
    "on": "on",
    "off": "off",
    "Y": "Y",
    "0": 0,
    "-19": -19,
    "+12": 12,
    "010": 10,
    "0o14": 12,
    "0o17": 15,
    "0o8": "0o8",
    "-0o7": "-0o7",
    "0x3A": 58,
    "0x1F": 31,
    "0xg": "0xg",
    "0b11": "0b11",
    "1_000": "1_000",
    "12:30": "12:30",
    "1:2:3": "1:2:3",
    "0.": 0.0,
    "-0.0": -0.0,
    ".5": 0.5,
    "+.5": 0.5,
    "12e03": 12000.0,
    "-2E+05": -200000.0,
    "1e-4": 1e-4,
    "1E5": 1e5,
    "1.e5": 1e5,
    ".5e1": 5.0,
    ".": ".",
    "e5": "e5",
    "1e": "1e",
    "1.2.3": "1.2.3",
    ".inf": math.inf,
    "-.Inf": -math.inf,
    "+.INF": math.inf,
    ".iNF": ".iNF",
    "inf": "inf",
    "-.nan": "-.nan",
    "nan": "nan",
    "2024-05-01": "2024-05-01",
    "=": "=",
    "'no'": "no",
    '"1e-4"': "1e-4",
    "'null'": "null",
    '""': "",
    "٣": "٣",
    "１": "１",
}


@pytest.mark.parametrize("text", CORE_SCHEMA)
def test_plain_scalars_follow_the_core_schema(text):
    value = read_value(text, "s").value
    assert value == CORE_SCHEMA[text]
    assert type(value) is type(CORE_SCHEMA[text])


@pytest.mark.parametrize("text", [".nan", ".NaN", ".NAN"])
def test_not_a_number(text):
    assert math.isnan(read_value(text, "s").value)


def test_characters_that_json_writes_as_two_escapes():
    assert read_text('a: "\\ud83d\\ude42"', "s").data() == {"a": "🙂"}


def test_an_empty_value_is_null():
    assert read_text("a:\nb: 1", "s").data() == {"a": None, "b": 1}


def test_block_scalars_are_text():
    assert read_text("a: |\n  1\nb: >-\n  no\n", "s").data() == {"a": "1\n", "b": "no"}


def test_keys_are_text_whatever_they_look_like():
    assert list(read_text("1: a\nno: b\n1e-4: c\nnull: d\n", "s").data()) == ["1", "no", "1e-4", "null"]


def test_places_of_keys_and_values():
    node = read_text("# head\na:\n  - x: 1\n    y: {z: [7, 'q']}\n", "file.yaml")
    z = node.locate(("a", 0, "y", "z"))
    assert str(z.key_mark) == "file.yaml:4:9"
    assert str(z.mark) == "file.yaml:4:12"
    assert str(node.locate(("a", 0, "y", "z", 1)).mark) == "file.yaml:4:16"
    assert node.locate(("a", 0, "y", "z", 1)).key_mark is None
    assert str(node.locate(("a", 0, "absent", "z")).place) == "file.yaml:3:5"


def test_places_after_wide_characters_and_crlf_and_a_byte_order_mark(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_bytes(b"\xef\xbb\xbf" + "a: 'é漢🙂'\r\nb: {c: 3}\r\n".encode())
    node = read_file(file, "r")
    assert node.data() == {"a": "é漢🙂", "b": {"c": 3}}
    assert str(node.locate(("a",)).place) == "r:1:1"
    assert str(node.locate(("b", "c")).mark) == "r:2:8"


def test_a_value_may_stand_anywhere_in_its_source():
    node = read_value("{a: [1, 2]}", "override", line=3, column=10)
    assert str(node.locate(("a", 1)).mark) == "override:3:18"
    with pytest.raises(RecipeError, match=r"^override:3:13: .*U\+0007"):
        read_value("ab \a", "override", line=3, column=10)
    with pytest.raises(RecipeError, match=r"^override:3:10: not YAML: this '\['"):
        read_value("[1, 2", "override", line=3, column=10)


def test_aliases_repeat_what_their_anchor_names():
    node = read_text("a: &x {k: [1]}\nb: *x\nc: [*x, *x]\n", "s")
    assert node.data() == {"a": {"k": (1,)}, "b": {"k": (1,)}, "c": ({"k": (1,)}, {"k": (1,)})}
    assert str(node.locate(("b",)).key_mark) == "s:2:1"
    assert str(node.locate(("b", "k")).place) == "s:1:8", "what is wrong with it is to be mended at the anchor"


def test_an_anchor_may_be_set_again():
    assert read_text("a: &x 1\nb: *x\nc: &x 2\nd: *x\n", "s").data() == {"a": 1, "b": 1, "c": 2, "d": 2}


def test_the_limits_are_not_met_too_early():
    depth = yaml_reader.MAX_DEPTH - 1
    assert read_text(f"a: {'[' * depth}{']' * depth}", "s")
    assert len(read_text(f"a: [{'1,' * (yaml_reader.MAX_NODES - 10)}]", "s").data()["a"]) == yaml_reader.MAX_NODES - 10
    assert read_text(f"a: {'9' * yaml_reader.MAX_DIGITS}", "s").data()["a"] == 10**yaml_reader.MAX_DIGITS - 1
    with pytest.raises(RecipeError, match=r"nested more than 50 deep"):
        read_text(f"a: {'[' * (depth + 1)}{']' * (depth + 1)}", "s")
    with pytest.raises(RecipeError, match=r"more than 20000 values"):
        read_text(f"a: [{'1,' * yaml_reader.MAX_NODES}]", "s")


@pytest.mark.parametrize("digits", ["9" * 100_000, "0x" + "f" * 5000, "0o" + "7" * 5000, "-" + "1" * 4301])
def test_a_huge_whole_number_is_refused_and_does_not_hide_the_rest(digits):
    with pytest.raises(RecipeError) as caught:
        read_text(f"a: {digits}\nb: 1\nb: 2\n", "s")
    number, twice = map(str, caught.value.problems)
    assert number == f"s:1:4: a: a whole number has at most 200 digits (given: {len(digits)})"
    assert twice == "s:3:1: b: is given twice; first at 2:1"


def test_a_whole_number_that_is_allowed_fits_into_a_float():
    for text in ("9" * yaml_reader.MAX_DIGITS, "0x" + "f" * (yaml_reader.MAX_DIGITS - 2)):
        assert math.isfinite(float(read_value(text, "s").value))


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("", "s:1:1: the recipe is empty"),
        ("# only a comment\n", "s:1:1: the recipe is empty"),
        ("---\n", "s:1:1: the recipe is empty"),
        ("- a\n", "s:1:1: must be a mapping of keys to values"),
        ("a: 1\nb: \x00", "s:2:4: character U+0000 is not allowed in YAML"),
        ("a: 1\r\nb: x\x07", "s:2:5: character U+0007 is not allowed in YAML"),
        ("a: \udc80", "s:1:4: character U+DC80 is not allowed in YAML"),
        ('a: "\\uD83D\\uD83D"', "s:1:4: a: \\ud83d is half a character"),
        ('"\\uDE42": 1', "s:1:1: \\ude42 is half a character"),
        ('a: "\\x"', "s:1:7: not YAML: in double quotes a backslash begins an escape; double it, or use single quotes"),
        ("a: \"\\U00110000\"", "s:1:2: not YAML: an escape or a version after this place is too large a number"),
        ("%YAML 1." + "1" * 5000 + "\n---\na: 1", "s:1:1: not YAML: an escape or a version after this place is too large a number"),
        ("[*a]", "s:1:2: 0: alias *a has no anchor &a before it"),
        ("!!map {a: 1}", "s:1:1: tags are not allowed in a recipe (given: '!!map')"),
        ("! a: 1", "s:1:1: tags are not allowed in a recipe (given: '!')"),
    ],
)  # fmt: skip
def test_texts_that_are_no_recipe(text, reported):
    with pytest.raises(RecipeError) as caught:
        read_text(text, "s")
    assert str(caught.value.problems[0]) == reported


def test_a_tag_is_never_acted_upon(tmp_path):
    witness = tmp_path / "witness"
    with pytest.raises(RecipeError, match=r"tags are not allowed"):
        read_text(f"a: !!python/object/apply:pathlib.Path.touch ['{witness}']", "s")
    assert not witness.exists()


def test_what_could_be_read_comes_with_problems_that_leave_it_understandable():
    with pytest.raises(yaml_reader.PartlyUnderstood) as caught:
        read_text("a: 1\na: 2\nb: !t [3]\nc: *d\n<<: 4\n", "s")
    assert caught.value.node.data() == {"a": 1, "b": (3,), "c": None}
    assert [problem.mark.line for problem in caught.value.problems] == [2, 3, 4, 5]


def test_a_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"r.yaml: there is no such file$"):
        read_file(tmp_path / "r.yaml")


def test_a_folder(tmp_path):
    with pytest.raises(UserError, match=r"is a folder, not a recipe file$"):
        read_file(tmp_path)


def test_a_path_through_a_file(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(UserError, match=r"cannot be read: Not a directory$"):
        read_file(tmp_path / "a" / "r.yaml")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file(tmp_path):
    file = tmp_path / "r.yaml"
    file.touch(mode=0o000)
    with pytest.raises(UserError, match=r"cannot be read: Permission denied$"):
        read_file(file)


def test_a_file_that_fails_while_it_is_read():
    with pytest.raises(UserError, match=r"^/proc/self/mem: "):
        read_file(Path("/proc/self/mem"))


def test_a_binary_file(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_bytes(b"a: 1\n\x89PNG\r\n\x1a\n")
    with pytest.raises(UserError, match=r"is not UTF-8 text \(byte 5 is 0x89\)$"):
        read_file(file)


def test_utf_16_is_not_utf_8(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("a: 1", encoding="utf-16")
    with pytest.raises(UserError, match=r"is not UTF-8 text \(byte 0 is 0xff\)$"):
        read_file(file)


def test_a_file_that_is_too_large(tmp_path):
    file = tmp_path / "r.yaml"
    file.write_text("a: 1\n" + "#" * MAX_BYTES)
    with pytest.raises(UserError, match=r"is larger than 1000000 bytes"):
        read_file(file)


def test_an_endless_file_is_not_read_to_its_end():
    with pytest.raises(UserError, match=r"cannot be read: is not a regular file"):
        read_file(Path("/dev/zero"))
