import pytest

from lifesign.datasets.slice_names import unknown_slices


@pytest.mark.parametrize(
    ("wanted", "unknown"),
    [
        (["device", "brightness", "device*lighting", "device*estimated_tone"], []),
        (["skin_tone_band", "skin_tone_band*device"], ["skin_tone_band", "skin_tone_band*device"]),
        (["camera", "device*camera"], ["camera", "device*camera"]),
        (["device*device", "device*", "a*b*c"], ["device*device", "device*", "a*b*c"]),
    ],
)
def test_slices_are_columns_measurements_and_crosses_of_two(wanted, unknown):
    assert unknown_slices(wanted, ("device", "lighting")) == unknown


def test_tone_bands_need_tones():
    assert unknown_slices(["skin_tone_band"], ("skin_tone",)) == []
