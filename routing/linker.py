"""Links the parts of a bundle to each other: resolves every name, compiles every condition and sentence.

It goes on after a problem, so that all of them are found in one run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from functools import partial
from types import MappingProxyType
from typing import Any

from features.vocabulary import Branch, SubjectType
from routing.budget_terms import read_budgets
from routing.canonical import digest
from routing.cost_terms import read_costs
from routing.declarations import read_declarations
from routing.document import BUNDLE_PARTS, SHIPMENTS_ONLY, BundlePart, OwnerPart, ThresholdPart, subject_of
from routing.errors import did_you_mean, listed
from routing.exploration_terms import read_exploration
from routing.facts import STRONGEST_BRANCH_TAKEN, Declaration, FactReader, FactType
from routing.lint import check_branches, check_proof, check_spending, check_use
from routing.marks import Findings, Path, shown
from routing.overdue import THE_BUNDLE, with_stages
from routing.playbook_terms import check_suspensions, read_playbooks
from routing.policy import Choosing, Mode, Owner, Policy, Review
from routing.rule_terms import check_ids, read_fallback, read_rules
from routing.scope import Scope, Threshold
from routing.shape import check_shape, list_of, read_part, section_of
from routing.subjects import BRANCHES_OF, WEAKEST
from routing.table import Table, check_table
from routing.terms import read_terms, resolve_plans


def link(raw: dict[str, Any], findings: Findings, text: str) -> Policy | None:
    """Link one document, as it is and as it will be once its reviews are overdue; `text` is how it was written.

    Returns
    -------
    Policy or None
        None if the findings hold an error.
    """
    policy = _link(raw, findings, text)
    return None if policy is None else with_stages(policy, raw, findings, partial(_link, text=""))


def _link(raw: dict[str, Any], findings: Findings, text: str) -> Policy | None:
    subject = _subject(raw, findings)
    if raw.get("subject", subject) != subject:
        return None  # which facts and branches there may be is not known
    declarations = read_declarations(raw, subject, findings)
    thresholds = _thresholds(raw, findings)
    owners = _owners(raw)
    broken = section_of(raw, "facts").keys() - declarations.keys()
    broken |= {f"${name}" for name in section_of(raw, "thresholds").keys() - thresholds.keys()}
    scope = Scope(
        declarations=declarations,
        thresholds=thresholds,
        owners=section_of(raw, "owners"),
        broken=frozenset(broken),
        findings=findings,
    )
    data = resolve_plans(raw, scope)
    check_shape(data, findings)
    _check_owners(data, scope)
    strength = _strength(data, subject, findings)
    costs = read_costs(data, subject, scope)
    branches = read_terms(data, subject, owners, scope)
    budgets = read_budgets(data, scope)
    guardrails = [*read_rules(data, "guardrails", scope)]
    rules = [*read_rules(data, "rules", scope)]
    playbooks = read_playbooks(data, subject, owners, section_of(data, "branches"), scope)
    exploration = read_exploration(data.get("exploration"), branches, [placed.rule for placed in rules], scope)
    default = read_fallback(data, "default", scope)
    on_unknown = read_fallback(data, "on_unknown", scope)
    check_ids(data, findings)
    check_table(
        Table(
            guardrails=guardrails,
            rules=rules,
            written=list_of(data, "rules"),
            strength=strength,
            declarations=declarations,
            default=Branch.NONE if default is None else default.branch,
            on_unknown=Branch.REVIEW if on_unknown is None else on_unknown.branch,
            by_cost=data.get("choice") == Choosing.LEAST_EXPECTED_COST,
            costs=costs,
            branches=branches,
            budgets=budgets,
        ),
        findings,
    )
    check_spending(rules, branches, findings)
    check_proof(rules, declarations, findings)
    if not findings.has_errors:  # what could not be read might have used them
        check_branches(rules, branches, findings)
        if costs is not None:
            check_suspensions(playbooks, rules, costs.probability_fact, scope)
        scope.used_facts.update({STRONGEST_BRANCH_TAKEN}, (str(item.currency) for item in declarations.values()))
        check_use(findings, section="facts", names=declarations, used=scope.used_facts)
        check_use(findings, section="thresholds", names=thresholds, used=scope.used_thresholds)
        used = {name for terms in branches.values() for name in terms.uses}
        check_use(findings, section="capacity", names=section_of(data, "capacity"), used=used)
    bundle = read_part(BUNDLE_PARTS[subject], data)
    if findings.has_errors or bundle is None or costs is None or default is None or on_unknown is None:
        return None
    return Policy(
        name=bundle.policy,
        version=bundle.version,
        digest=digest(raw),
        subject=subject,
        owner=bundle.owner,
        review_by=bundle.review_by,
        mode=Mode(bundle.mode),
        owners=MappingProxyType(owners),
        channels=MappingProxyType({name: each.channel for name, each in owners.items() if each.channel is not None}),
        facts=MappingProxyType(declarations),
        reader=FactReader(declarations, costs.currency),
        thresholds=MappingProxyType(thresholds),
        costs=costs,
        strength=MappingProxyType(strength),
        branches=MappingProxyType(branches),
        guardrails=tuple(placed.rule for placed in guardrails),
        rules=tuple(placed.rule for placed in rules),
        default=default,
        on_unknown=on_unknown,
        review_dates=MappingProxyType(_review_dates(bundle)),
        choosing=Choosing(bundle.choice),
        budgets=MappingProxyType(budgets),
        playbooks=MappingProxyType(playbooks),
        exploration=exploration,
        warnings=findings.in_order(),
        reviews=_reviews(bundle),
        text=text,
    )


def _subject(data: Mapping[str, Any], findings: Findings) -> SubjectType:
    """Return what is decided about; note a word we do not know, and parts that only bundles on shipments have."""
    subject, written = subject_of(data), data.get("subject")
    if "subject" in data and written != subject:
        hint = did_you_mean(str(written), SubjectType)
        findings.error(("subject",), f"found {shown(written)}, expected {listed(SubjectType)}.{hint}")
    if subject is not SubjectType.SHIPMENT:
        for name in SHIPMENTS_ONLY:
            if name in data:
                findings.error((name,), f"`{name}` is for bundles on shipments; this one is on {subject}s. Drop it.")
    return subject


def _owners(data: Mapping[str, Any]) -> dict[str, Owner]:
    parts = {name: read_part(OwnerPart, item) for name, item in section_of(data, "owners").items()}
    return {name: Owner(name=part.name, channel=part.channel) for name, part in parts.items() if part is not None}


def _thresholds(data: Mapping[str, Any], findings: Findings) -> dict[str, Threshold]:
    thresholds: dict[str, Threshold] = {}
    for name, item in section_of(data, "thresholds").items():
        part = read_part(ThresholdPart, item)
        if part is None:
            continue
        unit = FactType.PROBABILITY if part.unit == "probability" else FactType.NUMBER
        expected = Declaration(name=name, type=unit)
        if not expected.accepts(part.value):
            place = ("thresholds", name, "value")
            findings.error(place, f"found {shown(part.value)} for `{name}`, expected {expected.expected}.")
        elif part.release is not None and not expected.accepts(part.release):
            place = ("thresholds", name, "release")
            findings.error(place, f"found {shown(part.release)} for `{name}`, expected {expected.expected}.")
        elif part.safe is not None and not expected.accepts(part.safe):
            place = ("thresholds", name, "safe")
            findings.error(place, f"found {shown(part.safe)} for `{name}`, expected {expected.expected}.")
        elif part.safe is not None and part.safe == part.value:
            place = ("thresholds", name, "safe")
            findings.error(place, f"`{name}` has that value already: nothing would change. Give another, or drop it.")
        else:
            thresholds[name] = Threshold(
                name=name,
                value=part.value,
                unit=part.unit,
                owner=part.owner,
                why=part.why,
                release=part.release,
            )
    return thresholds


def _check_owners(data: Mapping[str, Any], scope: Scope) -> None:
    for path, part in _owned_parts(data):
        if isinstance(part, dict) and isinstance(part.get("owner"), str):
            scope.owner(part["owner"], (*path, "owner"))
    for name, fact in section_of(data, "facts").items():
        if isinstance(fact, dict) and isinstance(fact.get("changed_by"), str):
            scope.owner(fact["changed_by"], ("facts", name, "changed_by"))


def _owned_parts(data: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    yield (), data
    yield ("costs",), data.get("costs")
    yield ("exploration",), data.get("exploration")
    for section in ("thresholds", "branches", "capacity", "playbooks"):
        for name, part in section_of(data, section).items():
            yield (section, name), part
    for section in ("guardrails", "rules", "scenarios"):
        for index, part in enumerate(list_of(data, section)):
            yield (section, index), part


def _strength(data: Mapping[str, Any], subject: SubjectType, findings: Findings) -> dict[Branch, int]:
    """Rank the branches, weakest first; empty if the list is wrong, which is noted, here or by `check_shape`."""
    written = data.get("strength")
    if not isinstance(written, list):
        return {}
    times = Counter(str(item) for item in written)
    branches, first = BRANCHES_OF[subject], WEAKEST[subject]
    missing = [branch.value for branch in branches if times[branch.value] == 0]
    strange = [name for name in times if name in list(Branch) and name not in branches]
    twice = [name for name, count in times.items() if count > 1]
    mistake = None
    if missing:
        mistake = f"found {listed(times)}; {listed(missing)} is missing. List all, weakest first."
    elif strange:
        mistake = f"{listed(strange)} is no branch of a bundle on {subject}s. List {listed(branches)}, weakest first."
    elif twice:
        mistake = f"{listed(twice)} is listed twice. List each once, weakest first."
    elif tuple(written[: len(first)]) != first:
        mistake = _why_first(subject)
    if mistake is not None:
        findings.error(("strength",), mistake)
        return {}
    return {Branch(name): rank for rank, name in enumerate(written) if name in list(Branch)}


def _why_first(subject: SubjectType) -> str:
    if subject is SubjectType.INVOICE:
        return (
            "what asks for a person to look at a bill must win over approving it. Put none, approve and review first, "
            "in this order."
        )
    return "none and review act on nothing. Put them first, in this order."


def _reviews(bundle: BundlePart) -> tuple[Review, ...]:
    """Name the bundle itself, and its parts that have a review date of their own, in the order of the document."""
    parts: dict[str, Any] = {THE_BUNDLE: bundle, "costs": bundle.costs, "exploration": bundle.exploration}
    for section in ("thresholds", "capacity", "playbooks"):
        parts |= {f"{section}.{name}": part for name, part in getattr(bundle, section).items()}
    for section in ("guardrails", "rules"):
        parts |= {f"{section}.{part.id}": part for part in getattr(bundle, section)}
    dated = ((name, part) for name, part in parts.items() if part is not None and part.review_by is not None)
    return tuple(Review(part=name, owner=part.owner, due=part.review_by) for name, part in dated)


def _review_dates(bundle: BundlePart) -> dict[str, date]:
    dates = {THE_BUNDLE: bundle.review_by, "costs": bundle.costs.review_by}
    dates |= {f"thresholds.{name}": part.review_by for name, part in bundle.thresholds.items()}
    dates |= {f"capacity.{name}": part.review_by for name, part in bundle.capacity.items()}
    dates |= {f"playbooks.{name}": part.review_by for name, part in bundle.playbooks.items()}
    dates |= {f"guardrails.{part.id}": part.review_by for part in bundle.guardrails}
    dates |= {f"rules.{part.id}": part.review_by for part in bundle.rules}
    dates |= {} if bundle.exploration is None else {"exploration": bundle.exploration.review_by}
    return {name: review_by or bundle.review_by for name, review_by in dates.items()}
