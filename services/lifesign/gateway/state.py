"""What the requests of one gateway process share."""

from dataclasses import dataclass

from starlette.requests import Request

from lifesign.gateway.admission import Admission
from lifesign.gateway.api_keys import ApiKeys
from lifesign.gateway.instruments import GatewayInstruments
from lifesign.gateway.service import LivenessService
from lifesign.gateway.settings import GatewaySettings
from lifesign.gateway.uploads import UploadLimits

__all__ = ["GatewayState", "state_of"]


@dataclass
class GatewayState:
    """Built when the application starts; ``draining`` is set by SIGTERM."""

    settings: GatewaySettings
    service: LivenessService
    instruments: GatewayInstruments
    admission: Admission
    limits: UploadLimits
    api_keys: ApiKeys | None
    draining: bool = False


def state_of(request: Request) -> GatewayState:
    """Return the state of the application that answers the request."""
    state: GatewayState = request.app.state.gateway
    return state
