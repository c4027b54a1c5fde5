"""The window opens for a server that keeps pace, closes for one that queues, halves for one that is full."""

import threading

import pytest

from lifesign.evaluation.replay.patience import Patience, Stopped
from lifesign.evaluation.replay.window import Window


class _Server:
    """Answers ``slots`` requests at a time in ``seconds`` each; the rest of what is in flight waits."""

    def __init__(self, slots: int, seconds: float) -> None:
        self.slots, self.seconds = slots, seconds

    def latency(self, in_flight: int) -> float:
        return self.seconds * max(1.0, in_flight / self.slots)


def _settle(window: Window, server: _Server, answers: int = 3000) -> int:
    """Keep the window full, answer after answer; return where its size ends."""
    for _ in range(answers):
        while window.in_flight < window.size:
            window.enter(lambda: None)
        window.leave(server.latency(window.in_flight))
    return window.size


@pytest.mark.parametrize(("slots", "least", "most"), [(1, 1, 6), (2, 2, 7), (8, 8, 13), (32, 32, 38)])
def test_the_size_becomes_what_the_server_does_at_once_and_a_short_queue(slots, least, most):
    assert least <= _settle_with_quiet_moments(Window(), _Server(slots, 0.02)) <= most


def _settle_with_quiet_moments(window: Window, server: _Server) -> int:
    """As in a run: now and then only one request is in flight, at the end of a part."""
    for _ in range(100):
        _settle(window, server, 40)
        while window.in_flight > 0:
            window.leave(server.latency(window.in_flight))
        window.enter(lambda: None)
        window.leave(server.latency(1))
    return _settle(window, server, 1)


def test_a_server_of_unlimited_speed_gets_at_most_64():
    assert _settle(Window(), _Server(1000, 0.02), 10_000) == 64


def test_a_full_server_halves_the_window_and_never_closes_it():
    window, sizes = Window(), []
    for _ in range(6):
        window.enter(lambda: None)
        window.leave(0.001, is_full=True, has_failed=True)
        sizes.append(window.size)
    assert sizes == [2, 1, 1, 1, 1, 1]


def test_failures_say_nothing_of_the_pace():
    window = Window()
    for _ in range(500):
        window.enter(lambda: None)
        window.leave(1e-6, has_failed=True)
    assert window.size == 4
    assert window.in_flight == 0


def test_a_window_that_is_not_used_up_does_not_grow():
    window = Window()
    for _ in range(500):
        window.enter(lambda: None)
        window.leave(0.02)
    assert window.size == 4


def test_a_chosen_size_stays():
    window = Window(3)
    for _ in range(100):
        window.enter(lambda: None)
        window.leave(0.02, is_full=True, has_failed=True)
    assert window.size == 3


def test_who_waits_goes_on_when_a_slot_is_free():
    window, entered = Window(1), threading.Event()
    window.enter(lambda: None)
    waiter = threading.Thread(target=lambda: (window.enter(lambda: None), entered.set()))
    waiter.start()
    assert not entered.is_set()
    window.leave(0.02)
    assert entered.wait(5)
    waiter.join()
    assert window.in_flight == 1


def test_stopping_ends_the_wait_for_a_slot():
    window = Window(1)
    patience = Patience(limit_seconds=1, tell=lambda _: None)
    window.enter(patience.check)
    patience.stop()
    with pytest.raises(Stopped):
        window.enter(patience.check)


def test_alone_waits_for_those_in_flight_and_keeps_others_out():
    window, order = Window(), list[str]()
    window.enter(_no_check)
    threads = [threading.Thread(target=_alone, args=(window, order))]
    threads[0].start()
    while not window._is_taken:
        threads[0].join(0.01)
    for enter in (window.enter, window.enter_again):
        threads.append(threading.Thread(target=lambda enter=enter: (enter(_no_check), order.append("after"))))
        threads[-1].start()
    order.append("before")
    window.leave(0.1)
    for thread in threads:
        thread.join(30)
    assert order == ["before", "alone", "after", "after"]
    assert window.in_flight == 2


def _alone(window, order):
    with window.alone(_no_check):
        order.append("alone")


def test_who_gives_up_waiting_to_be_alone_lets_others_in():
    window = Window()
    window.enter(_no_check)
    with pytest.raises(Stopped), window.alone(_stopped):
        pass
    window.enter(_no_check)
    assert window.in_flight == 2


def _no_check():
    pass


def _stopped():
    raise Stopped
