import pytest

from lifesign.errors import ConfigurationError
from lifesign.labels import Split
from lifesign_training.synth.options import (
    SynthOptions,
    parse_device_mix,
    parse_split_names,
    parse_splits,
)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"subjects": 0}, "subjects: expected 1 to"),
        ({"size": 20}, "size: expected 48 to 256, got 20"),
        ({"strength": 0.0}, "strength: expected 0.1 to 3, got 0"),
        ({"seed": -1}, "seed: expected 0 to 2,147,483,647, got -1"),
        ({"workers": 0}, "workers: expected 1 to"),
        ({"jpeg_quality": 101}, "jpeg_quality: expected 1 to 100, got 101"),
        ({"bona_fide_per_subject": 0, "attacks_per_subject": 0}, "at least one image"),
        ({"species": ("print_lazer",)}, "unknown species 'print_lazer': expected some of print_laser"),
        ({"species": ()}, "unknown species none"),
        ({"devices": ("phone_z",)}, "unknown device 'phone_z'"),
        ({"drift_device": "phone_z"}, "unknown device 'phone_z'"),
        ({"lightings": ("moon",)}, "unknown lighting 'moon'"),
        ({"skip_tones": ("mst11",)}, "unknown skin tone 'mst11'"),
        ({"skip_tones": tuple(f"mst{i:02d}" for i in range(1, 11))}, "at least one skin tone"),
        ({"splits": {Split.TRAIN: 0.6}}, "add up to 1, got train=0.6"),
        ({"splits": {Split.TRAIN: 1.5, Split.TEST: -0.5}}, "positive split shares"),
    ],
)
def test_a_bad_option_is_refused_with_what_was_expected(change, words):
    with pytest.raises(ConfigurationError, match=words.replace("(", r"\(")):
        SynthOptions(**change)


def test_the_kiosk_is_unseen_in_training_unless_it_is_all_there_is():
    assert "kiosk_d" not in SynthOptions().devices_of(Split.TRAIN)
    assert "kiosk_d" in SynthOptions().devices_of(Split.TEST)
    assert SynthOptions(devices=("kiosk_d",)).devices_of(Split.TRAIN) == ("kiosk_d",)


def test_a_device_mix_wins():
    mix = parse_device_mix(["test=phone_a, phone_b", "train=kiosk_d"])

    options = SynthOptions(device_mix=mix)

    assert options.devices_of(Split.TEST) == ("phone_a", "phone_b")
    assert options.devices_of(Split.TRAIN) == ("kiosk_d",)
    assert "webcam_c" in options.devices_of(Split.DEV)


@pytest.mark.parametrize("text", ["test", "tost=phone_a", "test=phone_z", "test="])
def test_a_bad_device_mix_is_refused(text):
    with pytest.raises(ConfigurationError):
        parse_device_mix([text])


@pytest.mark.parametrize("text", ["train", "train=x", "trian=.5", ""])
def test_bad_splits_are_refused(text):
    with pytest.raises(ConfigurationError):
        parse_splits(text)


def test_good_splits_are_read():
    assert parse_splits("train=.6,dev=.15,test=.25") == {Split.TRAIN: 0.6, Split.DEV: 0.15, Split.TEST: 0.25}
    assert parse_split_names("dev,test") == (Split.DEV, Split.TEST)
