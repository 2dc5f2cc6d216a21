"""Errors of training.

TrainingError
 ├─ ConfigError        a training configuration cannot be used (all its problems at once)
 ├─ TooLittleDataError a period has too few cases to fit, calibrate or judge on
 ├─ TooFewArrivalsError a period has too few arrivals to fit, correct or judge quantiles on
 ├─ TruthError         what is known of wrong invoices cannot be used
 ├─ FlatTableError      a flat table cannot be read as its configuration says
 ├─ DecisionLogError     logged decisions cannot be read, or say nothing of chance
 ├─ SupportError         logged decisions cannot answer for another policy
 ├─ AnotherNetworkError  the records were not generated from that seed and size
 ├─ NothingToTuneOnError all rows of a flat table are judged, so that none is left to search on
 └─ TooFewInvoicesError  a period has too few invoices, or too few that ask too much
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


class TrainingError(Exception):
    """Base of every error this package raises on purpose."""


class ConfigError(TrainingError):
    """A training configuration cannot be used."""

    def __init__(self, path: Path, problems: Sequence[str]) -> None:
        self.path = path
        self.problems = tuple(problems)
        listed = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"Training configuration {path} has {len(problems)} problem(s):\n{listed}")


class TooLittleDataError(TrainingError):
    """A period has too few cases."""

    def __init__(self, period: str, moment: str, found: int, late: int, needed: int, outcome: str = "late") -> None:
        self.period = period
        self.moment = moment
        self.found = found
        self.late = late
        super().__init__(
            f"Period '{period}' has {found} labelled cases at moment {moment}, {late} of them {outcome}; "
            f"at least {needed} of each outcome are needed. Move the split dates, or import more history."
        )


class TooFewArrivalsError(TrainingError):
    """A period has too few arrivals."""

    def __init__(self, period: str, moment: str, found: int, needed: int) -> None:
        self.period = period
        self.moment = moment
        self.found = found
        super().__init__(
            f"Period '{period}' has {found} arrivals at moment {moment}; at least {needed} are needed. "
            f"Move the split dates, or import more history."
        )


class AnotherNetworkError(TrainingError):
    """Records of a generated network are not those of the seed and size that are given."""

    def __init__(self, data: str, seed: int) -> None:
        super().__init__(
            f"The records in {data} are not what seed {seed} makes with these --shipments and --days, so the truth "
            f"behind them is not known. Give what `triage simulate` was given."
        )


class TruthError(TrainingError):
    """What is known of wrong invoices cannot be used."""

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be used: {found}. Expected is a Parquet file with invoice_id, error and overcharge_minor "
            "for each wrong invoice. `triage simulate-invoices` makes one; from reviews, write what they found."
        )


class TooFewInvoicesError(TrainingError):
    """A period has too few invoices, or too few that ask too much."""

    def __init__(self, period: str, found: int, wrong: int, needed: int, needed_wrong: int) -> None:
        self.period = period
        self.found = found
        self.wrong = wrong
        super().__init__(
            f"Period '{period}' has {found} invoices, {wrong} of them known to ask too much; at least {needed} and "
            f"{needed_wrong} are needed. Move the split dates, or import more history."
        )


class FlatTableError(TrainingError):
    """A flat table cannot be read as its configuration says."""

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be judged: {found}. Give the folder of the table, or correct its configuration."
        )


class NothingToTuneOnError(TrainingError):
    """All rows of a flat table are judged, so that none is left to search on."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Configuration '{name}' judges every row by folds, so trees chosen on any would have seen what they are "
            f"judged on. Give `later` too: then rows are searched that come before those it judges."
        )


class DecisionLogError(TrainingError):
    """Logged decisions cannot be read, or say nothing of chance."""

    def __init__(self, path: Path, line: int, found: str, todo: str) -> None:
        self.path = path
        self.line = line
        super().__init__(f"{path}, line {line}: {found}. {todo}")


class SupportError(TrainingError):
    """Logged decisions cannot answer for another policy."""

    def __init__(self, found: str, todo: str) -> None:
        super().__init__(f"These decisions cannot answer for the candidate: {found}. {todo}")
