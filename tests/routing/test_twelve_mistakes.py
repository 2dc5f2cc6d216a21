"""A bundle with twelve seeded mistakes gets twelve findings, all at once, each with its line."""

from __future__ import annotations

from datetime import date

from routing.errors import Severity
from routing.loader import lint_policy

RULE = """  - id: {id}
    owner: {owner}  # of {id}
    when: {when}
    branch: {branch}
    sentence_staff: Because of {id}.
    sentence_customer: We are checking your shipment.
"""
RULES = (
    ("few", "{fact: pieces, below: 4}", "review"),
    ("many", "{fact: pieces, above: 4}", "review"),
    ("ownerless", "{fact: late_probability, at_least: 0.5}", "notify"),
    ("shadowed", "{fact: late_probability, at_least: 0.6}", "notify"),
    ("dear", "{fact: value_minor, at_least: 900000}", "split"),
    ("critical", "{fact: customer_tier, is: critical}", "split"),
    ("never", "{all: [{fact: departed, is: true}, {fact: departed, is: false}]}", "rebook"),
    ("band", "{fact: late_probability, between: [0.7, 0.9]}", "escalate"),
)
EDITS = (
    (
        "    unit: probability\n    owner: customer",
        "    unit: probability\n    review_by: 2026-01-01\n    owner: customer",
    ),
    ("plan: {to: duty-manager, ", "plan: {to: process-owner, "),
    ("when: {fact: customer_on_hold, is: true}", "when: {fact: customer_onhold, is: true}"),
    ("when: {fact: has_promise, is: false}", "when: {fact: has_promise, is: 'no'}"),
    ("when: {fact: carrier_known, is: false}", "when: {fact: promised_at, below: now}"),
    ("default:\n  branch: none", "default:\n  branch: null"),
)
"""An overdue review, an owner who cannot be reached, an unknown field, a wrong type, the clock, null on no match."""
FOUND = (
    ("review_by: 2026-01-01", "the review was due by 2026-01-01"),
    ("plan: {to: process-owner, ", "'process-owner' has no channel, so nobody would be reached"),
    ("when: {fact: customer_onhold", "'customer_onhold' is not a declared fact"),
    ("when: {fact: has_promise", "found 'no' for `has_promise`, expected true or false"),
    ("when: {fact: promised_at, below: now}", "found 'now' for `promised_at`, expected a time with a zone"),
    ("when: {fact: pieces, above: 4}", "a gap: 'few' hits below `pieces` 4 and 'many' above it, but at 4 itself"),
    ("owner: nobody  # of ownerless", "'nobody' is not among the owners of this bundle"),
    (
        "when: {fact: late_probability, at_least: 0.6}",
        "'shadowed' is unreachable: whenever it hits, so does",
    ),
    ("when: {fact: customer_tier, is: critical}", "'critical' overlaps 'dear'"),
    ("when: {all: [{fact: departed, is: true}, {fact", "nothing is left of `departed` between true and false"),
    ("when: {fact: late_probability, between: [0.7", "a greater risk gets a weaker branch: at `late_probability` 0.7"),
    ("  branch: null", "found nothing, expected none or review"),
)
"""What is found, in the order of the document: how its line begins or what it holds, and how the finding begins."""


def seeded(text: str) -> str:
    """Write the bundle that ships with all twelve mistakes."""
    for old, new in EDITS:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    before, after = text[: text.index("rules:\n")], text[text.index("default:\n") :]
    rules = [
        RULE.format(id=name, when=when, branch=branch, owner="nobody" if name == "ownerless" else "customer-service")
        for name, when, branch in RULES
    ]
    return f"{before}rules:\n{''.join(rules)}\n{after}"


def test_a_bundle_with_twelve_seeded_mistakes_gets_twelve_findings_with_their_lines(bundle_text: str) -> None:
    text = seeded(bundle_text)
    lines = text.splitlines()
    problems = lint_policy(text, today=date(2026, 3, 1))
    found = [(problem.line, problem.message) for problem in problems]
    expected = [(1 + next(n for n, line in enumerate(lines) if holds in line), begins) for holds, begins in FOUND]

    assert [line for line, _ in found] == [line for line, _ in expected]
    assert all(message.startswith(begins) for (_, message), (_, begins) in zip(found, expected, strict=True)), found
    assert [problem.message[:10] for problem in problems if problem.severity is Severity.WARNING] == ["'critical'"]
    assert lint_policy(bundle_text, today=date(2026, 3, 1)) == (), "and without them none"
