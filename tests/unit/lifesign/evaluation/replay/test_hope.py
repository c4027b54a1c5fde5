"""When a replay gives up on a server that answers."""

import pytest

from lifesign.errors import UpstreamError
from lifesign.evaluation.replay.answers import Answers
from lifesign.evaluation.replay.decoding import Refusal
from lifesign.evaluation.replay.hope import Hope


def _answers(*reasons: str | None) -> Answers:
    answers = Answers.empty(len(reasons), 2)
    answers.refusals.update(
        {place: Refusal(reason, "why") for place, reason in enumerate(reasons) if reason is not None}
    )
    return answers


def _goes_on(hope: Hope, *reasons: str | None) -> bool:
    """Whether there is hope after five batches that ended so."""
    try:
        for _ in range(5):
            hope.judge(_answers(*reasons))
    except UpstreamError:
        return False
    return True


def test_three_batches_that_are_refused_whole_are_enough():
    hope = Hope()
    for _ in range(2):
        hope.judge(_answers("INVALID_ARGUMENT", "INTERNAL"))
    with pytest.raises(UpstreamError, match="refuses every image: INVALID_ARGUMENT: why"):
        hope.judge(_answers("INVALID_ARGUMENT", "INTERNAL"))


@pytest.mark.parametrize(
    "reasons",
    [(None, "INTERNAL"), ("invalid_scores", "INTERNAL"), ("server_crash", "server_crash")],
    ids=["an answer", "a bad answer", "crashes, which have a limit of their own"],
)
def test_other_batches_take_no_hope(reasons):
    assert _goes_on(Hope(), *reasons)


def test_what_one_worker_was_answered_all_know_and_so_does_a_resumed_run(tmp_path):
    mark = tmp_path / "answered"
    here, there = Hope(mark=mark), Hope(mark=mark)
    here.judge(_answers(None))

    assert _goes_on(there, "INTERNAL")
    assert _goes_on(Hope(mark=mark), "INTERNAL")
    assert not _goes_on(Hope(mark=tmp_path / "of another run"), "INTERNAL")


def test_a_server_that_is_always_late_is_told_apart_before_every_image_has_waited():
    late = ["DEADLINE_EXCEEDED"] * 3
    Hope().judge_late(late[:2], 30)
    Hope().judge_late([*late[:2], "INTERNAL"], 30)
    Hope(has_answered=True).judge_late(late, 30)
    with pytest.raises(UpstreamError, match=r"no image within 30 s, .* longer --timeout"):
        Hope().judge_late(late, 30)


def test_ten_images_that_the_server_does_not_survive_are_too_many():
    hope = Hope()
    for _ in range(9):
        hope.judge_crash("over x.png")
    with pytest.raises(UpstreamError, match=r"does not survive 10 images, expected fewer; over x\.png"):
        hope.judge_crash("over x.png")
