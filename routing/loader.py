"""Loads a policy bundle: YAML in, `Policy` out, or every problem at once, each with its line and column."""

from __future__ import annotations

from pathlib import Path

from routing.errors import PolicyError
from routing.linker import link
from routing.marks import Findings, read_yaml
from routing.policy import Policy


def load_policy(path: Path) -> Policy:
    """Load a policy bundle from a YAML file.

    Raises
    ------
    PolicyError
        With every problem of the file, if it has any that is more than a warning. Warnings alone are kept in
        `Policy.warnings`.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        findings = Findings()
        findings.error((), f"the file cannot be read: {error}. Give the path of a YAML file in UTF-8.")
        raise PolicyError(path.name, findings.in_order()) from error
    return parse_policy(text, name=path.name)


def parse_policy(text: str, *, name: str = "bundle") -> Policy:
    """Load a policy bundle from its text, e.g. one kept with a decision.

    Raises
    ------
    PolicyError
        As `load_policy` does.
    """
    data, findings = read_yaml(text)
    if not isinstance(data, dict):
        if not findings.has_errors:
            findings.error((), "found no mapping, expected a bundle with `policy`, `version`, `facts`, `rules`, …")
        raise PolicyError(name, findings.in_order())
    policy = link(data, findings)
    if policy is None:
        raise PolicyError(name, findings.in_order())
    return policy
