"""Which versions a model wants, and what to do next to get there: pure decisions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from lifesign.pb.serving_pb2 import ServableVersionPolicy

__all__ = ["Load", "Phase", "Unload", "VersionView", "next_action", "wanted_versions"]


class Phase(Enum):
    """Where the manager stands with a version."""

    NEW = auto()
    LOADING = auto()
    READY = auto()
    UNLOADING = auto()
    FAILED = auto()


@dataclass(frozen=True)
class VersionView:
    """One version as the decision sees it."""

    version: int
    phase: Phase
    wanted: bool


@dataclass(frozen=True)
class Load:
    """Load this version next."""

    version: int


@dataclass(frozen=True)
class Unload:
    """Stop serving this version."""

    version: int


def wanted_versions(policy: ServableVersionPolicy, found: Collection[int]) -> frozenset[int]:
    """Return the versions that a policy wants of those ``found`` on disk.

    No policy means the latest one; ``num_versions`` 0 counts as 1.
    """
    choice = policy.WhichOneof("policy_choice")
    if choice == "all":
        return frozenset(found)
    if choice == "specific":
        return frozenset(policy.specific.versions) & frozenset(found)
    count = max(1, policy.latest.num_versions)
    return frozenset(sorted(found)[-count:])


def next_action(versions: Sequence[VersionView]) -> Load | Unload | None:
    """Return the availability-preserving next step of one model, ``None`` when there is nothing to do.

    The lowest unwanted ready version goes if nothing is wanted, if a wanted version is ready, or if more
    than one unwanted version is ready; otherwise the highest wanted new version is loaded. A model
    therefore stays answerable while its versions change, and a new version that cannot be loaded leaves
    the old one serving.
    """
    unwanted_ready = sorted(v.version for v in versions if not v.wanted and v.phase is Phase.READY)
    wanted = [v for v in versions if v.wanted]
    covered = not wanted or any(v.phase is Phase.READY for v in wanted)
    if unwanted_ready and (covered or len(unwanted_ready) > 1):
        return Unload(unwanted_ready[0])
    new = [v.version for v in wanted if v.phase is Phase.NEW]
    return Load(max(new)) if new else None
