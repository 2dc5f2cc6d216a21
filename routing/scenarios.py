"""The suite of a bundle: cases that it names, each with what must come of it.

A scenario is decided alone, with full budgets and without a past, at its own time: by then reviews may be overdue.
Common causes stand for it as far as it says. What it expects stands in the document, signed by an owner, so a change of
rules that nobody meant for it is found before the bundle is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from routing.canonical import rfc3339
from routing.causes import Counts, Watch
from routing.context import Context
from routing.document import ScenarioPart
from routing.engine import Choice, decide
from routing.errors import did_you_mean, listed
from routing.marks import Findings, Path
from routing.policy import Policy
from routing.shape import read_part

_HERE = "scenarios"
_ALL_OF_MANY = Counts(shown=1_000_000, seen=1_000_000)
"""What is counted of a cause that stands for a scenario: so many that the case itself does not end it."""


def check_scenarios(policy: Policy, data: Mapping[str, Any], findings: Findings) -> None:
    """Find the scenarios of a bundle that cannot be read, or come to something else than they expect.

    Parameters
    ----------
    policy
        The bundle.
    data
        Its document.
    """
    seen: set[str] = set()
    for index, case in enumerate(_cases(data)):
        path: Path = (_HERE, index)
        scenario, sound = case.scenario, _check_facts(policy, case.scenario.facts, (*path, "facts"), findings)
        if scenario.like is not None and scenario.like not in seen:
            findings.error((*path, "like"), f"no earlier scenario is called '{scenario.like}'.")
            sound = False
        if scenario.id in seen:
            findings.error((*path, "id"), f"the id '{scenario.id}' is taken. Give each scenario its own.")
        seen.add(scenario.id)
        if not _check_stands(policy, case, (*path, "stands"), findings):
            sound = False
        if sound:
            found = case.decided_by(policy)
            mistake = _mistake(scenario, found)
            if mistake is not None:
                findings.error((*path, "expects"), mistake)
            _check_wait(policy, scenario, found, (*path, "at"), findings)


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one scenario; `mistake` says in which way it is not what was expected."""

    id: str
    owner: str
    meaning: str
    branch: str
    decided_by: str
    mistake: str | None


@dataclass(frozen=True, slots=True)
class Suite:
    """What came of the scenarios of a bundle, and the rules that decide none of them."""

    ran: tuple[Ran, ...]
    rules_without: tuple[str, ...]

    @property
    def wrong(self) -> tuple[Ran, ...]:
        """Those that come to something else."""
        return tuple(each for each in self.ran if each.mistake is not None)

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types."""
        return {"scenarios": [asdict(each) for each in self.ran], "rules_without": list(self.rules_without)}


def suite_of(policy: Policy, data: Mapping[str, Any]) -> Suite:
    """Decide the scenarios of a bundle, given with its document."""
    ran = []
    for case in _cases(data):
        scenario, found = case.scenario, case.decided_by(policy)
        told = scenario.id, scenario.owner, scenario.meaning, found.branch.value, found.decided_by
        ran.append(Ran(*told, _mistake(scenario, found)))
    deciding = {each.decided_by for each in ran}
    rules = (rule.id for rule in (*policy.guardrails, *policy.rules))
    return Suite(tuple(ran), tuple(rule for rule in rules if rule not in deciding))


@dataclass(frozen=True, slots=True)
class _Case:
    """A scenario with all its facts, those that it shares with an earlier one among them."""

    scenario: ScenarioPart
    facts: Mapping[str, Any]

    def decided_by(self, policy: Policy) -> Choice:
        at, known = self.scenario.at, policy.reader.read(self.facts).known
        scopes = {
            name: policy.playbooks[name].key_of(known) for name in self.scenario.stands if name in policy.playbooks
        }
        watches = tuple(
            Watch(playbook=name, key=key, counts=_ALL_OF_MANY, cause_id=f"cause_{self.scenario.id}", since=at)
            for name, key in scopes.items()
            if key is not None
        )
        return decide(policy, self.facts, at, Context(watches=watches, overdue=policy.overdue_at(at)))


def _cases(data: Mapping[str, Any]) -> Sequence[_Case]:
    """Return the scenarios; none if one has not its shape, which is found where the bundle is linked."""
    written = data.get(_HERE)
    parts = [read_part(ScenarioPart, item) for item in written] if isinstance(written, list) else []
    cases: dict[str, _Case] = {}
    in_order = []
    for part in parts:
        if part is None:
            return ()
        like = cases.get(part.like or "")
        case = _Case(part, part.facts if like is None else {**like.facts, **part.facts})
        cases.setdefault(part.id, case)
        in_order.append(case)
    return in_order


def _check_facts(policy: Policy, facts: Mapping[str, Any], path: Path, findings: Findings) -> bool:
    """Note facts that are not declared, or whose values are none of theirs; tell whether there are none."""
    mistakes = {name: f"it is wrong: {words}" for name, words in policy.reader.read(facts).wrong.items()}
    for name in sorted(facts.keys() - policy.facts.keys()):
        mistakes[name] = f"`{name}` is not declared under `facts`.{did_you_mean(name, policy.facts)}"
    for name, mistake in mistakes.items():
        findings.error((*path, name), mistake)
    return not mistakes


def _check_stands(policy: Policy, case: _Case, path: Path, findings: Findings) -> bool:
    """Note causes that cannot stand for a case; tell whether there are none."""
    known, sound = policy.reader.read(case.facts).known, True
    for index, name in enumerate(case.scenario.stands):
        playbook = policy.playbooks.get(name)
        if playbook is None:
            mistake = f"`{name}` is not among `playbooks`.{did_you_mean(name, policy.playbooks)}"
        elif playbook.key_of(known) is None:
            mistake = (
                f"the case is of no scope of `{name}`. Give it {listed(f'`{each}`' for each in playbook.watches)}."
            )
        else:
            continue
        findings.error((*path, index), mistake)
        sound = False
    return sound


def _mistake(scenario: ScenarioPart, found: Choice) -> str | None:
    """Say in which way a case came to something else; None if it did not."""
    expects = scenario.expects
    if found.branch is expects.branch and expects.decided_by in (None, found.decided_by):
        return None
    wanted = expects.branch if expects.decided_by is None else f"{expects.branch} by `{expects.decided_by}`"
    why = found.held_because or found.suppressed_because or found.reason_staff
    return (
        f"`{scenario.id}` comes to {found.branch} by `{found.decided_by}`, expected {wanted}. {why} "
        f"Mend the rules, or what the scenario expects."
    )


def _check_wait(policy: Policy, scenario: ScenarioPart, found: Choice, path: Path, findings: Findings) -> None:
    """Warn of a case that is told in one message with others, and cannot wait as long as that says."""
    together = None if found.together is None else policy.branches[found.branch].together
    if together is None or found.together is None or found.latest_useful_at is None:
        return
    if found.together.sends_at < scenario.at + together.within:
        findings.warning(
            path,
            f"{found.branch} is of no use from {rfc3339(found.latest_useful_at)} on, so it waits for others until "
            f"{rfc3339(found.together.sends_at)} and not for {together.within.total_seconds() / 60:g} minutes. "
            "Wait less, or decide earlier.",
        )
