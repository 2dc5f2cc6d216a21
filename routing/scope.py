"""What the parts of a bundle may name: facts, thresholds and owners. Notes every name that is not there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from routing.errors import did_you_mean, listed
from routing.facts import Declaration
from routing.marks import Findings, Path, shown
from routing.wording import Sentence, read_sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A named number of a bundle, with who answers for it and why it is what it is."""

    name: str
    value: int | float
    unit: str
    owner: str
    why: str
    release: int | float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The declared names, and which of them have been used.

    `broken` holds facts (`name`) and thresholds (`$name`) that are declared, but wrongly: that has been noted, so their
    uses are not blamed as well. While `releasing`, a threshold is read by its release value.
    """

    declarations: Mapping[str, Declaration]
    thresholds: Mapping[str, Threshold]
    owners: Collection[str]
    broken: frozenset[str]
    findings: Findings
    used_facts: set[str] = field(default_factory=set)
    used_thresholds: set[str] = field(default_factory=set)
    releasing: bool = False

    def of_rows(self, declaration: Declaration) -> Scope:
        """Return the scope of the rows of a list fact: its columns take the place of the facts."""
        return replace(self, declarations=declaration.columns, used_facts=set())

    def fact(self, name: object, path: Path) -> Declaration | None:
        """Look up a fact, noting a problem if it is not declared."""
        if not isinstance(name, str):
            self.findings.error(path, f"found {shown(name)}, expected the name of a declared fact.")
            return None
        if name in self.broken:
            return None
        found = self.declarations.get(name)
        if found is None:
            self.findings.error(path, f"'{name}' is not a declared fact.{_hint(name, self.declarations)}")
            return None
        self.used_facts.add(found.name)
        return found

    def threshold(self, text: str, path: Path) -> Threshold | None:
        """Look up `$name`, noting a problem if there is no such threshold."""
        if text in self.broken:
            return None
        name = text.removeprefix("$")
        found = self.thresholds.get(name)
        if found is None:
            self.findings.error(path, f"'{text}' is not a threshold of this bundle.{_hint(name, self.thresholds)}")
            return None
        self.used_thresholds.add(name)
        if self.releasing and found.release is not None:
            return replace(found, value=found.release)
        return found

    def while_holding(self) -> Scope:
        """Return the scope in which conditions are read for rules that hit the last time; nothing is noted twice."""
        return replace(self, releasing=True, findings=Findings())

    def owner(self, name: str, path: Path) -> None:
        """Note a problem if nobody of that name is among the owners."""
        if name not in self.owners:
            self.findings.error(path, f"'{name}' is not among the owners of this bundle.{_hint(name, self.owners)}")

    def sentence(self, template: str, path: Path, *, customer: bool) -> Sentence | None:
        """Read a sentence, noting its problems."""
        sentence = read_sentence(template, self.declarations, customer=customer, broken=self.broken)
        if isinstance(sentence, Sentence):
            self.used_facts.update(sentence.facts)
            return sentence
        for mistake in sentence:
            self.findings.error(path, mistake)
        return None


def _hint(word: str, known: Collection[str]) -> str:
    return did_you_mean(word, known) or f" Declared: {listed(known)}."
