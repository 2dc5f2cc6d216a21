"""Why a person overrides or dismisses: a closed list, because these answers become labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Answer(StrEnum):
    """What a person can answer; two are the service's own: `superseded`, when something else has answered the item, and
    `expired`, when nobody did while an answer was of use.

    The last three answer an item that asks what became of a call.
    """

    ACCEPT = "accept"
    OVERRIDE = "override"
    DISMISS = "dismiss"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"
    UNDO = "undo"


class ReasonCode(StrEnum):
    """The closed list of reasons."""

    BETTER_OPTION = "better_option"
    CUSTOMER_ASKED = "customer_asked"
    CARRIER_CONFIRMED = "carrier_confirmed"
    COST_TOO_HIGH = "cost_too_high"
    WRONG_FACTS = "wrong_facts"
    NOT_LATE = "not_late"
    ALREADY_HANDLED = "already_handled"
    CUSTOMER_FLEXIBLE = "customer_flexible"
    NOT_WORTH_IT = "not_worth_it"
    TOO_LATE_TO_ACT = "too_late_to_act"
    NEWER_DECISION = "newer_decision"
    OUTCOME_CAME = "outcome_came"
    NOBODY_ANSWERED = "nobody_answered"


@dataclass(frozen=True, slots=True)
class ReasonMeaning:
    """What a reason says in words, and which answers it may explain."""

    words: str
    answers: frozenset[Answer]


_BOTH = frozenset({Answer.OVERRIDE, Answer.DISMISS})
_OVERRIDE = frozenset({Answer.OVERRIDE})
_DISMISS = frozenset({Answer.DISMISS})

MEANINGS: Mapping[ReasonCode, ReasonMeaning] = {
    ReasonCode.BETTER_OPTION: ReasonMeaning("Another action serves this shipment better", _OVERRIDE),
    ReasonCode.CUSTOMER_ASKED: ReasonMeaning("The customer asked for something else", _BOTH),
    ReasonCode.CARRIER_CONFIRMED: ReasonMeaning("The carrier told us what will happen", _BOTH),
    ReasonCode.COST_TOO_HIGH: ReasonMeaning("The suggested action costs more than it saves", _BOTH),
    ReasonCode.WRONG_FACTS: ReasonMeaning("A fact the decision stands on is wrong", _BOTH),
    ReasonCode.NOT_LATE: ReasonMeaning("The shipment will be on time", _DISMISS),
    ReasonCode.ALREADY_HANDLED: ReasonMeaning("Somebody has dealt with it already", _DISMISS),
    ReasonCode.CUSTOMER_FLEXIBLE: ReasonMeaning("The customer does not mind the delay", _DISMISS),
    ReasonCode.NOT_WORTH_IT: ReasonMeaning("Too little is at stake to act", _DISMISS),
    ReasonCode.TOO_LATE_TO_ACT: ReasonMeaning("Nothing helps any more", _DISMISS),
    ReasonCode.NEWER_DECISION: ReasonMeaning("A newer decision took the item's place", frozenset({Answer.SUPERSEDED})),
    ReasonCode.OUTCOME_CAME: ReasonMeaning("What became of the call is known", frozenset({Answer.SUPERSEDED})),
    ReasonCode.NOBODY_ANSWERED: ReasonMeaning(
        "Nobody answered while an answer was of use", frozenset({Answer.EXPIRED})
    ),
}


def reasons_for(answer: Answer) -> tuple[ReasonCode, ...]:
    """Return the reasons that may explain an answer, in the order to show them."""
    return tuple(code for code, meaning in MEANINGS.items() if answer in meaning.answers)
