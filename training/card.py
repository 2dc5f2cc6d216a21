"""What the report of a model says of it beside figures: what it is for and what not, what it was made of, and when it
says nothing (a model card; Mitchell et al., 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from models.audit.score import AuditModel
from models.delay import DelayModel
from models.eta import EtaModel
from models.shortage import ShortageModel
from training.config import Split, Trees


class Configured(Protocol):
    """What the configuration of any model says."""

    @property
    def owner(self) -> str: ...
    @property
    def data(self) -> str: ...
    @property
    def split(self) -> Split: ...
    @property
    def trees(self) -> Trees: ...
    @property
    def seed(self) -> int: ...


@dataclass(frozen=True, slots=True)
class _Purpose:
    """What a kind of model is for and what not, and when it says nothing."""

    use: str
    not_for: str
    says_nothing: str


_OF_SHIPMENTS = (
    "no promise, no planned departure, a carrier without history, a moment it was not trained for, a number of the "
    "plan far out of the range it has learnt from, a carrier that has told nothing for far longer than ever"
)
_PURPOSES: Mapping[type, _Purpose] = {
    DelayModel: _Purpose(
        "to tell which shipments will come after their promise, and by how many hours, so that people and policies "
        "look at the right ones in time",
        "judging carriers or people, or the effect of a change of carrier: it does not know what causes what",
        _OF_SHIPMENTS,
    ),
    EtaModel: _Purpose(
        "to tell by when one in ten, half and nine in ten such shipments have arrived",
        "a promise to one customer: one in five arrives outside",
        f"{_OF_SHIPMENTS}, too few outcomes of late",
    ),
    ShortageModel: _Purpose(
        "to tell before a wave which order lines will be picked short, and what covers them",
        "counting stock: where the books are wrong it says so of many lines, not of one",
        "no stock on record, a place that is silent about its stock, a quantity far out of the range it has learnt "
        "from, a moment it was not trained for",
    ),
    AuditModel: _Purpose(
        "to put those freight invoices before people that ask too much, though no rule can prove it",
        "withholding a payment: only what rules prove is disputed",
        "a sign that cannot be told adds nothing; a charge that cannot be re-rated is named with the reason",
    ),
}


def card_of(model: DelayModel | EtaModel | ShortageModel | AuditModel, config: Configured) -> dict[str, Any]:
    """Return what the report says of a model beside figures, as plain JSON values."""
    purpose, split = _PURPOSES[type(model)], config.split
    return {
        "owner": config.owner,
        "use": purpose.use,
        "not_for": purpose.not_for,
        "says_nothing": purpose.says_nothing,
        "fit_until": split.fit_until.isoformat(),
        "calibrate_until": split.calibrate_until.isoformat(),
        "trees": config.trees.model_dump(),
        "seed": config.seed,
        "fingerprints": dict(model.fingerprints),
    }


def lines_of(card: Mapping[str, Any]) -> list[str]:
    """Return the part of a report's page that tells it, as lines of Markdown."""
    trees = card["trees"]
    return [
        "## What it is",
        "",
        f"* For: {card['use']}.",
        f"* Not for: {card['not_for']}.",
        f"* It says nothing, and why, on: {card['says_nothing']}.",
        f"* Fitted on what was before {card['fit_until']}, calibrated on what was from then to "
        f"{card['calibrate_until']}, judged on what came after.",
        f"* Boosted trees of at most {trees['num_leaves']} leaves and depth {trees['max_depth']}, seed {card['seed']}.",
        f"* Owner: {card['owner']}.",
        *(f"* SHA-256 of its {part}: `{digest}`." for part, digest in card["fingerprints"].items()),
        "",
    ]
