from lifesign.errors import UpstreamError
from lifesign.evaluation.replay.patience import Patience


class _Clock:
    """Time that passes only in sleep."""

    now = 0.0

    def monotonic(self):
        return self.now

    def sleep(self, seconds, stop):
        self.now += seconds


def test_pauses_are_counted_by_the_status_that_they_were_for():
    patience = Patience(limit_seconds=60, tell=lambda message: None, clock=_Clock())
    spell = patience.spell("the server")
    for code in ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "UNAVAILABLE"):
        spell.pause(UpstreamError("gone", code=code))
    patience.pause(1.0, "a rest that no status was for")
    assert patience.pauses == {"UNAVAILABLE": 2, "RESOURCE_EXHAUSTED": 1}
