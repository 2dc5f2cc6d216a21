"""The shape of a policy bundle as written in YAML, and its JSON Schema for editors.

Only shape and types are checked here; what the parts mean to each other is checked by `routing.loader`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from types import GenericAlias
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, create_model
from pydantic.json_schema import models_json_schema

from features.vocabulary import Branch, SubjectType
from routing.branches.catalog import KINDS
from routing.cost import Offer
from routing.exploration_document import ExplorationPart
from routing.facts import FactType
from routing.part import BranchName, Channel, ConditionData, Part, Words, WrittenTime
from routing.playbook_document import PLAYBOOK_PARTS, PlaybookPart
from routing.subjects import BRANCHES_OF
from routing.together_document import TogetherPart

TypeName = Annotated[FactType, Field(strict=False)]
ModeName = Literal["observe", "recommend", "act_non_financial", "act_financial"]
ScalarValue = str | bool | int | float | AwareDatetime | None
Number = Annotated[Any, Field(json_schema_extra={"type": "number"})]


class OwnerPart(Part):
    """Who answers for something."""

    name: Words
    channel: Channel | None = Field(default=None, description="how they are reached, e.g. mailto:duty@example.org")


class ColumnPart(Part):
    """One column of a list fact."""

    type: TypeName
    unit: Words | None = None
    meaning: Words
    values: list[Words] | None = None


class FactPart(ColumnPart):
    """One fact that the policy may look at."""

    columns: dict[str, ColumnPart] | None = Field(default=None, description="of a list: what each row holds")
    currency: Words | None = Field(default=None, description="of an amount: the fact that holds its ISO 4217 code")
    when_absent: Any = Field(default=None, description="its value when nobody gives it")
    shown_to_customer: bool = False
    changed_by: Words | None = Field(
        default=None, description="the owner who can have it otherwise; what would change a case names them"
    )


class ThresholdPart(Part):
    """A named number, written in conditions as `$name`."""

    value: Number
    release: Number | None = Field(
        default=None, description="takes the place of `value` for a rule that hit the last time, so that it holds on"
    )
    safe: Number | None = Field(
        default=None, description="takes the place of `value` once the review is overdue, until somebody has looked"
    )
    unit: Words
    owner: Words
    review_by: date | None = None
    why: Words


class CostsPart(Part):
    """What lateness and work cost."""

    owner: Words
    review_by: date | None = None
    currency: str = Field(pattern="^[A-Z]{3}$")
    probability: Words = Field(description="the fact that holds P(late)")
    value: Words = Field(description="the fact that holds the value of the goods")
    customer_tier: Words = Field(description="the fact that holds the tier")
    lateness_share: dict[str, Annotated[float, Field(ge=0, le=1)]]
    analyst_minute_minor: int = Field(ge=0)


class StakePart(Part):
    """What is at stake, where that is a fact and not worked out of lateness."""

    owner: Words
    review_by: date | None = None
    currency: str = Field(pattern="^[A-Z]{3}$")
    at_stake: Words = Field(description="the fact that holds the amount at stake")
    evidence: Words = Field(description="the fact that rises with the evidence: more of it never gets a weaker branch")
    analyst_minute_minor: int = Field(ge=0)


class LatestUsefulPart(Part):
    """A moment relative to a fact: `{fact: promised_at, offset_hours: -2}` is two hours before the promise."""

    fact: Words
    offset_hours: float = Field(ge=-720, le=720)


class CostPart(Part):
    """What a branch costs, and which share of the expected lateness cost it leaves."""

    lateness_left: float = Field(ge=0, le=1)
    fixed_minor: int = Field(default=0, ge=0)
    share_of_value: float = Field(default=0.0, ge=0, le=1)
    analyst_minutes: float = Field(default=0.0, ge=0)

    @property
    def offer(self) -> Offer:
        """What the branch costs and leaves."""
        return Offer(**self.model_dump())


class StakeCostPart(Part):
    """What a branch costs, and which share of what is at stake it leaves."""

    stake_left: float = Field(ge=0, le=1)
    fixed_minor: int = Field(default=0, ge=0)
    analyst_minutes: float = Field(default=0.0, ge=0)

    @property
    def offer(self) -> Offer:
        """What the branch costs and leaves."""
        left, fixed, minutes = self.stake_left, self.fixed_minor, self.analyst_minutes
        return Offer(lateness_left=left, fixed_minor=fixed, analyst_minutes=minutes)


class BudgetPart(Part):
    """How much of something all branches together may use."""

    amount: float = Field(ge=0)
    unit: Words
    per_hours: float = Field(gt=0, le=8784, description="within any stretch of so many hours")
    per: list[Words] = Field(
        default_factory=list,
        min_length=1,
        description="facts for whose values the amount is kept apart, e.g. carrier_id; `bundle`: for each version",
    )
    price_minor: int = Field(default=0, ge=0, description="what a unit is worth elsewhere; counts in expected cost")
    owner: Words
    review_by: date | None = None
    why: Words


class SegmentPart(Part):
    """How far a branch may go by itself for some cases."""

    where: dict[str, Any] = Field(min_length=1, description="facts with the values that these cases have")
    mode: ModeName


class CoolDownPart(Part):
    """How long a branch rests after it was taken for the same customer, say."""

    hours: float = Field(gt=0, le=8784)
    per: Words = Field(description="the fact by whose value cases belong together, e.g. customer_id")


class ConfirmPart(Part):
    """How often a rule must hit before it counts."""

    times: int = Field(ge=2, le=100)
    within_hours: float = Field(gt=0, le=8784)


class VerifyPart(Part):
    """Until when the orchestrator is to confirm the effect; then a person is asked."""

    within_hours: float = Field(gt=0, le=720, description="from when the orchestrator has taken the call")


class CompensatePart(Part):
    """How the branch is undone, if it happened in part or a person asks for it; at most once."""

    action: str = Field(pattern="^[a-z][a-z0-9_]*$", description="what the orchestrator is asked, e.g. cancel_booking")
    payload: list[Words] = Field(default_factory=list, description="facts passed on as they are")
    within_hours: float = Field(gt=0, le=720, description="until when the orchestrator is to confirm that it is undone")


class BranchPart(Part):
    """On which terms a branch is taken."""

    owner: Words
    money: bool = Field(description="whether taking it commits money")
    mode: ModeName = Field(description="how far it may go by itself")
    requires: list[Words] = Field(default_factory=list)
    payload: list[Words] = Field(default_factory=list, description="facts passed on as they are")
    latest_useful: LatestUsefulPart | None = None
    after_latest_useful: Literal["review", "none"] = "review"
    cost: CostPart | StakeCostPart
    uses: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="what it takes from each budget of `capacity`"
    )
    segments: list[SegmentPart] = Field(
        default_factory=list, description="cases with a mode of their own; the first that fits counts"
    )
    cool_down: CoolDownPart | None = None
    approval_above_minor: int | None = Field(
        default=None, ge=0, description="what commits more than this waits for a person, whatever the mode"
    )
    verify: VerifyPart | None = None
    compensate: CompensatePart | None = None


class RulePart(Part):
    """When a case goes where. A guardrail has the same form, and leads to none or review."""

    id: str
    owner: Words
    review_by: date | None = None
    when: ConditionData
    confirm: ConfirmPart | None = None
    branch: BranchName
    sentence_staff: Words
    sentence_customer: Words


class FallbackPart(Part):
    """Where a case goes that no rule claims."""

    branch: Literal["none", "review"]
    sentence_staff: Words
    sentence_customer: Words


class UnknownPart(FallbackPart):
    """Where a case goes that cannot be determined: always to a person."""

    branch: Literal["review"]


class ExpectsPart(Part):
    """What must come of a scenario."""

    branch: BranchName
    decided_by: Words | None = Field(default=None, description="the rule or guardrail that decides it, if that matters")


class ScenarioPart(Part):
    """A case, and what must come of it. A fact that is not given is unknown."""

    id: str = Field(pattern="^[a-z][a-z0-9_]*$")
    owner: Words
    meaning: Words = Field(description="why it must come to that, in a sentence")
    at: WrittenTime = Field(description="when it is decided")
    like: str | None = Field(default=None, description="an earlier scenario, whose facts it has but for its own")
    facts: dict[str, ScalarValue | list[dict[str, ScalarValue]]] = Field(default_factory=dict)
    stands: list[str] = Field(
        default_factory=list, description="playbooks of which a cause stands for it; none if left out, also by `like`"
    )
    expects: ExpectsPart


class BundlePart(Part):
    """What the bundles of all subjects have."""

    policy: str = Field(pattern="^[a-z][a-z0-9_]*$", description="name of the bundle")
    version: int = Field(ge=1)
    subject: Literal["shipment", "invoice", "shortage"] = Field(description="what is decided about")
    meaning: Words
    owner: Words
    review_by: date
    mode: ModeName = Field(description="ceiling for all branches; `observe` sends nothing at all")
    owners: dict[str, OwnerPart]
    facts: dict[str, FactPart]
    thresholds: dict[str, ThresholdPart]
    costs: CostsPart | StakePart
    choice: Literal["strongest", "least_expected_cost"] = Field(
        default="strongest", description="how one branch is chosen among those of the rules that hit"
    )
    capacity: dict[str, BudgetPart] = Field(default_factory=dict)
    strength: list[Any]
    branches: Any
    guardrails: list[Any]
    rules: list[Any]
    default: FallbackPart
    on_unknown: UnknownPart
    playbooks: dict[str, PlaybookPart] = Field(default_factory=dict)
    exploration: ExplorationPart | None = None
    scenarios: list[ScenarioPart] = Field(default_factory=list, description="the suite: cases, and what comes of each")


SHIPMENTS_ONLY = ("exploration",)
"""Parts that only a bundle on shipments may have."""


def _branch_parts(subject: SubjectType) -> dict[Branch, type[BranchPart]]:
    is_shipment = subject is SubjectType.SHIPMENT
    before = "" if is_shipment else subject.title()
    parts: dict[Branch, type[BranchPart]] = {}
    for branch in BRANCHES_OF[subject]:
        if branch is not Branch.NONE:
            own: dict[str, Any] = {
                "cost": (CostPart if is_shipment else StakeCostPart, ...),
                "plan": (KINDS[branch].plan, ...),
            }
            if is_shipment and branch is Branch.NOTIFY:
                own["together"] = (TogetherPart | None, None)
            parts[branch] = create_model(f"{before}{_title(branch)}Part", __base__=BranchPart, **own)
    return parts


def _bundle_part(subject: SubjectType) -> type[BundlePart]:
    before = "" if subject is SubjectType.SHIPMENT else subject.title()
    branches: dict[str, Any] = {
        branch.value: (part, ...) if branch is Branch.REVIEW else (part | None, None)
        for branch, part in BRANCH_PARTS[subject].items()
    }
    name = _name(subject)
    rule = create_model(f"{before}RulePart", __base__=RulePart, __doc__=RulePart.__doc__, branch=(name, ...))
    strength = "all branches of the subject, weakest first"
    fields: dict[str, Any] = {
        "strength": (GenericAlias(list, (name,)), Field(description=strength)),
        "guardrails": (GenericAlias(list, (rule,)), ...),
        "rules": (GenericAlias(list, (rule,)), ...),
        "subject": (Literal[subject.value], Field(description="what is decided about, e.g. shipment")),
        "costs": (CostsPart if subject is SubjectType.SHIPMENT else StakePart, ...),
        "branches": (create_model(f"{before}BranchesPart", __base__=Part, **branches), ...),
        "playbooks": (GenericAlias(dict, (str, PLAYBOOK_PARTS[subject])), Field(default_factory=dict)),
    }
    doc = f"A whole bundle on {subject.value}s."
    return create_model(f"{subject.title()}BundlePart", __base__=BundlePart, __doc__=doc, **fields)


def _name(subject: SubjectType) -> Any:
    """Return the type of a branch's name: one of the subject's own, so that an editor offers no others."""
    return Literal.__getitem__(tuple(branch.value for branch in BRANCHES_OF[subject]))


def _title(branch: Branch) -> str:
    return branch.title().replace("_", "")


BRANCH_PARTS: Mapping[SubjectType, Mapping[Branch, type[BranchPart]]] = {
    subject: _branch_parts(subject) for subject in SubjectType
}
"""The terms of each branch, by subject."""
BUNDLE_PARTS: Mapping[SubjectType, type[BundlePart]] = {subject: _bundle_part(subject) for subject in SubjectType}
"""The whole bundle, by subject."""


def subject_of(data: Mapping[str, object]) -> SubjectType:
    """Return what a bundle decides about; shipments where it does not say so in a word we know."""
    return next((subject for subject in SubjectType if subject == data.get("subject")), SubjectType.SHIPMENT)


def policy_json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a policy bundle, for editors that complete and check YAML."""
    _, schema = models_json_schema([(part, "validation") for part in BUNDLE_PARTS.values()])
    for part in schema["$defs"].values():
        for name, field in part.get("properties", {}).items():
            if field.pop("x-condition", False):
                part["properties"][name] = {"$ref": "#/$defs/Condition"}
            elif "unit" in field:
                part["properties"][name] = {"anyOf": [field, {"type": "string", "pattern": r"^\$[a-z]"}]}
    for subject, bundle in BUNDLE_PARTS.items():
        if subject is not SubjectType.SHIPMENT:
            for name in SHIPMENTS_ONLY:
                del schema["$defs"][bundle.__name__]["properties"][name]
    schema["$defs"]["Condition"] = _condition_schema()
    bundles = [{"$ref": f"#/$defs/{part.__name__}"} for part in BUNDLE_PARTS.values()]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Bundle", "oneOf": bundles, **schema}


def _condition_schema() -> dict[str, Any]:
    again = {"$ref": "#/$defs/Condition"}
    several = {"type": "array", "minItems": 1, "items": again}
    number = {"type": ["number", "string"]}
    operators: dict[str, Any] = {
        "at_least": number,
        "above": number,
        "at_most": number,
        "below": number,
        "between": {"type": "array", "minItems": 2, "maxItems": 2},
        "is": {},
        "in": {"type": "array", "minItems": 1},
        "known": {"type": "boolean"},
        "rows_at_least": {"type": "integer", "minimum": 1},
        "some_row": again,
    }
    combined: dict[str, Any] = {"all": several, "any": several, "not": again}
    asked = {"properties": {"fact": {"type": "string"}, **operators}, "minProperties": 2, "maxProperties": 2}
    return {
        "type": "object",
        "oneOf": [
            *(
                {"properties": {word: form}, "required": [word], "additionalProperties": False}
                for word, form in combined.items()
            ),
            {**asked, "required": ["fact"], "additionalProperties": False},
        ],
    }
