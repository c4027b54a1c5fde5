"""The places that a config which came by HTTP may name: folders, and prefixes of addresses."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from lifesign.datasets.location import is_uri, local_path, normal_location, suffix_of
from lifesign.errors import InputError

__all__ = ["ConfigRoots"]

_PLACES: Final = ("data", "card", "model_base_path", "baseline", "superclasses", "profile")
# An address is compared as it is written, so whatever could lead out of its prefix later is refused:
# fsspec's chains (zip://a::http://b), and dots that a client of the store resolves.
_CHAIN: Final = "::"
_DOTS: Final = frozenset({".", ".."})


class ConfigRoots:
    """Refuses a config that names a place outside the roots, before anything is read there.

    A root is a folder, with all below it after links are followed, or an address such as
    ``s3://bucket/sets``; ``s3://`` alone is every bucket. What a manifest inside the roots names is read
    wherever it lies, so the roots should be written to by people who are trusted.
    """

    def __init__(self, roots: Iterable[str | Path]) -> None:
        found = [normal_location(root) for root in roots]
        self._folders = tuple(Path(root).resolve() for root in found if not is_uri(root))
        self._prefixes = tuple(_with_plain_scheme(root) for root in found if is_uri(root))

    def require(self, config: Mapping[str, Any]) -> None:
        """Refuse a config, as it was sent, with a place outside the roots.

        Raises:
            InputError: names the first such field.
        """
        for name in _PLACES:
            value = config.get(name)
            # Anything but text is no place: an inline profile, or nonsense that validation will name.
            if not isinstance(value, str) or (name == "profile" and not suffix_of(value)):
                continue  # a profile without a suffix is one of the package's, by name
            if not self._holds(value):
                raise InputError(
                    f"config.{name}: expected a place below what LIFESIGN_MONITOR_CONFIG_ROOTS allows this "
                    f"monitor, got {value!r}"
                )

    def _holds(self, location: str) -> bool:
        folder = local_path(location)
        if folder is None:
            return self._holds_address(normal_location(location))
        try:
            resolved = folder.resolve()
        except (OSError, RuntimeError, ValueError):  # a loop of links, or a NUL in the name
            return False
        return any(resolved.is_relative_to(root) for root in self._folders)

    def _holds_address(self, address: str) -> bool:
        if _CHAIN in address or not _DOTS.isdisjoint(address.lower().replace("%2e", ".").split("/")):
            return False
        written = _with_plain_scheme(address)
        return any(
            written == prefix or written.startswith(prefix if prefix.endswith("/") else f"{prefix}/")
            for prefix in self._prefixes
        )


def _with_plain_scheme(address: str) -> str:
    scheme, separator, rest = address.partition("://")
    return f"{scheme.lower()}{separator}{rest}"
