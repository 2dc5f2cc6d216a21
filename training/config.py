"""How a model is trained: one YAML file, read once, kept inside the model's bundle."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from features.definitions import NAMES
from features.errors import YamlFileError
from features.moments import IN_TURN
from features.settings import FeatureSettings
from features.vocabulary import Moment
from features.yaml_file import read_yaml
from training.errors import ConfigError


class Strict(BaseModel):
    """Base of every part of a configuration: an unknown name is refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Share = Annotated[float, Field(gt=0, lt=1)]


class Split(Strict):
    """Half-open periods by planned departure: fit before `fit_until`, calibrate before `calibrate_until`, test after.

    All moments of a shipment fall on one side. A case whose outcome was not known by the end of its period is left
    out of it: the gap that label maturity asks for, case by case. Shipments that share an outcome can be held together.
    """

    fit_until: AwareDatetime
    calibrate_until: AwareDatetime
    test_until: AwareDatetime | None = None
    together: Literal["order_id"] | None = Field(
        default=None, description="what shipments have in common that share an outcome: all go where the first goes"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        last = self.test_until or datetime.max.replace(tzinfo=self.calibrate_until.tzinfo)
        if not self.fit_until < self.calibrate_until < last:
            raise ValueError("the dates must rise: fit_until < calibrate_until < test_until")
        return self


class Trees(Strict):
    """Size and pace of the gradient-boosted trees (LightGBM)."""

    num_leaves: Annotated[int, Field(ge=2, le=255)] = 31
    max_depth: Annotated[int, Field(ge=1, le=20)] = 6
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.03
    min_child_samples: Annotated[int, Field(ge=1)] = 100
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.5
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0)] = 5.0
    max_rounds: Annotated[int, Field(ge=1)] = 600
    patience_rounds: Annotated[int, Field(ge=1)] = 50


class Verdicts(Strict):
    """From which probability a shipment is called behind, and from which it cannot make it."""

    behind: Annotated[float, Field(ge=0, le=1)] = 0.5
    cannot_make_it: Annotated[float, Field(ge=0, le=1)] = 0.9


class MissedConfig(Strict):
    """The promise about what is missed: at most the share alpha of what goes wrong, with probability 1 − delta."""

    alpha: Share = 0.1
    delta: Share = 0.1


class BoostedConfig(Strict):
    """What the configuration of any model of boosted trees says."""

    name: str
    owner: str
    data: str = Field(description="what the data is, in words; 'generated' must be said where it is")
    split: Split
    trees: Trees = Trees()
    seed: int = 1


class ModelConfig(BoostedConfig):
    """What the configuration of a model of shipments says."""

    moments: tuple[Moment, ...] = IN_TURN
    features: FeatureSettings = FeatureSettings()
    leave_out: tuple[str, ...] = Field(
        default=(), description="patterns of features that no tree may use, as they mean nothing in these data"
    )

    @field_validator("leave_out")
    @classmethod
    def _names_features(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            if not any(re.fullmatch(pattern, name) for name in NAMES):
                raise ValueError(f"no feature is called {pattern!r}; docs/features.md lists them all")
        return patterns

    @property
    def left_out(self) -> list[int]:
        """Columns of the features that no tree may use."""
        return [place for place, name in enumerate(NAMES) if any(re.fullmatch(each, name) for each in self.leave_out)]


class TrainingConfig(ModelConfig):
    """Configuration of the delay model. Its trees are small, so that a score is explained in under a millisecond."""

    name: str = "delay"
    trees: Trees = Trees(num_leaves=15, max_depth=5, learning_rate=0.05)
    verdicts: Verdicts = Verdicts()
    missed: MissedConfig = MissedConfig()


class Recalibration(Strict):
    """From which outcomes the intervals of arrival are corrected at the moment of decision.

    Attributes
    ----------
    window_days
        Outcomes that became known in so many days before.
    least_outcomes
        A carrier with fewer in the window is corrected by those of all carriers; with fewer of all, the model abstains.
    """

    window_days: Annotated[int, Field(ge=1, le=366)] = 14
    least_outcomes: Annotated[int, Field(ge=20)] = 100


class EtaConfig(ModelConfig):
    """Configuration of the model of arrival."""

    name: str = "eta"
    recalibration: Recalibration = Recalibration()


_Config = TypeVar("_Config", bound=Strict)


def load_config(path: Path, kind: type[_Config]) -> _Config:
    """Read a training configuration of one kind, such as `TrainingConfig` or `InvoicesConfig`.

    Raises
    ------
    ConfigError
        With every problem of the file.
    """
    try:
        return kind.model_validate(read_yaml(path))
    except YamlFileError as error:
        raise ConfigError(path, [error.reason]) from error
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise ConfigError(path, problems) from error
