"""What a synthetic set shall contain, checked before anything is rendered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lifesign.errors import ConfigurationError
from lifesign.labels import Split
from lifesign_training.synth.camera import DEVICES
from lifesign_training.synth.colour import MONK_TONES
from lifesign_training.synth.lighting import LIGHTINGS

__all__ = ["SPECIES", "SynthOptions", "choose", "parse_device_mix", "parse_split_names", "parse_splits"]

SPECIES = (
    "print_laser",
    "print_inkjet_photo",
    "replay_lcd_monitor",
    "replay_phone_oled",
    "replay_tablet",
    "mask_paper_cutout",
    "mask_rigid_3d",
)
"""The seven presentation-attack-instrument species."""

_SIZES = (48, 256)
_STRENGTHS = (0.1, 3.0)
_UNSEEN_DEVICE = "kiosk_d"


def _default_splits() -> dict[Split, float]:
    return {Split.TRAIN: 0.60, Split.DEV: 0.15, Split.TEST: 0.25}


@dataclass(frozen=True)
class SynthOptions:
    """A recipe; the same recipe gives the same bytes, whatever the number of workers.

    ``device_mix`` names the devices of a split; a split without an entry uses ``devices``, except
    that ``kiosk_d`` stays out of train and dev, so that the test split holds an unseen device.
    ``skip_tones`` are left out of ``skip_tones_in``: these splits get people of the other tones
    instead (a biased collection of the same size). ``drift_*``, ``low_light`` and
    ``jpeg_quality`` change the captures of ``drift_in`` only.
    """

    subjects: int = 70
    bona_fide_per_subject: int = 16
    attacks_per_subject: int = 20
    size: int = 112
    seed: int = 0
    strength: float = 1.0
    species: tuple[str, ...] = SPECIES
    devices: tuple[str, ...] = tuple(DEVICES)
    lightings: tuple[str, ...] = LIGHTINGS
    splits: Mapping[Split, float] = field(default_factory=_default_splits)
    device_mix: Mapping[Split, tuple[str, ...]] = field(default_factory=dict)
    skip_tones: tuple[str, ...] = ()
    skip_tones_in: tuple[Split, ...] = (Split.TRAIN, Split.DEV)
    drift_device: str | None = None
    low_light: bool = False
    jpeg_quality: int | None = None
    drift_in: tuple[Split, ...] = (Split.TEST,)
    workers: int = 1

    def __post_init__(self) -> None:
        """Check every value.

        Raises:
            ConfigurationError: a value is out of its range or a name is unknown.
        """
        _within("subjects", self.subjects, (1, 10_000))
        _within("bona_fide_per_subject", self.bona_fide_per_subject, (0, 1000))
        _within("attacks_per_subject", self.attacks_per_subject, (0, 1000))
        if self.bona_fide_per_subject + self.attacks_per_subject == 0:
            raise ConfigurationError("expected at least one image per subject, got 0 bona fide and 0 attacks")
        _within("size", self.size, _SIZES)
        _within("seed", self.seed, (0, 2**31 - 1))
        _within("strength", self.strength, _STRENGTHS)
        _within("workers", self.workers, (1, 256))
        if self.jpeg_quality is not None:
            _within("jpeg_quality", self.jpeg_quality, (1, 100))
        choose("species", self.species, SPECIES)
        choose("device", self.devices, tuple(DEVICES))
        choose("lighting", self.lightings, LIGHTINGS)
        for names in self.device_mix.values():
            choose("device", names, tuple(DEVICES))
        if self.drift_device is not None:
            choose("device", (self.drift_device,), tuple(DEVICES))
        if self.skip_tones:
            choose("skin tone", self.skip_tones, tuple(MONK_TONES))
        if len(set(self.skip_tones)) == len(MONK_TONES):
            raise ConfigurationError("expected at least one skin tone to be left, got all ten to be skipped")
        shares = self.splits.values()
        if not self.splits or min(shares) <= 0 or abs(sum(shares) - 1) > 0.001:
            raise ConfigurationError(
                f"expected positive split shares that add up to 1, got {_shares(self.splits)}"
            )

    def devices_of(self, split: Split) -> tuple[str, ...]:
        """Return the devices that may capture a split."""
        if split in self.device_mix:
            return tuple(self.device_mix[split])
        seen = tuple(name for name in self.devices if name != _UNSEEN_DEVICE)
        return self.devices if split is Split.TEST or not seen else seen


def _shares(splits: Mapping[Split, float]) -> str:
    return ",".join(f"{split}={share:g}" for split, share in splits.items()) or "nothing"


def _within(name: str, value: float, limits: tuple[float, float]) -> None:
    low, high = limits
    if not low <= value <= high:
        raise ConfigurationError(f"{name}: expected {_plain(low)} to {_plain(high)}, got {_plain(value)}")


def _plain(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def choose(what: str, names: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """Return the names once each, or refuse what is not known.

    Raises:
        ConfigurationError: no name at all, or one that is not known.
    """
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        got = ", ".join(map(repr, unknown)) or "none"
        raise ConfigurationError(f"unknown {what} {got}: expected some of {', '.join(known)}")
    return tuple(dict.fromkeys(names))


def _split(word: str) -> Split:
    try:
        return Split(word.strip())
    except ValueError:
        raise ConfigurationError(f"unknown split {word!r}: expected train, dev or test") from None


def parse_splits(text: str) -> dict[Split, float]:
    """Parse ``train=.6,dev=.15,test=.25``; shares are fractions of the subjects.

    Raises:
        ConfigurationError: not ``name=number`` pairs of known splits.
    """
    shares: dict[Split, float] = {}
    for part in text.split(","):
        name, _, share = part.partition("=")
        try:
            shares[_split(name)] = float(share)
        except ValueError:
            raise ConfigurationError(f"split {part!r}: expected NAME=FRACTION, such as train=.6") from None
    return shares


def parse_device_mix(texts: Sequence[str]) -> dict[Split, tuple[str, ...]]:
    """Parse ``test=phone_a,phone_b`` (one text per split).

    Raises:
        ConfigurationError: not ``split=device,device`` of known names.
    """
    mix: dict[Split, tuple[str, ...]] = {}
    for text in texts:
        name, equals, devices = text.partition("=")
        if not equals:
            raise ConfigurationError(
                f"device mix {text!r}: expected SPLIT=DEVICE,DEVICE, such as test=phone_a"
            )
        mix[_split(name)] = choose("device", [d.strip() for d in devices.split(",")], tuple(DEVICES))
    return mix


def parse_split_names(text: str) -> tuple[Split, ...]:
    """Parse ``train,dev``.

    Raises:
        ConfigurationError: a name is no split.
    """
    return tuple(dict.fromkeys(_split(word) for word in text.split(",") if word.strip()))
