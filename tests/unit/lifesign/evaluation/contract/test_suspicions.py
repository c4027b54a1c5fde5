"""What one small batch can prove about a contract, and what it cannot."""

import numpy as np
import pytest

from lifesign.evaluation.contract.pixels import SentInput
from lifesign.evaluation.contract.scaling import Colour, Convention, convention_scaling
from lifesign.evaluation.contract.scaling_trials import is_scalable, other_scalings, scaling_label
from lifesign.evaluation.contract.suspicions import better_scaling, score_findings

IMAGES = np.arange(8, dtype=np.uint8).reshape(8, 1)
TRUE = np.array([0, 0, 0, 0, 1, 1, 1, 1])
TWO = ("attack", "bona_fide")


def _scores(positive) -> np.ndarray:
    column = np.asarray(positive, np.float32)
    return np.stack([1 - column, column], axis=1)


GOOD = [0.1, 0.2, 0.3, 0.6, 0.4, 0.7, 0.8, 0.9]


def _found(scores, *, true=TRUE, images=IMAGES) -> list[tuple[str, str]]:
    return [(str(one.severity), one.sentence) for one in score_findings(scores, true, images, TWO)]


def test_a_sensible_answer_is_not_suspicious():
    assert _found(_scores(GOOD)) == []


@pytest.mark.parametrize(
    ("scores", "severity", "words"),
    [
        (_scores([np.nan] * 8), "refusal", "8 of 8 images got scores that are no numbers"),
        (_scores([*GOOD[:7], np.nan]), "warning", "1 of 8 images"),
        (_scores([*GOOD[:7], 3.0]), "warning", "1 of 8 images"),
        (_scores([0.5] * 8), "refusal", "differ by 0 at most"),
        (_scores(0.5 + np.array(GOOD) * 1e-4), "warning", "differ by 8e-05 at most"),
        (_scores(np.array(GOOD) / 4), "warning", "All 8 images are answered 'attack'"),
        (_scores(1 - np.array(GOOD)), "warning", "AUC is 0.062, below 0.5 (p = 0.029)"),
    ],
    ids=["nan", "one nan", "one beyond", "equal", "hardly differ", "one class", "exchanged"],
)
def test_what_is_odd_is_found(scores, severity, words):
    found = _found(scores)
    assert [kind for kind, sentence in found if words in sentence] == [severity], found


def test_equal_scores_of_equal_images_are_no_finding():
    assert _found(_scores([0.5] * 8), images=np.zeros_like(IMAGES)) == []


def test_equal_files_are_known_by_their_bytes():
    files = np.array([b"a"] * 8, np.object_)
    assert _found(_scores([0.5] * 8), images=files) == []


def _answers(predicted: np.ndarray, classes: int) -> np.ndarray:
    return (np.eye(classes, dtype=np.float32)[predicted] * 0.7 + 0.3 / classes).astype(np.float32)


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ([0, 1, 2], None),
        ([1, 0, 2], "10 of 32 images are right, and 32 would be if what is called 'a' is 'b', 'b' is 'a'"),
        ([1, 2, 0], "0 of 32 images are right, and 32 would be"),
    ],
    ids=["right", "two exchanged", "all moved"],
)
def test_exchanged_classes_of_several_are_found(order, said):
    true = np.arange(32) % 3
    scores = _answers(np.array(order)[true], 3)
    found = list(score_findings(scores, true, np.arange(32, dtype=np.uint8)[:, None], ("a", "b", "c")))
    if said is None:
        assert found == []
    else:
        assert [str(one.severity) for one in found] == ["warning"]
        assert said in found[0].sentence


def test_a_model_that_guesses_is_not_called_exchanged():
    random, called = np.random.default_rng(3), 0
    for classes in (3, 4, 5, 10) * 100:
        true = np.arange(32) % classes
        scores = _answers(random.integers(0, classes, 32), classes)
        images = np.arange(32, dtype=np.uint8)[:, None]
        called += sum(
            "exchanged" in one.sentence
            for one in score_findings(scores, true, images, "abcdefghij"[:classes])
        )
    assert called <= 4


def _right(count: int) -> np.ndarray:
    return np.arange(32) < count


@pytest.mark.parametrize(
    ("chosen", "others", "best"),
    [
        (16, {"tf": 31, "torch": 20}, "tf"),
        (16, {"tf": 20, "torch": 19}, None),
        (31, {"tf": 16}, None),
        (16, {}, None),
    ],
    ids=["surely better", "maybe better", "worse", "none"],
)
def test_only_a_scaling_that_is_surely_better_is_named(chosen, others, best):
    finding = better_scaling(_right(chosen), {name: _right(count) for name, count in others.items()})
    if best is None:
        assert finding is None
    else:
        assert f"With scaling {best} {others[best]} of 32 images are right" in finding.sentence


def _sent(convention: str, colour: Colour) -> SentInput:
    scaling = convention_scaling(Convention(convention), colour)
    return SentInput(name="x", dtype="float32", colour=colour, scaling=scaling, scaling_name=convention)


@pytest.mark.parametrize(
    ("sent", "label", "others"),
    [
        (_sent("none", Colour.RGB), "none", {"0..1", "tf", "torch", "caffe", "none with colour bgr"}),
        (_sent("none", Colour.BGR), "none with colour bgr", {"none", "0..1", "tf", "torch", "caffe"}),
        (_sent("caffe", Colour.BGR), "caffe", {"none", "0..1", "tf", "torch", "caffe with colour rgb"}),
        (_sent("tf", Colour.GRAY), "tf", {"none", "0..1"}),
    ],
)
def test_every_other_usual_scaling_is_tried_once(sent, label, others):
    found = other_scalings(sent)
    assert scaling_label(sent) == label
    assert set(found) == others
    pairs = {(one.colour, one.scaling) for one in [sent, *found.values()]}
    assert len(pairs) == len(others) + 1


@pytest.mark.parametrize(("dtype", "is_open"), [("float32", True), ("float16", True), ("uint8", False)])
def test_only_numbers_with_fractions_have_an_open_range(dtype, is_open):
    assert is_scalable(SentInput(name="x", dtype=dtype)) is is_open
