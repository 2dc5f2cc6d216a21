"""Deciding again what the ledger holds: every decision from its own record and the bundle that is kept with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from routing.context import NO_CONTEXT, Context
from routing.counterfactuals import Counterfactual, DecidedCase, of_facts, of_thresholds
from routing.errors import PolicyError, ReplayError
from routing.loader import parse_policy
from routing.policy import Policy
from routing.recording import decode_facts
from routing.replay import replay
from routing.restating import restate
from serving.db.tables import DecisionRow
from serving.policies import repository
from serving.policies.bundles import Bundles
from serving.policies.errors import LifeError

_AT_ONCE = 200
_KEPT = 256


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of one decision: `differences` name the parts that came out otherwise, `why_not` why it could not be.

    Neither is given where it came out byte for byte.
    """

    decision_id: str
    differences: tuple[str, ...] = ()
    why_not: str | None = None


def count(session: Session) -> int:
    """Return how many decisions there are."""
    return session.scalar(select(func.count()).select_from(DecisionRow)) or 0


def replay_all(session: Session, given: dict[str, Policy], decision_id: str | None = None) -> Iterator[Replayed]:
    """Decide again all decisions in their order, or one of them.

    Parameters
    ----------
    given
        Bundles by digest, for decisions of before bundles were kept.
    """
    bundles = Bundles()
    rows = select(DecisionRow.decision_id, DecisionRow.body).order_by(DecisionRow.sequence)
    if decision_id is not None:
        rows = rows.where(DecisionRow.decision_id == decision_id)
    for name, body in session.execute(rows.execution_options(yield_per=_AT_ONCE)):
        try:
            digest = str(json.loads(body)["policy"]["digest"])
            policy = given[digest] if digest in given else bundles.policy(session, digest)
            yield Replayed(name, replay(body, policy).differences)
        except (LifeError, PolicyError, ReplayError, ValueError, KeyError, TypeError) as error:
            yield Replayed(name, why_not=str(error) or "the body is no decision")


def counterfactuals(session: Session, body: str) -> tuple[Counterfactual, ...]:
    """Return what would have had to be otherwise for a sealed decision to end otherwise.

    What somebody can change comes first: facts that name who, and thresholds.

    Raises
    ------
    BundleNotFoundError
        If the bundle it was made under is not kept.
    """
    bundle = repository.find(session, str(json.loads(body)["policy"]["digest"]))
    return _counterfactuals(bundle.text, body)


@lru_cache(maxsize=_KEPT)
def _counterfactuals(bundle: str, body: str) -> tuple[Counterfactual, ...]:
    """Look for them once: what is sealed does not change, and it takes some thousand decisions."""
    recorded, policy = json.loads(body), parse_policy(bundle)
    case = DecidedCase(
        facts=decode_facts(recorded["facts"]),
        now=datetime.fromisoformat(recorded["decided_at"]),
        context=Context.from_json(recorded["context"]) if "context" in recorded else NO_CONTEXT,
        restate=partial(restate, body=recorded, policy=policy),
    )
    found = (*of_facts(policy, case), *of_thresholds(bundle, case))
    return tuple(sorted(found, key=lambda each: each.changed_by is None))
