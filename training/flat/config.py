"""How a flat table is judged: one YAML file names its label, its columns, what holds rows together, baselines.

A flat table has one row a case and no clocks, so it makes no canonical records. It is judged by the same trees,
measures and report as the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from training.config import Share, Strict, Trees

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


class Join(Strict):
    """A further file whose columns are added where `column` is the same."""

    file: str
    column: str


class Label(Strict):
    """A case counts as positive where the column has this value."""

    column: str
    positive: str


class Time(Strict):
    """When a case came up, and what of that the model may see."""

    column: str
    format: str
    parts: tuple[Literal["hour", "weekday", "month"], ...] = ()


class Columns(Strict):
    """What the model may see, and nothing else: whatever a file holds besides is taken for a leak.

    Attributes
    ----------
    differences, ratios
        Pairs of numbers a, b that become a - b, and a / (b + 1).
    missing
        Codes that mean missing, by column.
    """

    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = Field(default=(), description="Yes or No")
    categories: tuple[str, ...] = ()
    differences: tuple[tuple[str, str], ...] = ()
    ratios: tuple[tuple[str, str], ...] = ()
    missing: dict[str, float] = Field(default_factory=dict)


class Together(Strict):
    """Which rows stand on one side of every split, because they may be the same thing seen twice.

    Attributes
    ----------
    agreeing
        Rows that agree in all columns of one of these lists are held together, unless more than `at_most` rows do: a
        combination that so many share tells nothing. Rows equal in all numbers and flags are held together always.
    """

    agreeing: tuple[tuple[str, ...], ...]
    at_most: Annotated[int, Field(ge=2)] = 20
    folds: Annotated[int, Field(ge=2)] = 5


class InOrder(Strict):
    """Rows in order of a column, or of time: fitted on the first share, calibrated on the next, judged on the rest."""

    fit: Share
    calibrate: Share
    column: str | None = Field(default=None, description="None for the time")

    @model_validator(mode="after")
    def _leaves_some(self) -> Self:
        if self.fit + self.calibrate >= 1:
            raise ValueError("fit and calibrate together leave nothing to judge")
        return self


class Truth(Strict):
    """What is known of how simulated data was made: the probability of yes by category.

    Attributes
    ----------
    from_hour
        Categories that are yes exactly from this hour of the day on.
    times
        Share that all probabilities are multiplied by: what is taken away at random from all alike.
    """

    column: str
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]]
    from_hour: dict[str, Annotated[int, Field(ge=0, le=23)]] = Field(default_factory=dict)
    times: Annotated[float, Field(gt=0, le=1)] = 1.0


class FlatConfig(Strict):
    """How a flat table is judged.

    Attributes
    ----------
    suspects
        Numbers close to the outcome: judged with and without them.
    together, later
        Judged by grouped cross-validation, by order, or by both; `later` is what comes of the newest rows.
    rules
        Baselines by name: the share of yes by whether the first number is below the second, in the data of fitting.
    shares_by
        Baselines: the share of yes by category.
    others_kept, bags
        Each of so many boosters sees all cases that are yes and this share of the others, weighted to make up for it.
    """

    name: str
    owner: str
    data: str
    outcome: str
    things: str
    file: str
    joins: tuple[Join, ...] = ()
    label: Label
    time: Time | None = None
    columns: Columns
    suspects: tuple[str, ...] = ()
    together: Together | None = None
    later: InOrder | None = None
    rules: dict[str, tuple[str, str]] = Field(default_factory=dict)
    shares_by: tuple[str, ...] = ()
    truth: Truth | None = None
    calibration: Literal["beta", "isotonic"] = "beta"
    others_kept: Annotated[float, Field(gt=0, le=1)] = 1.0
    bags: Annotated[int, Field(ge=1)] = 1
    rounds: Annotated[int, Field(ge=1)] = 300
    trees: Trees = Trees()
    seed: int = 1

    @model_validator(mode="after")
    def _is_judged_somehow(self) -> Self:
        if self.together is None and self.later is None:
            raise ValueError("give `together`, `later` or both: rows drawn at random would say too much")
        return self
