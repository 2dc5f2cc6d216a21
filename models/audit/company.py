"""What the rules need to know of a company, as it stands in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from features.errors import YamlFileError
from features.yaml_file import read_yaml
from models.audit.findings import AuditSettings, Tolerance
from models.errors import AuditFileError

SECTION = "audit"
"""A training configuration of the audit holds the same under this name, and may be read in its place."""


class _Strict(BaseModel):
    """Nothing beside what is asked for, so that a misspelt name is noticed and not lost."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ToleranceConfig(_Strict):
    """What is let pass: within the amount and within the percentage of what is owed, both."""

    amount_minor: Annotated[int, Field(ge=0)] = 100
    percent: Annotated[float, Field(ge=0)] = 1.0


class AuditConfig(_Strict):
    """What the rules need to know of the company; see `models.audit.findings.AuditSettings`."""

    over: ToleranceConfig = ToleranceConfig()
    under: ToleranceConfig = ToleranceConfig(amount_minor=500, percent=5.0)
    payers: tuple[str, ...] = ()
    bill_within_days: Annotated[int, Field(ge=1)] = 180
    delivery_is_shown: bool = True
    rates_are_on_file: bool = True

    def settings(self) -> AuditSettings:
        """Return the settings of the rules."""
        return AuditSettings(
            over=Tolerance(**self.over.model_dump()),
            under=Tolerance(**self.under.model_dump()),
            payers=frozenset(self.payers),
            bill_within_days=self.bill_within_days,
            delivery_is_shown=self.delivery_is_shown,
            rates_are_on_file=self.rates_are_on_file,
        )


def read_audit_settings(path: Path) -> AuditSettings:
    """Read the settings of the rules: a YAML file of `AuditConfig`, or one that holds it under `audit`.

    Raises
    ------
    AuditFileError
        If it cannot be read, or something in it is unknown or wrong.
    """
    try:
        found = read_yaml(path)
    except YamlFileError as error:
        raise AuditFileError(path, error.reason) from error
    if isinstance(found, dict) and SECTION in found:
        found = found[SECTION]
    try:
        return AuditConfig.model_validate({} if found is None else found).settings()
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise AuditFileError(path, faults) from error
