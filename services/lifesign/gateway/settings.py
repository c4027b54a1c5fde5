"""What the gateway process can be told; the command line and the environment fill it in."""

from dataclasses import dataclass
from pathlib import Path

from lifesign.errors import ConfigurationError

__all__ = ["GatewaySettings"]


@dataclass(frozen=True)
class GatewaySettings:
    """Settings of one gateway process.

    ``model_base_path`` is the folder that holds ``<model>/<version>/assets.extra/model_card.json``, the
    same that the model server reads. ``request_timeout_seconds`` bounds a request after its body has
    arrived, ``upload_timeout_seconds`` the body itself. ``drain_seconds`` is how long the process keeps
    answering, not ready, after SIGTERM, so that load balancers can turn away first.
    """

    target: str = "localhost:8500"
    model: str = "liveness"
    model_base_path: Path = Path("models")
    host: str = "127.0.0.1"
    port: int = 8080
    api_keys_file: Path | None = None
    max_image_bytes: int = 10 * 1024 * 1024
    max_image_pixels: int = 50_000_000
    min_image_side: int = 32
    max_batch_images: int = 32
    max_batch_bytes: int = 64 * 1024 * 1024
    max_in_flight: int = 64
    request_timeout_seconds: float = 10.0
    upload_timeout_seconds: float = 30.0
    decode_threads: int = 2
    drain_seconds: float = 0.0
    stop_timeout_seconds: float = 15.0
    revision: str = "unknown"

    def __post_init__(self) -> None:
        for name in (
            "max_image_bytes",
            "max_image_pixels",
            "min_image_side",
            "max_batch_images",
            "max_batch_bytes",
            "max_in_flight",
            "request_timeout_seconds",
            "upload_timeout_seconds",
            "decode_threads",
        ):
            if getattr(self, name) <= 0:
                raise ConfigurationError(f"{name} must be above 0, got {getattr(self, name)}")
        for name in ("drain_seconds", "stop_timeout_seconds"):
            if getattr(self, name) < 0:
                raise ConfigurationError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if not 0 <= self.port <= 65535:
            raise ConfigurationError(f"port must be 0–65535, got {self.port}")
