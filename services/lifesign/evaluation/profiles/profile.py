"""A profile of limits: what it holds, and how it is read from the package or from a file.

The standards behind the profiles are sold, and secondary sources contradict each other, so every limit says
where it comes from, and a copy of the file with other numbers does as well as ours.
"""

import json
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from lifesign.errors import ConfigurationError
from lifesign.validation import problems_of

__all__ = ["Criterion", "Profile", "ProfileMetric", "load_profile", "profile_names"]

_SUFFIXES = (".json", ".yml", ".yaml")


class ProfileMetric(StrEnum):
    """What a criterion limits: a rate or errors at most, a number of things tested at least."""

    APCER = "apcer"
    BPCER = "bpcer"
    ATTACK_ERRORS = "attack_errors"
    APNRR = "apnrr"
    BPNRR = "bpnrr"
    IAPAR = "iapar"
    FRR = "frr"
    SPECIES = "species"
    PRESENTATIONS_PER_SPECIES = "presentations_per_species"
    BONA_FIDE_PRESENTATIONS = "bona_fide_presentations"
    SUBJECTS = "subjects"

    @property
    def is_rate(self) -> bool:
        """Whether the limit is a share in [0, 1]."""
        return self in (self.APCER, self.BPCER, self.APNRR, self.BPNRR, self.IAPAR, self.FRR)


class Criterion(BaseModel):
    """One limit. Presentations without an answer are left out, or count as rejected or accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: ProfileMetric
    limit: float = Field(ge=0, description="share at most, errors at most, or number at least")
    no_response: str = Field(default="excluded", pattern="^(excluded|as_reject|as_accept)$")
    source: str = Field(min_length=1, description="where the limit comes from, and how sure that is")
    conflict: str = Field(default="", description="what other sources say")

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        if self.metric.is_rate and self.limit > 1:
            raise ValueError(f"expected a share in [0, 1] as the limit of {self.metric}, got {self.limit:g}")
        if not self.metric.is_rate and self.limit != int(self.limit):
            raise ValueError(f"expected a whole number as the limit of {self.metric}, got {self.limit:g}")
        return self


class Profile(BaseModel):
    """Criteria that a liveness model is held against; a pass is evidence, not a certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    about: str = ""
    criteria: tuple[Criterion, ...] = Field(min_length=1)
    sources: tuple[str, ...] = ()


def profile_names() -> tuple[str, ...]:
    """Return the names of the profiles that come with the package, sorted."""
    folder = files("lifesign.evaluation.profiles") / "data"
    return tuple(sorted(Path(one.name).stem for one in folder.iterdir() if one.name.endswith(".json")))


def load_profile(name: str) -> Profile:
    """Return a profile by its name, or from a JSON or YAML file by its path.

    Raises:
        ConfigurationError: no such profile or file, or one that does not follow the schema.
    """
    if name in profile_names():
        text = (files("lifesign.evaluation.profiles") / "data" / f"{name}.json").read_text("utf-8")
        return Profile.model_validate_json(text)
    path = Path(name)
    if path.suffix.lower() not in _SUFFIXES:
        raise ConfigurationError(
            f"profile: expected one of {', '.join(profile_names())} or a .json or .yml file, got {name!r}"
        )
    try:
        text = path.read_text("utf-8")
        values = json.loads(text) if path.suffix.lower() == ".json" else yaml.safe_load(text)
        return Profile.model_validate(values)
    except OSError as error:
        raise ConfigurationError(f"profile {path}: {error.strerror or error}") from None
    except ValidationError as error:
        raise ConfigurationError(f"profile {path}: {problems_of(error)}") from None
    except (ValueError, yaml.YAMLError) as error:
        raise ConfigurationError(f"profile {path}: expected JSON or YAML, {error}") from None
