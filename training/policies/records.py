"""Reads sealed decisions and what came of them, and asks a candidate what it would have done about each.

`triage audit export` writes the decisions of a database as JSON lines. What came of them is a table of two columns,
`decision_id` and `cost_minor`: all that a case came to, lateness and the price of what was done, in minor units of the
candidate's currency.

Each decision is made again by the candidate from its recorded facts, clock and context: what had been done for the
shipment, what was left of budgets and what was ordered are as they were.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from features.vocabulary import Branch
from routing.context import Context
from routing.engine import Choice, decide
from routing.facts import Unknown
from routing.policy import Policy
from routing.preview.comparing import taken_by
from routing.recording import decode_facts
from routing.restating import restate
from training.errors import DecisionLogError
from training.policies.log import Log

_MILLIONTHS = 1e6


class Clusters(StrEnum):
    """What is drawn as a whole when an interval is made."""

    DAY = "day"
    SHIPMENT = "shipment"


@dataclass(frozen=True, slots=True)
class Sealed:
    """A decision as it was sealed, with how likely each ending was."""

    body: Mapping[str, Any]
    propensities: Mapping[str, float]

    @property
    def ending(self) -> str:
        """What it came to."""
        return str(taken_by(self.body["branch"], self.body["recommended_branch"]))


def read_decisions(path: Path) -> Iterator[Sealed]:
    """Read sealed decisions, one JSON object a line.

    Raises
    ------
    DecisionLogError
        At the first line that is no decision, or that does not say how likely what was taken was.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                body = json.loads(line)
                yield Sealed(body, _propensities(body))
            except _NoPropensityError as error:
                todo = "Export decisions that this service has sealed; from others nothing can be estimated."
                raise DecisionLogError(path, number, str(error), todo) from error
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                found, todo = "it is no sealed decision", "Give the lines that `triage audit export` writes."
                raise DecisionLogError(path, number, found, todo) from error


def read_costs(path: Path) -> dict[str, float]:
    """Read what came of decisions: a CSV file with `decision_id` and `cost_minor`.

    Raises
    ------
    DecisionLogError
        At the first line that cannot be read.
    """
    expected = "Expected are the columns decision_id and cost_minor, a whole number of minor units."
    found: dict[str, float] = {}
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.DictReader(lines), start=2):
            try:
                found[row["decision_id"]] = float(int(row["cost_minor"]))
            except (KeyError, TypeError, ValueError) as error:
                told = ", ".join(f"{name}={value}" for name, value in row.items())
                raise DecisionLogError(path, number, f"found {told}", expected) from error
    return found


def log_of(policy: Policy, decisions: Iterable[Sealed], costs: Mapping[str, float], clusters: Clusters) -> Log:
    """Lay decisions beside what a candidate would do about them.

    Decisions of which nobody said what came are left out, and so are those about other subjects than the candidate's.
    """
    own = (each for each in decisions if each.body["subject"]["type"] == policy.subject)
    known = [each for each in own if each.body["decision_id"] in costs]
    made = [_again(policy, each.body) for each in known]
    candidates = [_endings_of(choice) for choice, _ in made]
    names = sorted(
        {name for each in known for name in each.propensities} | {name for each in candidates for name in each}
    )
    labels = [_cluster(each.body, clusters) for each in known]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    return Log(
        endings=tuple(names),
        taken=np.array([names.index(each.ending) for each in known], dtype=np.int64),
        logged=_matrix([each.propensities for each in known], names),
        candidate=_matrix(candidates, names),
        cost=np.array([costs[each.body["decision_id"]] for each in known], dtype=np.float64),
        predicted=_matrix([_predicted(policy, facts, names) for _, facts in made], names),
        cluster=np.array([numbers[label] for label in labels], dtype=np.int64),
    )


class _NoPropensityError(Exception):
    """A decision does not say how likely it was."""


def _propensities(body: Mapping[str, Any]) -> dict[str, float]:
    if "propensity" not in body:
        raise _NoPropensityError("the decision has no propensity")
    taken = str(taken_by(body["branch"], body["recommended_branch"]))
    explored = body.get("exploration")
    told = {taken: 1.0} if explored is None else {name: float(each) for name, each in explored["propensities"].items()}
    if not 0.0 < body["propensity"] <= 1.0 or told.get(taken) != body["propensity"]:
        raise _NoPropensityError(f"its propensity {body['propensity']!r} is not that of {taken!r} among {told}")
    return told


def _again(policy: Policy, body: Mapping[str, Any]) -> tuple[Choice, Mapping[str, object]]:
    facts = decode_facts(body["facts"])
    restate(facts, body, policy)
    context = Context.from_json(body.get("context", {}))._replace(subject_id=str(body["subject"]["id"]))
    return decide(policy, facts, datetime.fromisoformat(body["decided_at"]), context), facts


def _endings_of(choice: Choice) -> dict[str, float]:
    if choice.explored is None:
        return {str(taken_by(choice.branch.value, choice.recommended_branch.value)): 1.0}
    return {branch.value: chance for branch, chance in choice.explored.propensities.items()}


def _predicted(policy: Policy, facts: Mapping[str, object], names: Sequence[str]) -> dict[str, float]:
    """Return what the candidate's cost table expects of each ending; nothing where it cannot be computed."""
    known = policy.reader.read(facts).known
    expected = {}
    for name in names:
        offer = policy.offers.get(Branch(name.split(" ", 1)[0]))
        cost = Unknown("not declared") if offer is None else policy.costs.exact_cost(offer, known)
        expected[name] = 0.0 if isinstance(cost, Unknown) else cost / _MILLIONTHS
    return expected


def _cluster(body: Mapping[str, Any], clusters: Clusters) -> str:
    return str(body["decided_at"])[:10] if clusters is Clusters.DAY else str(body["subject"]["id"])


def _matrix(rows: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    filled = [[row.get(name, 0.0) for name in names] for row in rows]
    return np.array(filled, dtype=np.float64).reshape(len(rows), len(names))
