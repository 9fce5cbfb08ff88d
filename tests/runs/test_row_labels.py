from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.runs.row_labels import FEWEST_PIXELS, row_titles, with_row_labels


def test_a_title_is_number_and_name_and_classes_repeat():
    assert row_titles(4, 3, ("T-shirt", "Bag")) == ("0 T-shirt", "1 Bag", "2", "0 T-shirt")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_each_row_has_its_title_to_the_left(channels):
    grid = np.full((40, 60, channels), 7, np.uint8)
    labelled = with_row_labels(grid, ("0 short", "1 a longer one"))
    margin = labelled.shape[1] - 60
    np.testing.assert_array_equal(labelled[:, margin:], grid)
    upper, lower = labelled[:20, :margin, 0], labelled[20:, :margin, 0]
    assert upper.max() > 200 < lower.max(), "something is written in both"
    assert (lower > 100).sum() > (upper > 100).sum()
    assert channels in (1, 3) or (labelled[:, :margin, -1] == 255).all()


def test_rows_too_low_for_a_text_are_enlarged_by_whole_pixels():
    grid = np.random.default_rng(0).integers(0, 256, (3 * 8, 16, 1), np.uint8)
    labelled = with_row_labels(grid, ("0", "1", "2"))
    assert labelled.shape[0] == 48 >= 3 * FEWEST_PIXELS
    np.testing.assert_array_equal(labelled[::2, -32::2], grid)


def test_names_in_any_alphabet_and_of_any_length_are_no_error():
    titles = ("0 셔츠", "1 \x00\u202e", "2 " + "long " * 50)
    labelled = with_row_labels(np.zeros((60, 20, 1), np.uint8), titles)
    assert labelled.shape[1] < 400
