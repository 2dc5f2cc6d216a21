"""Loads a policy bundle: YAML in, `Policy` out, or every problem at once, each with its line and column."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from routing.errors import PolicyError, Problem
from routing.linker import link
from routing.lint import check_reviews
from routing.marks import Findings, read_yaml
from routing.policy import Policy
from routing.scenarios import Suite, check_scenarios, suite_of
from routing.table import check_stake

_NO_MAPPING = "found no mapping, expected a bundle with `policy`, `version`, `facts`, `rules`, …"


def load_policy(path: Path) -> Policy:
    """Load a policy bundle from a YAML file.

    Raises
    ------
    PolicyError
        With every problem of the file, if it has any that is more than a warning. Warnings alone are kept in
        `Policy.warnings`.
    """
    return parse_policy(read_text(path), name=path.name)


def read_text(path: Path) -> str:
    """Read the text of a bundle.

    Raises
    ------
    PolicyError
        If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        findings = Findings()
        findings.error((), f"the file cannot be read: {error}. Give the path of a YAML file in UTF-8.")
        raise PolicyError(path.name, findings.in_order()) from error


def parse_policy(text: str, *, name: str = "bundle") -> Policy:
    """Load a policy bundle from its text, e.g. one kept with a decision.

    Raises
    ------
    PolicyError
        As `load_policy` does.
    """
    found = _linked(text)
    if isinstance(found, tuple):
        raise PolicyError(name, found)
    return found


@lru_cache(maxsize=32)
def _linked(text: str) -> Policy | tuple[Problem, ...]:
    """Return the bundle that a text says, or what is wrong with it; of the newest texts it is known already."""
    data, findings = read_yaml(text)
    if not isinstance(data, dict):
        if not findings.has_errors:
            findings.error((), _NO_MAPPING)
        return tuple(findings.in_order())
    policy = link(data, findings, text)
    return tuple(findings.in_order()) if policy is None else policy


def link_document(document: dict[str, Any]) -> Policy | None:
    """Load a bundle that is read already; None if it does not load. It has no text, and its problems have no places."""
    return link(document, Findings(), "")


def run_suite(policy: Policy) -> Suite:
    """Decide the scenarios that a bundle names."""
    data, _ = read_yaml(policy.text)
    return suite_of(policy, data if isinstance(data, dict) else {})


def lint_policy(text: str, *, today: date) -> tuple[Problem, ...]:
    """Return everything there is to say of a bundle, errors and warnings, in the order of the document.

    Parameters
    ----------
    today
        A review that was due before is a finding. Loading a bundle does not ask for the day, so that an old decision
        can be decided again under the bundle it was made under.
    """
    data, findings = read_yaml(text)
    if isinstance(data, dict):
        policy = link(data, findings, text)
        if policy is not None:
            check_scenarios(policy, data, findings)
            check_stake(policy, findings)
        check_reviews(data, today, findings)
    elif not findings.has_errors:
        findings.error((), _NO_MAPPING)
    return findings.in_order()
