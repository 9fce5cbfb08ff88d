"""Films of runs: a frame for each sample grid, with its step, as GIF and as MP4."""

import sys

import av
import numpy as np
import pytest
from PIL import Image

from dcgan_kit.api.film import write_film
from dcgan_kit.errors import UserError


def frames(file):
    with Image.open(file) as image:
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            found.append((np.asarray(image.convert("L"), int), image.info["duration"]))
        return found


def test_each_grid_is_a_frame_with_a_bar_that_grows(run, tmp_path):
    file = write_film(run, tmp_path / "a.gif", 1.0, False)
    first, middle, last = frames(file)
    assert [duration for _, duration in (first, middle, last)] == [500, 500, 2000]
    side = first[0].shape[1]
    for (pixels, _), brightness, share in zip((first, middle, last), (0, 20, 40), (0.0, 0.5, 1.0), strict=True):
        assert np.median(pixels[: side - 10]) == pytest.approx(brightness, abs=4)
        bar = pixels[side + 1] < 150
        assert bar.mean() == pytest.approx(share, abs=0.01)
        assert bar[: int(share * side)].all()
    assert write_film(run, None, 1.0, False) == run / "film.gif"


def test_raw_grids_have_a_film_of_their_own(run, tmp_path):
    pixels = frames(write_film(run, tmp_path / "raw.gif", 1.0, True))[1][0]
    assert np.median(pixels[: pixels.shape[1] - 10]) == pytest.approx(40, abs=4)


def test_an_mp4_lasts_as_long(run, tmp_path):
    file = write_film(run, tmp_path / "a.mp4", 1.0, False)
    with av.open(str(file)) as container:
        (video,) = container.streams.video
        decoded = [frame.to_ndarray(format="gray") for frame in container.decode(video)]
    assert len(decoded) / float(video.average_rate) == pytest.approx(3.0, abs=0.1)
    assert np.median(decoded[0][:400]) < np.median(decoded[30][:400]) < np.median(decoded[-1][:400])


def test_colours_and_transparency_are_kept_or_set_on_paper(run, grid, tmp_path):
    for step, mode in ((0, "RGB"), (20, "RGB")):
        grid(run / "samples" / f"step-{step:06d}.png", step, mode=mode)
    grid(run / "samples" / "step-000040.png", 0, mode="RGBA")
    pixels = frames(write_film(run, tmp_path / "a.gif", 1.0, False))[-1][0]
    assert np.median(pixels[:400]) > 240, "what is transparent shows the paper"


def test_a_broken_grid_is_left_out_with_a_line(run, tmp_path, capsys):
    (run / "samples" / "step-000020.png").write_bytes(b"no picture")
    assert len(frames(write_film(run, tmp_path / "a.gif", 1.0, False))) == 2
    assert "step 20 is left out" in capsys.readouterr().err


def test_of_many_grids_some_are_chosen_and_this_is_said(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("dcgan_kit.reports.film.MOST_FRAMES", 2)
    assert len(frames(write_film(run, tmp_path / "a.gif", 1.0, False))) == 2
    assert "2 of 3 sample grids, evenly chosen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("output", "seconds", "message"),
    [
        ("a.avi", 1.0, "ends in .gif or .mp4"),
        ("a.gif", 0.0, "from 0.1 to 600. Received: 0.0"),
        ("a.gif", float("nan"), "from 0.1 to 600"),
        ("a.gif", "long", "from 0.1 to 600"),
    ],
)
def test_what_cannot_be_is_refused(output, seconds, message, run, tmp_path):
    with pytest.raises(UserError, match=message):
        write_film(run, tmp_path / output, seconds, False)
    assert not (tmp_path / output).exists()


def test_a_run_of_one_grid_has_no_film(run, tmp_path):
    for file in (run / "samples").iterdir():
        if "000000" not in file.name:
            file.unlink()
    with pytest.raises(UserError, match="has 1 sample grid, and a film needs two"):
        write_film(run, tmp_path / "a.gif", 1.0, False)


def test_an_mp4_without_its_library_says_how_to_get_it(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(UserError, match=r"pip install 'dcgan-kit\[video\]'; or choose .gif"):
        write_film(run, tmp_path / "a.mp4", 1.0, False)
