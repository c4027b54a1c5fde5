import pytest
from prometheus_client import Gauge

from lifesign.gateway.admission import Admission
from lifesign.gateway.rejections import OverloadedError


@pytest.fixture
def admission():
    return Admission(1, Gauge("places", "taken", registry=None))


def test_a_place_is_free_again_after_an_error(admission):
    with pytest.raises(KeyError), admission.enter():
        raise KeyError
    with admission.enter():
        assert admission.current == 1
    assert admission.current == 0


def test_beyond_the_limit_is_turned_away_and_counts_nothing(admission):
    with admission.enter():
        with pytest.raises(OverloadedError, match="at most 1"), admission.enter():
            pass
        assert admission.current == 1
