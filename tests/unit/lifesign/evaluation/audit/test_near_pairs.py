import numpy as np
import pytest
from numpy.typing import NDArray

from lifesign.evaluation.audit.near_pairs import near_pairs


def _all_pairs(one: NDArray[np.uint64], other: NDArray[np.uint64], threshold: int) -> set[tuple[int, int]]:
    first, second = np.triu_indices(len(one), 1)
    near = (np.bitwise_count(one[first] ^ one[second]) <= threshold) & (
        np.bitwise_count(other[first] ^ other[second]) <= threshold
    )
    return set(zip(first[near].tolist(), second[near].tolist(), strict=True))


def _disturbed(rng: np.random.Generator, hashes: NDArray[np.uint64], bits: int) -> NDArray[np.uint64]:
    result = hashes.copy()
    for row in range(len(result)):
        for bit in rng.choice(64, rng.integers(0, bits + 1), replace=False):
            result[row] ^= np.uint64(1) << np.uint64(bit)
    return result


@pytest.mark.parametrize("threshold", [0, 2, 4, 6])
def test_the_index_finds_what_comparing_all_with_all_finds(threshold: int) -> None:
    rng = np.random.default_rng(threshold)
    base = rng.integers(0, 2**63, size=(2, 200), dtype=np.uint64)
    one = np.concatenate([base[0], *(_disturbed(rng, base[0], 5) for _ in range(3))])
    other = np.concatenate([base[1], *(_disturbed(rng, base[1], 5) for _ in range(3))])
    _, place = np.unique(np.stack([one, other], axis=1), axis=0, return_index=True)
    one, other = one[np.sort(place)], other[np.sort(place)]

    found = near_pairs(one, other, threshold=threshold)

    assert found.crowded == 0
    assert list(zip(found.first.tolist(), found.second.tolist(), strict=True)) == sorted(
        _all_pairs(one, other, threshold)
    )
    assert threshold == 0 or len(found.first) > 20


def test_rows_equal_in_both_hashes_are_paired_with_the_first() -> None:
    hashes = np.array([7, 5, 7, 7], np.uint64)

    found = near_pairs(hashes, hashes, threshold=0)

    assert list(zip(found.first, found.second, strict=True)) == [(0, 2), (0, 3)]


def test_a_crowd_is_compared_with_its_nearest_and_counted() -> None:
    rng = np.random.default_rng(0)
    # All share their lowest bits, and differ in the others.
    one = rng.integers(0, 2**50, size=4000, dtype=np.uint64) << np.uint64(13)
    one[-1] = one[0] ^ (np.uint64(1) << np.uint64(40))
    other = np.arange(4000, dtype=np.uint64)
    other[-1] = other[0]

    found = near_pairs(one, other, threshold=4)

    assert found.crowded > 0
    assert (0, 3999) in set(zip(found.first.tolist(), found.second.tolist(), strict=True))


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_rows_have_no_pair(count: int) -> None:
    hashes = np.zeros(count, np.uint64)

    assert len(near_pairs(hashes, hashes, threshold=6).first) == 0
