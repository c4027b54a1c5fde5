import numpy as np
import pytest

from lifesign.evaluation.report.document import ConfusionDocument
from lifesign.evaluation.report.matrices import (
    class_matrix,
    confused_block,
    confused_pairs,
    confusion_order,
    favourite_mistakes,
    species_matrix,
)
from lifesign.testing.report_documents import liveness_report


def _confusion(counts):
    names = tuple("abcdefghijklmnop"[: len(counts)])
    return ConfusionDocument(
        class_names=names,
        counts=tuple(tuple(int(cell) for cell in row) for row in counts),
        no_response=tuple(range(len(counts))),
        decision="argmax",
    )


def _families(size, families, rng):
    """Classes are confused within their family only; families are spread over the indices."""
    family = np.arange(size) % families
    counts = np.where(family[:, None] == family[None, :], rng.integers(5, 20, (size, size)), 0)
    np.fill_diagonal(counts, 50)
    return counts, family


def test_confused_classes_lie_side_by_side():
    counts, family = _families(12, 3, np.random.default_rng(0))
    order = confusion_order(_confusion(counts))
    assert sorted(order) == list(range(12))
    changes = int((np.diff(family[order]) != 0).sum())
    assert changes == 2


@pytest.mark.parametrize("counts", [[[3]], [[3, 1], [0, 4]], [[0, 0, 0]] * 3], ids=["one", "two", "empty"])
def test_every_matrix_has_an_order(counts):
    assert sorted(confusion_order(_confusion(counts))) == list(range(len(counts)))


def test_a_block_holds_the_most_confused_and_accounts_for_the_rest():
    counts, family = _families(12, 3, np.random.default_rng(1))
    counts[family == 2] *= 10
    confusion = _confusion(counts)
    block = confused_block(confusion, range(12), size=4)
    assert [row.name for row in block.rows] == [confusion.class_names[i] for i in np.flatnonzero(family == 2)]
    assert block.columns == (*(row.name for row in block.rows), "any other")
    for row in block.rows:
        index = confusion.class_names.index(row.name)
        assert sum(cell.count for cell in row.cells) == sum(confusion.counts[index])
        assert [cell.is_right for cell in row.cells].count(True) == 1


def test_a_block_comes_in_the_order_asked_for():
    confusion = _confusion([[9, 4, 0], [3, 9, 1], [2, 0, 9]])
    assert confused_block(confusion, [2, 0, 1]).columns == ("c", "a", "b", "any other")


def test_no_confusion_has_no_block_and_no_pairs():
    confusion = _confusion(np.diag([5, 4, 3]))
    assert confused_block(confusion, range(3)) is None
    assert confused_pairs(confusion, 10) == ()
    assert set(favourite_mistakes(confusion).values()) == {""}


def test_pairs_are_ordered_with_the_share_of_the_true_class():
    pairs = confused_pairs(_confusion([[8, 2, 0], [0, 5, 5], [1, 0, 9]]), 2)
    assert [(one.true, one.predicted, one.count, one.share) for one in pairs] == [
        ("b", "c", 5, 0.5),
        ("a", "b", 2, 0.2),
    ]


def test_favourite_mistake_names_class_and_count():
    mistakes = favourite_mistakes(_confusion([[8, 2, 3000], [0, 5, 0], [4, 4, 9]]))
    assert mistakes == {"a": "c (3,000)", "b": "", "c": "a (4)"}


def test_species_rows_are_right_where_attacks_are_rejected():
    pad = liveness_report(bona_fide=(2, 200), species={"print": (1, 100)}).pad
    bona_fide, attack = species_matrix(pad).rows
    assert [(cell.count, cell.is_right) for cell in bona_fide.cells] == [(2, False), (198, True)]
    assert [(cell.count, cell.is_right) for cell in attack.cells] == [(99, True), (1, False)]


def test_empty_rows_have_no_share():
    matrix = class_matrix(_confusion([[0, 0], [1, 3]]))
    assert [cell.share for cell in matrix.rows[0].cells] == [None, None]
    assert [row.no_response for row in matrix.rows] == [0, 1]
