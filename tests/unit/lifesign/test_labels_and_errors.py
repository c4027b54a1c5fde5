import inspect

import pytest

from lifesign import errors
from lifesign.errors import (
    DatasetError,
    DeadlineError,
    ImageError,
    ImageProblem,
    NotReadyError,
    UpstreamError,
)
from lifesign.labels import (
    LIVENESS_CLASSES,
    Split,
    is_liveness,
    liveness_label,
    pai_family,
    resolve_labels,
    split_name,
)


def test_every_error_is_a_lifesign_error_and_is_exported():
    found = {
        name
        for name, one in vars(errors).items()
        if inspect.isclass(one) and issubclass(one, Exception) and one.__module__ == errors.__name__
    }
    assert found <= set(errors.__all__)
    assert all(issubclass(getattr(errors, name), errors.LifesignError) for name in found)


def test_every_error_is_drawn_in_the_tree():
    for name in errors.__all__:
        if issubclass(getattr(errors, name), Exception):
            assert name in errors.__doc__


def test_errors_carry_their_context():
    assert ImageError(ImageProblem.EMPTY, "x").reason == "empty"
    assert NotReadyError("x", code="NOT_FOUND").code == "NOT_FOUND"
    assert DeadlineError("x").code == "UNKNOWN"


@pytest.mark.parametrize(
    ("word", "label"),
    [
        ("Real", "bona_fide"),
        ("LIVE", "bona_fide"),
        ("bona-fide", "bona_fide"),
        ("Bona Fide", "bona_fide"),
        ("1", "bona_fide"),
        ("fake", "attack"),
        ("Spoof", "attack"),
        ("imposter", "attack"),
        ("0", "attack"),
        ("BonaFide", "bona_fide"),
        (" Bona.Fide ", "bona_fide"),
        ("live-face", "bona_fide"),
        ("Presentation Attack", "attack"),
        ("spoofing", "attack"),
        ("-1", None),
        (".1", None),
        ("robot", None),
        ("", None),
    ],
)
def test_liveness_words(word, label):
    assert liveness_label(word) == label


@pytest.mark.parametrize(
    ("word", "split"),
    [
        ("Training", Split.TRAIN),
        ("val", Split.DEV),
        ("devel", Split.DEV),
        ("Eval", Split.TEST),
        ("real", None),
    ],
)
def test_split_words(word, split):
    assert split_name(word) is split


@pytest.mark.parametrize(
    ("species", "family"),
    [("print_laser", "print"), ("Replay-Phone", "replay"), ("mask", "mask"), ("hologram", "unknown")],
)
def test_species_have_families(species, family):
    assert pai_family(species) == family


def test_class_order_is_attack_then_bona_fide():
    assert LIVENESS_CLASSES == ("attack", "bona_fide")
    assert is_liveness(("bona_fide", "attack"))
    assert not is_liveness(("bona_fide", "attack", "other"))


def test_labels_resolve_by_map_then_name_then_synonym():
    found = ["attack", "live", "odd"]
    assert resolve_labels(found, LIVENESS_CLASSES, {"odd": "attack"}) == {
        "attack": "attack",
        "live": "bona_fide",
        "odd": "attack",
    }


def test_synonyms_are_for_liveness_only():
    with pytest.raises(DatasetError, match=r"'live'.*\['cat', 'dog'\]"):
        resolve_labels(["cat", "live"], ["cat", "dog"])


def test_a_map_to_no_class_is_refused():
    with pytest.raises(DatasetError, match=r"class map: expected the model's classes .* got \['sofa'\]"):
        resolve_labels(["odd"], LIVENESS_CLASSES, {"odd": "sofa"})


def test_a_class_map_to_no_class_is_refused_even_when_nothing_uses_it():
    with pytest.raises(DatasetError, match=r"expected the model's classes .* got \['bonafide'\]"):
        resolve_labels(["real", "fake"], LIVENESS_CLASSES, {"people": "bonafide"})


@pytest.mark.parametrize(
    ("message", "expected"),
    [("\n busy \nat a.cc:7", "busy "), ("", "INTERNAL"), (" \n", "INTERNAL"), ("x" * 400, "x" * 300)],
    ids=["of several", "none", "blank", "a long one"],
)
def test_the_first_line_of_a_servers_error_is_short_and_never_empty(message, expected):
    assert UpstreamError(message, code="INTERNAL").first_line == expected
