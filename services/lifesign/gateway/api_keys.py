"""API keys: only their SHA-256 digests are stored."""

import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lifesign.errors import ConfigurationError

__all__ = ["ApiKeys"]

_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})\s+(?P<id>[A-Za-z0-9._-]{1,64})")


@dataclass(frozen=True)
class ApiKeys:
    """Known keys as (SHA-256 digest, key id); several ids allow keys to be rotated.

    A key is a long random string, so that a plain digest is enough:

        key=$(openssl rand -hex 32); printf %s "$key" | sha256sum | cut -c1-64
    """

    digests: tuple[tuple[bytes, str], ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file of lines ``<sha256 hex> <key id>``; empty lines and ``#`` comments are skipped.

        Raises:
            ConfigurationError: no such file, a wrong line, a repeated id, or no key at all.
        """
        try:
            text = path.read_text("utf-8")
        except OSError as error:
            raise ConfigurationError(f"API keys file {path}: {error.strerror or error}") from None
        found: dict[str, bytes] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            match = _LINE.fullmatch(line.strip())
            if match is None:
                raise ConfigurationError(
                    f"API keys file {path}, line {number}: expected '<64 hex digits of SHA-256> <key id>'"
                )
            if match["id"] in found:
                raise ConfigurationError(f"API keys file {path}, line {number}: {match['id']!r} repeats")
            found[match["id"]] = bytes.fromhex(match["digest"])
        if not found:
            raise ConfigurationError(f"API keys file {path} has no key")
        return cls(tuple((digest, name) for name, digest in found.items()))

    def identify(self, key: str) -> str | None:
        """Return the id of a key, ``None`` if it is not known; takes equally long either way."""
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
        known: str | None = None
        for candidate, name in self.digests:
            if hmac.compare_digest(digest, candidate):
                known = name
        return known
