"""What holds for every data, every text and every override."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes.extends import merged
from dcgan_kit.recipes.overrides import overridden
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.yaml_reader import read_text, read_value
from dcgan_kit.recipes.yaml_scalars import resolved
from dcgan_kit.recipes.yaml_writer import as_yaml

TRICKY = st.sampled_from(
    ["no", "yes", "on", "1e-4", "~", "null", "", "0x1F", "0o17", "12:30", "1_000", ".5", ".inf", "-.inf", ".nan", "true",
     "a: b", "- a", "#", " a", "a ", "a\nb", "\n", "a\n\n  b\n", "'", '"', "\\", "é", "漢字", "🙂", "\u2028", "\x85", "\ufeff",
     "|", ">", "%", "@", "`", "&a", "*a", "!t", "?", "? a", ":", "---", "...", "--- a", ",", "[", "{}", "\t", "\r", "\x07"]
)  # fmt: skip
# NUL and control characters other than tab and line ends can be written as escapes only; the writer must see to that.
TEXT = TRICKY | st.text(max_size=30) | st.text(max_size=150, alphabet=" ab:#-\n'\"\\,{}[]é🙂\t")
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(10**30), max_value=10**30)
    | st.floats(allow_nan=False)
    | st.sampled_from([5e-324, 1e-300, 1e300, 1.7976931348623157e308, -0.0, 1e16, 1e22])
    | TEXT
)
KEYS = TEXT.filter(lambda key: key not in ("", "<<"))
DATA = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=8
)
MAPPINGS = st.dictionaries(KEYS, DATA, min_size=1, max_size=3)
# Keys and words of recipes make texts that get far into the reader.
YAMLISH = st.lists(
    st.sampled_from(
        ["version: 1", "\n", "  ", "- ", "generator:", "activation", ": ", "{", "}", "[", "]", ",", "&a ", "*a", "!!str ",
         "'", '"', "#", "|", ">", "? ", "---", "...", "%YAML 1.2", "\t", "<<", "a", "1e-4", "\\U0011FFFF", "\\ud800", "\x00"]
    ),
    max_size=40,
).map("".join)  # fmt: skip


def same(data):
    """Comparable data: lists as tuples, numbers and truth values reported apart."""
    if isinstance(data, dict):
        return {key: same(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return tuple(map(same, data))
    return (type(data).__name__, repr(data))


@given(MAPPINGS)
def test_what_is_written_reads_back(data):
    assert same(read_text(as_yaml(data), "s").data()) == same(data)


@given(MAPPINGS)
def test_writing_what_was_read_changes_nothing(data):
    text = as_yaml(data)
    assert as_yaml(read_text(text, "s").data()) == text


OLDER = st.from_regex(
    r"[-+]?[0-9_:.]{1,6}(?:[eE][-+]?[0-9]{1,3})?|0[bxo][0-9a-f_]+|[0-9]{4}-[0-9]{2}-[0-9]{2}", fullmatch=True
)


@settings(max_examples=500)
@given(st.dictionaries(TEXT | OLDER, TEXT | OLDER | SCALARS, min_size=1, max_size=3))
def test_what_is_written_means_the_same_to_readers_of_yaml_1_1(data):
    assert same(yaml.safe_load(as_yaml(data))) == same(data)


@settings(max_examples=500)
@given(st.text() | YAMLISH | YAMLISH.map(lambda text: f"a: {text}") | YAMLISH.map(lambda text: f'a: "{text}'))
def test_no_text_raises_anything_but_a_recipe_error(text):
    try:
        node = read_text(text, "s")
    except RecipeError as error:
        reported = error.problems
    else:
        assert isinstance(node.value, dict)
        reported = ()
    lines = text.count("\n") + text.count("\r") + text.count("\u2028") + text.count("\u2029") + text.count("\x85")
    assert all(1 <= problem.mark.line <= lines + 2 and problem.mark.column >= 1 for problem in reported)


RECIPE = read_text(
    "image: {size: [8, 8]}\ngenerator: {activation: relu, stages: [{filters: 8}, {filters: 4}], bias: null}\n", "r"
)
PARTS = st.sampled_from(
    ["image", "size", "generator", "activation", "use", "stages", "0", "1", "2", "-1", "filters", "bias", "extends", ""]
)


@settings(max_examples=500)
@given(
    st.lists(
        st.text(max_size=20) | st.builds(lambda path, value: f"{'.'.join(path)}={value}", st.lists(PARTS), YAMLISH),
        max_size=3,
    )
)
def test_no_override_raises_anything_but_a_user_error(overrides):
    try:
        overridden(RECIPE, overrides)
    except RecipeError as error:
        reported = error.problems
    else:
        reported = ()
    assert all(problem.mark.source == "override" and problem.mark.line >= 1 for problem in reported)


@given(
    st.sampled_from(
        [
            ("image", "size"),
            ("image", "size", 1),
            ("generator", "stages", 0, "filters"),
            ("generator", "bias"),
            ("new",),
        ]
    ),
    DATA,
)
def test_an_override_gives_the_value_that_it_says(path, data):
    node = overridden(RECIPE, [f"{'.'.join(map(str, path))}={flow(data)}"])
    found = node.locate(path)
    assert same(found.data()) == same(data)
    assert found.place.source == "override"


PARENTS = [
    RECIPE,
    read_text((Path(__file__).parent / "broken" / "parents" / "whole.yaml").read_text(), "r"),
    *(read_file(path) for path in load_builtins().recipes.values()),
]


def paths(node, above=()):
    """Every path of a recipe that leads through no list, some of which lead nowhere yet."""
    yield from ([*above, name] for name in ("use", "new"))
    for name, child in node.items():
        yield [*above, name]
        yield from paths(child, (*above, name))


NESTED = st.sampled_from(PARENTS).flatmap(lambda node: st.tuples(st.just(node), st.sampled_from(sorted(paths(node)))))
OPTIONS = st.dictionaries(
    st.sampled_from(["use", "size", "channels", "every", "scores", "initializer", "stddev", "optimizer", "path"]),
    st.sampled_from(["images", "npz", "relu", "adam", "normal", 3, 0.5, None, {"use": "normal"}, {"stddev": 0.1}, []]),
)


@settings(max_examples=500)
@given(NESTED, DATA | OPTIONS)
def test_an_override_means_what_a_child_means_that_says_the_same(nested, data):
    parent, path = nested
    child = {}
    inner = child
    for part in path[:-1]:
        inner = inner.setdefault(part, {})
    inner[path[-1]] = data
    try:
        given = overridden(parent, [f"{'.'.join(path)}={flow(data)}"])
    except RecipeError:
        # Only a key below a plain value, where a child would put a mapping that no recipe may have there.
        found = parent.locate(tuple(path)).value
        assert found is not None
        assert not isinstance(found, dict)
    else:
        assert same(given.data()) == same(merged(parent, read_text(as_yaml(child), "c")).data())
        assert given.mark == parent.mark


@settings(max_examples=500)
@given(TEXT.filter(lambda text: not text.lstrip(" \t").startswith(("[", "{", '"', "'"))))
def test_a_value_in_plain_words_is_kept_whole(text):
    kept = text.strip(" \t")
    if not kept:
        with pytest.raises(RecipeError, match="the value is empty"):
            overridden(RECIPE, [f"new={text}"])
        return
    if yaml.reader.Reader.NON_PRINTABLE.search(kept):
        with pytest.raises(RecipeError, match="is not allowed in YAML"):
            overridden(RECIPE, [f"new={text}"])
        return
    value = overridden(RECIPE, [f"new={text}"]).data()["new"]
    assert same(value) == same(resolved(kept))
    if isinstance(value, str):
        assert value == kept


def flow(data):
    """YAML of one line, as people write in a shell."""
    import json

    if isinstance(data, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(flow, data)) + "]"
    if isinstance(data, str):
        # What PyYAML takes for a line end or refuses must be escaped.
        return json.dumps(data, ensure_ascii=False).translate(
            {code: f"\\x{code:02x}" for code in range(0x7F, 0xA0)}
            | {0xFEFF: "\\ufeff", 0x2028: "\\L", 0x2029: "\\P"}
            | {0xFFFE: "\\uFFFE", 0xFFFF: "\\uFFFF"}
        )
    return as_yaml({"v": data}).strip().removeprefix("{v: ").removesuffix("}")


@given(MAPPINGS)
def test_a_recipe_merged_over_itself_is_itself(data):
    node = read_text(as_yaml(data), "s")
    assert same(merged(node, node).data()) == same(data)


@given(MAPPINGS, MAPPINGS)
def test_a_child_is_kept_whole_in_what_it_says_of_scalars_and_lists(parent, child):
    data = merged(read_text(as_yaml(parent), "p"), read_text(as_yaml(child), "c")).data()
    for key, value in child.items():
        if not isinstance(value, dict):
            assert same(data[key]) == same(value)
    assert set(data) >= set(child)


SLOTS = st.one_of(
    st.sampled_from(["relu", "leaky_relu", None]),
    st.fixed_dictionaries({}, optional={"use": st.sampled_from(["relu", "leaky_relu"]), "x": st.integers(), "y": DATA}),
)


@given(SLOTS, SLOTS)
def test_merging_a_slot_twice_is_merging_it_once(parent, child):
    def node(slot):
        return read_text(as_yaml({"activation": slot}), "s")

    once = merged(node(parent), node(child))
    assert same(merged(once, node(child)).data()) == same(once.data())


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**15), 10**15))
def test_numbers_in_python_and_in_recipes_are_the_same(number):
    assert same(read_value(repr(number), "s").value) == same(number)
