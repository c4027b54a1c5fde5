import threading

import pytest

from lifesign.executor import LocalExecutor


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_item_is_done_once(workers):
    assert sorted(LocalExecutor(workers).map(lambda x: x * x, range(20))) == sorted(x * x for x in range(20))


def test_nothing_to_do_is_done():
    assert list(LocalExecutor().map(str, [])) == []


def test_items_are_taken_only_when_there_is_room():
    taken: list[int] = []

    def items():
        for index in range(10):
            taken.append(index)
            yield index

    results = LocalExecutor(2).map(lambda x: x, items())
    next(results)
    assert len(taken) <= 4


def test_a_failure_is_raised_and_ends_the_rest():
    started: list[int] = []

    def work(item: int) -> int:
        started.append(item)
        if item == 3:
            raise ValueError("three")
        return item

    with pytest.raises(ValueError, match="three"):
        list(LocalExecutor(1).map(work, range(100)))
    assert started == [0, 1, 2, 3]


def test_items_run_at_the_same_time():
    together = threading.Barrier(2, timeout=10)
    arrivals = LocalExecutor(2).map(lambda _: together.wait(), range(2))
    assert sorted(arrivals) == [0, 1]
