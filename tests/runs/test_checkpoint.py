"""Checkpoints: what they hold, how many stay, and that whatever damage there is is found and reported."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import shutil
import signal
import zipfile

import numpy as np
import pytest

from dcgan_kit.adversarial.session import Session
from dcgan_kit.errors import RunError
from dcgan_kit.runs.best_checkpoint import Judgement
from dcgan_kit.runs.checkpoint import restore_checkpoint, save_checkpoint, unpacked
from dcgan_kit.runs.checkpoint_removal import remove_replaced
from dcgan_kit.runs.manifest import Damaged
from dcgan_kit.runs.run_folder import RunFolder

NEWEST = "step-000000008.npz"
BEFORE = "step-000000004.npz"


@pytest.fixture(scope="module")
def finished(tiny, run, tmp_path_factory):
    """A run of eight steps with checkpoints at 4 and 8."""
    return run(tiny("training.ema=0.9"), tmp_path_factory.mktemp("finished") / "run")[0].run


@pytest.fixture(scope="module")
def state(tiny):
    """The state of the same recipe, to restore into."""
    return Session.create(tiny("training.ema=0.9").recipe).state


@pytest.fixture
def killed(finished, tmp_path):
    """The run as it would be, had it been killed after its last checkpoint."""
    shutil.copytree(finished.path, tmp_path / "run")
    (tmp_path / "run" / "generator.keras").unlink()
    return RunFolder(tmp_path / "run")


def names(run):
    return sorted(file.name for file in run.checkpoints.iterdir())


def changed(content, place, bits=0x55):
    content = bytearray(content)
    content[place] ^= bits
    return bytes(content)


def test_a_checkpoint_holds_variables_recipe_and_versions(finished, state, values_in):
    values = values_in(finished.checkpoints / NEWEST)
    assert values.keys() == {*state.variables(), "meta/recipe", "meta/environment", "meta/memory"}
    assert values["step"] == 8
    assert values["meta/recipe"].tobytes() == finished.recipe_file.read_bytes()
    assert json.loads(values["meta/environment"].tobytes()) == json.loads(finished.environment_file.read_bytes())
    assert any(name.startswith("averaged/") for name in values)
    assert any(name.startswith("discriminator_optimizer/") for name in values)


def test_the_manifest_tells_sums_and_sizes_oldest_first(finished):
    manifest = json.loads(finished.manifest_file.read_text())
    assert [line["step"] for line in manifest["checkpoints"]] == [4, 8]
    for line in manifest["checkpoints"]:
        content = (finished.checkpoints / line["file"]).read_bytes()
        assert (line["bytes"], line["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("keep", [1, 3])
def test_as_many_checkpoints_stay_as_the_recipe_keeps(keep, tiny, run, tmp_path):
    outcome, _ = run(tiny("training.checkpoint_every=2", f"training.keep={keep}"), tmp_path / "run")
    assert names(outcome.run) == ["manifest.json", *(f"step-{n:09d}.npz" for n in (4, 6, 8)[-keep:])]


def test_a_run_begins_with_a_checkpoint_of_step_0(tiny, run, tmp_path):
    outcome, _ = run(tiny(), tmp_path / "run", lambda step: signal.raise_signal(signal.SIGTERM) if step == 2 else None)
    assert names(outcome.run) == ["manifest.json", "step-000000000.npz", "step-000000002.npz"]


def restored(run, state):
    path, reported = restore_checkpoint(run, state)
    return path and path.name, reported


def test_whole_checkpoints_need_no_words(killed, state):
    assert restored(killed, state) == (NEWEST, [])


@pytest.mark.parametrize("cut", [1, 1000, -1])
def test_a_file_cut_short_is_told_and_the_one_before_serves(cut, killed, state, values_in):
    file = killed.checkpoints / NEWEST
    file.write_bytes(file.read_bytes()[:-cut] if cut > 0 else b"")
    found, (line,) = restored(killed, state)
    assert found == BEFORE
    assert line == f"{file}: is damaged and is ignored (its checksum is not the one in the manifest)"
    for name, value in values_in(killed.checkpoints / BEFORE).items():
        if name in state.variables():
            np.testing.assert_array_equal(state.values()[name], value, err_msg=name)


def test_one_bit_flipped_anywhere_is_found(killed, state):
    """Every byte is under the checksum; a sample of places, with the ends in full."""
    file = killed.checkpoints / NEWEST
    whole = file.read_bytes()
    random = np.random.default_rng(0)
    for place in sorted({0, len(whole) - 1, *random.integers(0, len(whole), 60).tolist()}):
        file.write_bytes(changed(whole, place, 1 << int(random.integers(8))))
        found, reported = restored(killed, state)
        assert (found, len(reported)) == (BEFORE, 1), place


def test_sampling_from_the_one_before_says_so(killed, tmp_path):
    from click.testing import CliRunner

    from dcgan_kit.cli import cli

    file = killed.checkpoints / NEWEST
    file.write_bytes(file.read_bytes()[:-1000])
    done = CliRunner().invoke(cli, ["sample", str(killed.path), "--count", "4", "--seed", "1"])
    assert done.exit_code == 0, done.output
    reported = " ".join(done.output.split())
    assert "is damaged and is ignored (its checksum" in reported
    assert "4 images of step 4 from seed 1" in reported


def test_a_comparison_without_a_last_checkpoint_is_told(finished, tmp_path):
    from dcgan_kit.training.resume_check import _compared

    with pytest.raises(RunError, match=r"step-000000020\.npz: is not there, so that nothing can be compared"):
        _compared(finished.checkpoints / NEWEST, tmp_path / "step-000000020.npz")


def test_files_of_the_working_directory_are_no_modules_of_the_compared_trainings(tiny_file, tmp_path, monkeypatch):
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.training.resume_check import _train

    (tmp_path / "random.py").write_text("raise SystemExit('taken for a module')")
    monkeypatch.chdir(tmp_path)
    _train(tmp_path / "run", str(tiny_file), ("training.steps=2",), PluginSettings(), None)
    assert (tmp_path / "run" / "generator.keras").exists()


def test_without_a_manifest_the_archives_own_sums_find_damage_or_what_is_read_is_right(killed, state, values_in):
    file = killed.checkpoints / NEWEST
    killed.manifest_file.unlink()
    (killed.checkpoints / BEFORE).unlink()
    whole, good = file.read_bytes(), values_in(file)
    random = np.random.default_rng(0)
    # The start of each entry and the directory at the end are where a reader believes what it reads.
    places = {*random.integers(0, len(whole), 60), *range(0, 200, 3), *range(len(whole) - 3000, len(whole), 7)}
    damaged = 0
    for place in sorted(int(p) for p in places):
        file.write_bytes(changed(whole, place))
        found, reported = restored(killed, state)
        assert "manifest.json: is not there" in reported[0]
        assert (found is None) == (len(reported) == 2), f"byte {place}: {reported}"
        damaged += found is None
        if found is not None:
            for name, value in state.values().items():
                np.testing.assert_array_equal(value, good[name], err_msg=f"byte {place}: {name}")
    assert damaged > 100


def test_a_missing_file_is_told(killed, state):
    (killed.checkpoints / NEWEST).unlink()
    found, (line,) = restored(killed, state)
    assert found == BEFORE
    assert line.startswith(f"{killed.checkpoints / NEWEST}: is not there")


@pytest.mark.parametrize(
    "content", [b"", b"no json", b"[]", b'{"checkpoints": 7}', b'{"checkpoints": [{"file": "a"}]}', b"\xff" * 40,
                b"[" * 100_000],
)  # fmt: skip
def test_a_damaged_manifest_is_told_and_the_files_speak_for_themselves(content, killed, state):
    killed.manifest_file.write_bytes(content)
    found, (line,) = restored(killed, state)
    assert found == NEWEST
    assert line.startswith(f"{killed.manifest_file}: is damaged and is ignored (")
    assert line.endswith("); checkpoints are checked by the checksums in their archives")


def test_a_manifest_that_may_not_be_read_is_told(killed, state):
    killed.manifest_file.unlink()
    killed.manifest_file.mkdir()
    with pytest.raises(RunError, match=r"manifest\.json: cannot be read: is not a regular file"):
        restore_checkpoint(killed, state)


def test_a_file_larger_than_any_checkpoint_of_the_recipe_is_not_read(killed, state):
    file = killed.checkpoints / NEWEST
    with file.open("ab") as stream:
        stream.truncate(2**40)
    found, (line,) = restored(killed, state)
    assert found == BEFORE
    assert "is damaged and is ignored (it has 1099511627776 bytes, and " in line
    killed.manifest_file.unlink()
    with pytest.raises(RunError, match=r"other networks than the recipe's \(1099511627776 bytes; this recipe's have"):
        restore_checkpoint(killed, state)


@pytest.mark.parametrize("file", ["..", "", "../../recipe.yaml", "/etc/passwd"])
def test_a_manifest_that_points_elsewhere_reads_nothing_there(file, killed, state):
    manifest = json.loads(killed.manifest_file.read_text())
    manifest["checkpoints"][-1]["file"] = file
    killed.manifest_file.write_text(json.dumps(manifest))
    found, (line,) = restored(killed, state)
    assert found == NEWEST
    assert f"{killed.manifest_file}: is damaged and is ignored (checkpoints.1.file: " in line


def test_without_a_manifest_what_came_after_a_recovery_is_newer(killed, state):
    killed.manifest_file.unlink()
    shutil.copy(killed.checkpoints / BEFORE, killed.checkpoints / "step-000000004-again-1.npz")
    assert restored(killed, state)[0] == "step-000000004-again-1.npz"


def test_the_next_checkpoint_mends_the_manifest(killed, state):
    restore_checkpoint(killed, state)
    killed.manifest_file.write_bytes(b"{")
    save_checkpoint(killed, state, 2)
    assert restored(killed, state) == (NEWEST, [])
    assert [line["step"] for line in json.loads(killed.manifest_file.read_text())["checkpoints"]] == [4, 8]


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_a_later_checkpoint_that_is_damaged_gives_way_to_one_before_its_step(keep, killed, state):
    (killed.checkpoints / NEWEST).write_bytes(b"damaged")
    restored(killed, state)
    state.step.assign(5)
    save_checkpoint(killed, state, keep)
    assert restored(killed, state) == ("step-000000005.npz", [])
    left = ["step-000000005.npz"] if keep == 1 else [BEFORE, "step-000000005.npz"]
    assert names(killed) == ["manifest.json", *left]


class Killed(BaseException):
    """The process ended."""


def killed_at(monkeypatch, number):
    """Let the process end before the n-th change of a file, counted from 0."""
    count = iter(range(10_000))

    def around(call):
        def counted(*given, **named):
            if next(count) == number:
                raise Killed
            return call(*given, **named)

        return counted

    for name in ("replace", "rename", "unlink"):
        monkeypatch.setattr(os, name, around(getattr(os, name)))


def saved_at_ten(run, state, keep, judgement):
    """Go on from the newest checkpoint up to step 10, as training does."""
    path, _ = restore_checkpoint(run, state)
    remove_replaced(run, path, keep)
    if state.steps_done == 8:
        state.step.assign(10)
        save_checkpoint(run, state, keep, judgement)


@pytest.mark.parametrize("keep", [1, 2, 3])
@pytest.mark.parametrize("value", [None, 1.0, 3.0], ids=["not judged", "the best so far", "worse"])
def test_whenever_a_process_ends_while_it_saves_the_next_one_leaves_the_same(value, keep, killed, state, monkeypatch):
    restore_checkpoint(killed, state)
    save_checkpoint(killed, state, keep, Judgement("fd", 2.0, highest=False))
    judgement = None if value is None else Judgement("fd", value, highest=False)
    straight = RunFolder(shutil.copytree(killed.path, killed.path.parent / "straight"))
    saved_at_ten(straight, state, keep, judgement)
    expected = {file.name: file.read_bytes() for file in straight.checkpoints.iterdir()}
    number, ended = 0, False
    while not ended:
        again = RunFolder(shutil.copytree(killed.path, killed.path.parent / f"killed{number}"))
        with monkeypatch.context() as patch:
            killed_at(patch, number)
            try:
                saved_at_ten(again, state, keep, judgement)
                ended = True
            except Killed:
                pass
        saved_at_ten(again, state, keep, judgement)
        found = {file.name: file.read_bytes() for file in again.checkpoints.iterdir()}
        assert found == expected, f"ended before change {number}"
        number += 1
    assert number > 3


def archive(arrays, packing=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as target:
        for name, content in arrays.items():
            target.writestr(f"{name}.npy", content)
    return stream.getvalue()


def npy(array):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


@pytest.fixture
def entries(finished, values_in):
    """The arrays of a checkpoint as files of NumPy."""
    return {name: npy(value) for name, value in values_in(finished.checkpoints / NEWEST).items()}


def test_a_header_that_asks_for_terabytes_gets_none(entries, state):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "<f4", "fortran_order": False, "shape": (2**42,)})
    with pytest.raises(Damaged, match="there are 4 bytes for an array of float32"):
        unpacked(archive({**entries, "rate_scale": header.getvalue() + b"abcd"}), state, "here")


def test_an_archive_that_unpacks_to_more_than_it_is_is_damaged(entries, state):
    bomb = archive({**entries, "rate_scale": entries["rate_scale"] + bytes(10_000_000)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 1_000_000
    with pytest.raises(Damaged, match="an entry is not what was written"):
        unpacked(bomb, state, "here")


class Trap:
    def __reduce__(self):
        return pytest.fail, ("something was unpickled",)


def test_nothing_is_ever_unpickled(entries, state, killed):
    for content in (npy(np.array([Trap()], object)), pickle.dumps(Trap())):
        with pytest.raises(Damaged):
            unpacked(archive({**entries, "rate_scale": content}), state, "here")
    (killed.checkpoints / NEWEST).write_bytes(pickle.dumps(Trap()))
    killed.manifest_file.write_bytes(pickle.dumps(Trap()))
    assert restored(killed, state)[0] == BEFORE


def test_a_whole_checkpoint_of_other_networks_is_no_damage(tiny, killed):
    other = Session.create(tiny("generator.stages=[{filters: 4, upsample: conv}]", "training.ema=0.9").recipe).state
    with pytest.raises(RunError, match="is a checkpoint of other networks than the recipe's"):
        restore_checkpoint(killed, other)
    wider = Session.create(tiny("generator.input.filters=8", "training.ema=0.9").recipe).state
    with pytest.raises(RunError, match=r"other networks than the recipe's \(generator/0000/input_projection/kernel"):
        restore_checkpoint(killed, wider)


def test_training_goes_on_from_the_one_before_and_comes_to_the_same(killed, tiny, run, values_in):
    newest = killed.checkpoints / NEWEST
    good = values_in(newest)
    newest.write_bytes(newest.read_bytes()[:-1000])
    outcome, notes = run(tiny("training.ema=0.9"), killed.path)
    assert any(f"{NEWEST}: is damaged and is ignored" in line for line in notes)
    assert any("continuing from step 4" in line for line in notes)
    assert outcome.step == 8
    for key, value in values_in(newest).items():
        np.testing.assert_array_equal(value, good[key], err_msg=key)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(100)])
def test_where_nothing_is_whole_the_run_is_left_as_it_is(content, killed, tiny, run):
    for file in killed.checkpoints.iterdir():
        file.write_bytes(content)
    before = {file: file.read_bytes() for file in killed.path.rglob("*") if file.is_file()}
    with pytest.raises(RunError, match=r"no checkpoint can be read, and nothing was changed(.|\n)*step-000000008\.npz"):
        run(tiny("training.ema=0.9", "training.steps=16"), killed.path, may_change=("training.steps",))
    assert before == {file: file.read_bytes() for file in before}
