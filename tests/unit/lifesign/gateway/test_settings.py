import pytest

from lifesign.errors import ConfigurationError
from lifesign.gateway.settings import GatewaySettings


@pytest.mark.parametrize(
    "wrong", [{"max_in_flight": 0}, {"port": 65536}, {"drain_seconds": -1}, {"decode_threads": -2}]
)
def test_a_setting_out_of_range_is_named(wrong):
    (name,) = wrong
    with pytest.raises(ConfigurationError, match=name):
        GatewaySettings(**wrong)
