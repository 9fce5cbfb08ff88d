"""Of a manifest, as of every file of a run folder, nothing is believed unread."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_kit.errors import RunError
from dcgan_kit.evaluation.results import read_evaluation
from dcgan_kit.runs.environment import damage_of, environment_of
from dcgan_kit.runs.manifest import MAX_ENTRIES, Best, Damaged, Entry, Manifest
from dcgan_kit.runs.observer_memory import as_text, from_text

SHA = "0123456789abcdef" * 4
ENTRY = {"file": "step-000000004.npz", "step": 4, "sha256": SHA, "bytes": 7}
BEST = {"entry": {**ENTRY, "file": "best-step-000000004.npz"}, "metric": "fd", "value": 0.5, "measured": ""}
WHOLE = {"version": 1, "checkpoints": [ENTRY], "best": BEST}
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([SHA, "step-000000004.npz", "best-step-000000004.npz", "..", "a/b", "\0", "x" * 4000]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["version", *WHOLE, *ENTRY, *BEST]), inner, max_size=4
    ),
    max_leaves=12,
)  # fmt: skip


def test_what_was_written_is_read():
    entry = Entry(**ENTRY)
    lost = Entry("step-000000006-again-1.npz", 6, "", 0)
    best = Best(Entry(**BEST["entry"]), "fd", 0.5, "fd[x]")
    for manifest in (Manifest(), Manifest((entry, lost), best), Manifest((entry,), None)):
        assert Manifest.from_json(manifest.as_json()) == manifest


def changed(**more):
    return {**WHOLE, "checkpoints": [{**ENTRY, **more}]}


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        7,
        {**WHOLE, "best": 0},
        {**WHOLE, "best": ""},
        {**WHOLE, "best": False},
        {**WHOLE, "best": {**BEST, "value": float("inf")}},
        {**WHOLE, "best": {**BEST, "value": float("nan")}},
        {**WHOLE, "best": {**BEST, "value": True}},
        {**WHOLE, "best": {**BEST, "metric": ""}},
        {**WHOLE, "best": {**BEST, "entry": ENTRY}},
        {**WHOLE, "version": 2},
        {**WHOLE, "version": True},
        {**WHOLE, "checkpoints": {}},
        {**WHOLE, "checkpoints": [ENTRY, ENTRY]},
        {**WHOLE, "checkpoints": [BEST["entry"]]},
        {**WHOLE, "checkpoints": [ENTRY, {**ENTRY, "file": "step-000000002.npz", "step": 2}]},
        {**WHOLE, "checkpoints": [ENTRY] * (MAX_ENTRIES + 1)},
        {**WHOLE, "more": 1},
        changed(more=1),
        changed(file="step-000000005.npz"),
        changed(file="x" * 4000),
        changed(file="step-000000004.npz\0"),
        changed(file="step-000000004.npz\n"),
        changed(file="../step-000000004.npz"),
        changed(file="/etc/passwd"),
        changed(file=""),
        changed(file=4),
        changed(step=-4),
        changed(step=True),
        changed(step=4.0),
        changed(step="4"),
        changed(step=10**30),
        changed(bytes=-1),
        changed(bytes=True),
        changed(bytes=1e400),
        changed(sha256="0" * 63),
        changed(sha256=SHA.upper()),
        changed(sha256=None),
    ],
)
def test_what_nobody_writes_is_damage(data):
    with pytest.raises(Damaged) as raised:
        Manifest.from_json(json.dumps(data).encode())
    assert 0 < len(str(raised.value)) <= 300


@settings(max_examples=300, deadline=None)
@given(JSON | st.fixed_dictionaries({key: st.just(value) | JSON for key, value in WHOLE.items()}))
def test_any_json_is_a_manifest_or_damage(data):
    content = json.dumps(data).encode()
    try:
        manifest = Manifest.from_json(content)
    except Damaged:
        return
    assert Manifest.from_json(manifest.as_json()) == manifest
    assert all("/" not in entry.file and entry.step >= 0 for entry in manifest.entries)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.sampled_from([b"[" * 100_000, b"9" * 10_000, b'"\\ud800"', b"\xff", b"\x00"]))
def test_any_bytes_are_a_manifest_or_damage(content):
    with pytest.raises(Damaged):
        Manifest.from_json(content)


FACTS = {"precision": "float32", "xla": False, "images": 3, "pixels": "0123abcd", "devices": "one CPU"}


@settings(max_examples=200, deadline=None)
@given(JSON | st.fixed_dictionaries({key: st.just(value) | JSON for key, value in FACTS.items()}))
def test_any_json_is_an_environment_or_damage(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp()
    (path / "environment.json").write_text(json.dumps(data))
    facts = environment_of(path)
    assert facts == {} or not damage_of(path)
    assert facts.get("precision") in (None, "float32", "mixed_bfloat16", "mixed_float16")
    assert facts.get("xla") in (None, True, False)
    assert type(facts.get("images", 0)) in (int, type(None))


PROTOCOL = {"options": "", "extractor": "e", "images": "8x8x1", "samples": 3, "references": 4, "split": "val",
            "fingerprint": "ab"}  # fmt: skip
NUMBER = {"number": "fd", "value": 1.0, "floor": None, "better": "lower", "floor_samples": 2, "protocol": PROTOCOL}


@settings(max_examples=200, deadline=None)
@given(
    st.fixed_dictionaries({key: st.just(value) | JSON for key, value in NUMBER.items()}).map(
        lambda number: {"version": 1, "of": {}, "numbers": [number], "notes": []}
    )
    | JSON
)
def test_any_json_is_an_evaluation_or_refused(tmp_path_factory, data):
    file = tmp_path_factory.getbasetemp() / "evaluation.json"
    file.write_text(json.dumps(data))
    try:
        evaluation = read_evaluation(file)
    except RunError:
        return
    json.dumps(evaluation.as_data(), allow_nan=False)


MEMORY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@settings(max_examples=200, deadline=None)
@given(MEMORY)
def test_a_memory_comes_back_as_it_was(memory):
    assert from_text(as_text(memory)) == memory


@settings(max_examples=200, deadline=None)
@given(JSON.map(json.dumps) | st.text(max_size=40))
def test_any_text_is_a_memory_or_refused(text):
    try:
        memory = from_text(text)
    except ValueError:
        return
    assert as_text(memory)


def test_arrays_come_back_to_the_last_bit_and_sets_in_any_order_give_one_text():
    import numpy as np
    import tensorflow as tf

    for array in (np.float32([1.5, -0.0, np.nan]), np.arange(6).reshape(2, 3)[:, ::2], np.zeros((0, 3), bool)):
        found = from_text(as_text({"a": (array, 1)}))["a"][0]
        assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert from_text(as_text(tf.constant([1, 2]))).tolist() == [1, 2]
    assert type(from_text(as_text(np.float32(0.1)))) is np.float32
    assert as_text({("b", 1), ("a", 2)}) == as_text({("a", 2), ("b", 1)})
    with pytest.raises(TypeError, match="object"):
        as_text([object()])
    with pytest.raises(TypeError, match="an array of object"):
        as_text(np.array([None]))
