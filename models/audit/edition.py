"""Which edition of the rules judged: a fingerprint of their own text and of the settings they went by."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from models.audit.findings import AuditSettings

_RULES = {
    "models.audit": ("arithmetic", "beside", "dispute", "findings", "line_haul", "papers", "rules", "stated"),
    "features": ("amounts", "as_known", "charges", "contracts", "duplicates", "evidence", "line_haul", "rating"),
}
"""The modules that hold the rules, and the re-rating that they rest on."""


@dataclass(frozen=True, slots=True)
class Edition:
    """SHA-256 of the rules as they are written, and of the settings."""

    rules: str
    settings: str


def edition_of(settings: AuditSettings) -> Edition:
    """Return which rules judge under these settings: equal editions find the same on the same records."""
    told = {**asdict(settings), "payers": sorted(settings.payers)}
    return Edition(_rules(), hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest())


@cache
def _rules() -> str:
    digest = hashlib.sha256()
    for package, modules in _RULES.items():
        for module in modules:
            digest.update(files(package).joinpath(f"{module}.py").read_bytes())
    return digest.hexdigest()
