"""The service's settings: one frozen value, built once at the command line and passed around."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from secrets import compare_digest

from features.vocabulary import SubjectType
from serving.errors import SettingsError

_PLACEHOLDERS = frozenset({"changeme", "demo", "example", "password", "placeholder", "secret", "test", "token"})
_SHORTEST_SECRET = 16


_BUNDLED = {
    SubjectType.SHIPMENT: "late_shipments.yaml",
    SubjectType.INVOICE: "freight_invoices.yaml",
    SubjectType.SHORTAGE: "pick_shortages.yaml",
}


def bundled_policy(subject: SubjectType = SubjectType.SHIPMENT) -> Path:
    """Return the path of the policy on a type of subject that ships with the program."""
    return Path(str(files("routing"))) / "policies" / _BUNDLED[subject]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the service can be told from outside.

    Raises
    ------
    SettingsError
        If a value cannot work, or a secret is a placeholder outside the demo.
    """

    database_url: str = "sqlite:///triage.db"
    tracking_uri: str | None = None
    """MLflow tracking URI; without one no model is loaded and every case goes to a person."""
    model_name: str | None = "delay"
    """Registered model of lateness; None where no shipments are to be judged: then every case goes to a person."""
    eta_model_name: str | None = None
    """Registered model of arrival; without one nobody is told when a shipment arrives."""
    invoice_model_name: str | None = None
    """Registered model of invoices; without one rules judge them alone."""
    invoice_rules: Path | None = None
    """What the rules of the audit need to know (`models.audit.company`); else as the model was trained."""
    shortage_model: str | None = None
    """Registered model of shortages, or the folder of its bundle; without one no stock is learnt and none is judged."""
    history: Path | None = None
    """Folder of canonical Parquet tables, known before the record log begins."""
    contracts: Path | None = None
    """Folder of canonical Parquet tables with the contracts of carriers; without one, those of `history` hold."""
    policy: Path | None = None
    """The bundle of the first start; afterwards the database says what is in force. None: the one that ships."""
    invoice_policy: Path | None = None
    """The same on invoices. None: the one that ships, if a model or rules of invoices are given."""
    shortage_policy: Path | None = None
    """The same on shortages. None: the one that ships, if a model of shortages is given."""
    body_limit_bytes: int = 1024 * 1024
    clock_skew: timedelta = timedelta(seconds=60)
    trust_known_time: bool = False
    """Believe a sender's `known_at`: for replaying history only, never for a live feed."""
    claim: timedelta = timedelta(minutes=15)
    target: str = "orchestrator"
    demo: bool = False
    api_token: str | None = field(default=None, repr=False)
    people: Path | None = None
    """Who may answer and order what (`serving.auth.people`); without the file any name answers, and nobody orders."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, before anything is built from it."""
        if self.eta_model_name is not None and self.tracking_uri is None:
            raise SettingsError("eta model", f"'{self.eta_model_name}'", "Give the registry too: --tracking-uri.")
        if self.invoice_model_name is not None and self.tracking_uri is None:
            raise SettingsError(
                "invoice model", f"'{self.invoice_model_name}'", "Give the registry too: --tracking-uri."
            )
        if self.shortage_model is not None and self.shortage_bundle is None and self.tracking_uri is None:
            what_to_do = "It is no folder with a bundle.json, so give the registry too: --tracking-uri."
            raise SettingsError("shortage model", f"'{self.shortage_model}'", what_to_do)
        if self.body_limit_bytes < 1:
            raise SettingsError("body limit", f"{self.body_limit_bytes} bytes", "Give at least 1.")
        if self.clock_skew < timedelta(0):
            raise SettingsError("clock skew", str(self.clock_skew), "Give zero or more.")
        if self.claim <= timedelta(0):
            raise SettingsError("claim", str(self.claim), "Give more than zero, or no claim ever holds.")
        if self.api_token is not None and not self.demo:
            refuse_placeholder("api token", self.api_token)

    @property
    def shortage_bundle(self) -> Path | None:
        """The folder of the shortage model's bundle; None where a registered model is named."""
        folder = None if self.shortage_model is None else Path(self.shortage_model)
        return folder if folder is not None and (folder / "bundle.json").is_file() else None

    @property
    def first_policies(self) -> dict[SubjectType, Path | None]:
        """The file of the first bundle for each type of subject that is decided about; None: the one that ships."""
        given: dict[SubjectType, Path | None] = {SubjectType.SHIPMENT: self.policy}
        if self.invoice_policy is not None or self.judges_invoices:
            given[SubjectType.INVOICE] = self.invoice_policy
        if self.shortage_policy is not None or self.shortage_model is not None:
            given[SubjectType.SHORTAGE] = self.shortage_policy
        return given

    @property
    def judges_invoices(self) -> bool:
        """Whether invoices are to be judged from the start on."""
        return self.invoice_model_name is not None or self.invoice_rules is not None

    def accepts(self, token: str | None) -> bool:
        """Tell whether a caller with this token may go on; anybody may where the service has none."""
        return self.api_token is None or (token is not None and compare_digest(token.encode(), self.api_token.encode()))


def refuse_placeholder(setting: str, secret: str) -> None:
    """Refuse a secret that anybody could guess.

    Raises
    ------
    SettingsError
        If it is a known placeholder or shorter than 16 characters.
    """
    plain = "".join(character for character in secret.lower() if character.isalnum())
    if plain in _PLACEHOLDERS:
        raise SettingsError(setting, "a placeholder", "Make a real one, e.g. with `openssl rand -hex 32`.")
    if len(secret) < _SHORTEST_SECRET:
        raise SettingsError(
            setting, f"{len(secret)} characters long", f"Give at least {_SHORTEST_SECRET}, e.g. `openssl rand -hex 32`."
        )
