"""Slices out of image statistics: bins that stay where they are, and a tone that is told as an estimate."""

import numpy as np
import pytest

from lifesign.evaluation.analysis.measured_slices import measured_codes
from lifesign.evaluation.metrics.image_statistics import image_statistics
from lifesign.evaluation.metrics.reference_profile import ReferenceProfile


def _codes(name, reference=None, **columns):
    count = len(next(iter(columns.values())))

    def numbers(column):
        return np.asarray(columns.get(column, np.full(count, np.nan)), dtype=np.float64)

    codes = measured_codes(name, numbers, reference or {})
    return [None if one < 0 else codes.names[one] for one in codes.index]


def test_without_a_reference_the_bins_are_fixed():
    assert _codes("brightness", stat_brightness=[0.1, 0.4, 0.9]) == [
        "1 dark (under 0.25)",
        "2 medium (0.25 to 0.6)",
        "3 bright (from 0.6)",
    ]


def test_with_a_reference_the_bins_are_its_lowest_and_highest_fifth():
    reference = ReferenceProfile.from_samples({"brightness": np.arange(1000) / 1000}).to_dict()
    few = _codes("brightness", reference, stat_brightness=[0.19, 0.5])
    many = _codes("brightness", reference, stat_brightness=[0.19, *np.linspace(0.9, 1, 500)])
    assert few[0] == many[0] == "1 dark (under 0.203)"
    assert many[-1] == "3 bright (from 0.796)"


def test_a_reference_that_hardly_varies_falls_back_to_fixed_bins():
    reference = ReferenceProfile.from_samples({"brightness": np.full(50, 0.4)}).to_dict()
    assert _codes("brightness", reference, stat_brightness=[0.1]) == ["1 dark (under 0.25)"]


def test_size_is_the_shorter_side_in_pixels():
    assert _codes("size", width=[640, 100, np.nan], height=[60, 300, 5]) == [
        "1 under 64 px",
        "2 64 to 128 px",
        None,
    ]


@pytest.mark.parametrize(
    ("colour", "band"),
    [
        ("f6ede4", "3 light (estimated)"),
        ("eadaba", "3 light (estimated)"),
        ("a07e56", "2 medium (estimated)"),
        ("604134", "1 dark (estimated)"),
        ("292420", "1 dark (estimated)"),
        ("3040c0", None),
    ],
)
def test_tone_is_estimated_from_the_mean_colour_of_monk_swatches(colour, band):
    pixel = np.array([int(colour[at : at + 2], 16) for at in (0, 2, 4)], dtype=np.uint8)
    statistics = image_statistics(np.tile(pixel, (16, 16, 1)))
    columns = {f"stat_{name}": [value] for name, value in statistics.items()}
    assert _codes("estimated_tone", **columns) == [band]


@pytest.mark.parametrize("name", ["brightness", "blur", "size", "estimated_tone"])
def test_without_measurements_there_are_no_slices(name):
    assert _codes(name, other=[1.0, 2.0]) == [None, None]
