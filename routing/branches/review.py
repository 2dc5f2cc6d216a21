"""Review: put the case before an analyst, as a question, with the suggestion if there is one."""

from __future__ import annotations

from pydantic import Field

from routing.branches.case import Case, Infeasible, Payload
from routing.branches.plan import Plan, optional_time
from routing.facts import FactType

NEEDS: dict[str, FactType] = {}


class ReviewPlan(Plan):
    """What the analyst is asked."""

    question: str = Field(min_length=1, description="asked when there is no suggestion")
    question_with_suggestion: str = Field(min_length=1, description="asked when {branch} is suggested")


def build(case: Case, plan: ReviewPlan) -> Payload | Infeasible:
    """Ask the question, with the suggested branch and its payload, and with what is not known."""
    suggestion = case.suggestion
    if suggestion is None:
        question, suggested = plan.question, None
    else:
        question = plan.question_with_suggestion.replace("{branch}", suggestion.branch)
        suggested = {"branch": suggestion.branch.value, "payload": suggestion.payload}
    return {
        "question": question,
        "because": case.reason_staff,
        "suggestion": suggested,
        "missing": dict(case.missing),
        "answer_by": optional_time(case.latest_useful_at),
    }
