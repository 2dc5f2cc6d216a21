"""Who may answer and order what: people, each with a token of their own, and the owners in whose name they act.

Where nobody is listed, whoever answers is believed by the name they give, and nobody orders over HTTP.

The file holds only digests of the tokens:

    dana:
      token_sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
      roles: [transport-operations, duty-manager]
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import YamlFileError
from features.yaml_file import read_yaml
from serving.db.audit import SYSTEM
from serving.errors import SettingsError

_DIGEST = re.compile(r"[0-9a-f]{64}")
LONGEST_NAME = 60
"""How many characters a person's name has at most."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is known by a token, and in whose names they may act."""

    name: str
    roles: frozenset[str]

    def holds(self, *roles: str) -> bool:
        """Tell whether they hold one of these roles."""
        return not self.roles.isdisjoint(roles)


@dataclass(frozen=True, slots=True)
class People:
    """Everybody who is known by a token."""

    by_digest: Mapping[str, Person] = field(default_factory=dict)

    def known_by(self, token: str | None) -> Person | None:
        """Return who a token belongs to."""
        return None if token is None else self.by_digest.get(hashlib.sha256(token.encode()).hexdigest())

    def __bool__(self) -> bool:
        """Tell whether anybody is listed: then only they answer and order."""
        return bool(self.by_digest)

    @property
    def names(self) -> frozenset[str]:
        """The names of all of them."""
        return frozenset(person.name for person in self.by_digest.values())

    def named(self, name: str) -> Person | None:
        """Return the person of that name."""
        return next((person for person in self.by_digest.values() if person.name == name), None)

    def digest_of(self, name: str) -> str | None:
        """Return the digest of somebody's token; None if nobody of that name has one."""
        return next((digest for digest, person in self.by_digest.items() if person.name == name), None)

    def is_listed(self, name: str) -> bool:
        """Tell whether somebody of that name has a token."""
        return self.digest_of(name) is not None


NOBODY = People()


def is_a_name(name: str) -> bool:
    """Tell whether it is of 1 to 60 characters, without blanks around it."""
    return 0 < len(name.strip()) == len(name) <= LONGEST_NAME


def is_of_the_service(name: str) -> bool:
    """Tell whether the audit trail knows the service itself, or a part of it, by that name."""
    return name.partition(":")[0].strip().lower() == SYSTEM


def read_people(path: Path, owners: Iterable[str]) -> People:
    """Read the file of people.

    Parameters
    ----------
    owners
        The owners that the bundle lists: roles are their names.

    Raises
    ------
    SettingsError
        If it cannot be read, with everything that is wrong with it.
    """
    try:
        written = read_yaml(path)
    except YamlFileError as error:
        raise SettingsError("people", f"{path}, which cannot be read ({error.reason})", "Give a YAML file.") from error
    known = set(owners)
    mistakes: list[str] = []
    people: dict[str, Person] = {}
    for name, entry in written.items() if isinstance(written, dict) else ():
        digest, roles = (entry.get("token_sha256"), entry.get("roles")) if isinstance(entry, dict) else (None, None)
        if not isinstance(name, str) or not is_a_name(name):
            mistakes.append(f"{name!r} is no name of 1 to {LONGEST_NAME} characters")
        elif is_of_the_service(name):
            mistakes.append(f"{name} is what the service itself is called; give the name of a person")
        elif not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
            mistakes.append(f"{name} has no token_sha256 of 64 hex digits")
        elif digest in people:
            mistakes.append(f"{name} has the token of {people[digest].name}")
        elif not isinstance(roles, list) or not roles or not known.issuperset(map(str, roles)):
            mistakes.append(f"{name} has roles {roles!r}, expected some of {', '.join(sorted(known))}")
        else:
            people[digest] = Person(name, frozenset(map(str, roles)))
    if not people and not mistakes:
        mistakes.append("it lists nobody")
    if mistakes:
        todo = "Write `name: {token_sha256: …, roles: […]}` for each; `printf %s TOKEN | sha256sum` makes the digest."
        raise SettingsError("people", f"{path}, in which {'; '.join(mistakes)}", todo)
    return People(people)
