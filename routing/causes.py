"""The common-cause detector: from counts of one scope to "declared", "stands" or "over". Pure: no clock, no look-up.

A scope is all cases that share what a playbook watches, e.g. a carrier. Each case of it that is decided about, or
looked at again, shows the cause or does not; the newest look at each counts. What was counted is sealed with each
decision that rests on it, so that a replay comes to the same verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Self

from features.vocabulary import SubjectType
from routing.canonical import digest, rfc3339
from routing.playbooks import Playbook


class Verdict(StrEnum):
    """How a scope stands when a case of it is decided."""

    QUIET = "quiet"
    DECLARED = "declared"
    STANDS = "stands"
    OVER = "over"


TURNS = frozenset({Verdict.DECLARED, Verdict.OVER})
"""Verdicts by which a cause begins or ends."""
_QUIET = Verdict.QUIET
_STANDING = frozenset({Verdict.DECLARED, Verdict.STANDS})


class Counts(NamedTuple):
    """Of the cases of a scope that were looked at within a time (`seen`), those that show the cause (`shown`)."""

    shown: int = 0
    seen: int = 0

    def with_one(self, shows: bool | None) -> Counts:
        """Count one case more, unless it cannot be told whether it shows the cause."""
        return Counts(self.shown + (shows is True), self.seen + (shows is not None))


_ALONE = {shows: Counts().with_one(shows) for shows in (True, False, None)}
"""Of a scope of which nobody else was seen: the case at hand, by whether it shows the cause."""


class Watch(NamedTuple):
    """What is known of one scope when a case of it is decided: the other cases, and the cause that stands, if any.

    Attributes
    ----------
    counts
        Of the other cases, within the time by which the playbook declares or, while the cause stands, ends it.
    cause_id, since
        The cause that stands and when it was declared.
    rests_until
        Until when none is declared, because a person ended the last one.
    """

    playbook: str
    key: str
    counts: Counts = Counts()
    cause_id: str | None = None
    since: datetime | None = None
    rests_until: datetime | None = None

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types, leaving out what is absent."""
        written = {
            "playbook": self.playbook,
            "key": self.key,
            "shown": self.counts.shown,
            "seen": self.counts.seen,
            "cause_id": self.cause_id,
            "since": None if self.since is None else rfc3339(self.since),
            "rests_until": None if self.rests_until is None else rfc3339(self.rests_until),
        }
        return {name: value for name, value in written.items() if value is not None}

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is no watch.
        """
        return cls(
            playbook=str(written["playbook"]),
            key=str(written["key"]),
            counts=Counts(shown=int(written["shown"]), seen=int(written["seen"])),
            cause_id=written.get("cause_id"),
            since=_moment(written.get("since")),
            rests_until=_moment(written.get("rests_until")),
        )


class Finding(NamedTuple):
    """How one scope of a case stands, with the case counted: `cause_id` names the cause that stands or stood."""

    playbook: Playbook
    key: str
    shows: bool | None
    counts: Counts
    verdict: Verdict
    cause_id: str | None
    because: str

    def as_json(self) -> dict[str, object]:
        """Return it in plain JSON types, as a decision that is held names its parent."""
        return {
            "cause_id": self.cause_id,
            "playbook": self.playbook.name,
            "key": self.key,
            "verdict": self.verdict.value,
            "shown": self.counts.shown,
            "seen": self.counts.seen,
        }

    @property
    def holds(self) -> bool:
        """Whether a cause stands for the case: for one that does not show it, only if all of the scope are held."""
        return self.verdict in _STANDING and (self.shows is True or not self.playbook.only_showing)


def findings_of(
    playbooks: Mapping[str, Playbook],
    watches: Sequence[Watch],
    known: Mapping[str, Any],
    now: datetime,
    *,
    subject: SubjectType = SubjectType.SHIPMENT,
) -> tuple[Finding, ...]:
    """Judge every scope to which a case belongs, in the order of the bundle.

    Parameters
    ----------
    subject
        What the bundle is on.
    watches
        What is known of its scopes; one that is not named is untouched: nobody else was seen, nothing stands.
    """
    watched = {(each.playbook, each.key): each for each in reversed(watches)}
    found = []
    for playbook in playbooks.values():
        key = playbook.key_of(known)
        if key is None:
            continue
        shows, watch = playbook.shows(known), watched.get((playbook.name, key))
        counts = _ALONE[shows] if watch is None else watch.counts.with_one(shows)
        if shows is True or (watch is not None and watch.cause_id is not None):
            found.append(_finding(playbook, watch or Watch(playbook.name, key), shows, counts, now, subject))
        else:  # nothing stands, and a case that does not show the cause declares nothing
            found.append(Finding(playbook, key, shows, counts, _QUIET, None, ""))
    return tuple(found)


def judge(playbook: Playbook, watch: Watch, counts: Counts, now: datetime, *, held: int | None = None) -> Verdict:
    """Tell how a scope stands.

    Parameters
    ----------
    counts
        Of all cases looked at in the time that matters, the one at hand included.
    held
        How many cases are held, if that is known: fewer than the playbook asks to be seen are enough if they are all.
    """
    if watch.cause_id is None:
        declaring = playbook.declaring
        is_resting = watch.rests_until is not None and now < watch.rests_until
        enough = counts.shown >= max(declaring.at_least, 1) and counts.shown >= declaring.share_at_least * counts.seen
        return Verdict.DECLARED if enough and not is_resting else Verdict.QUIET
    ending = playbook.ending
    needed = ending.seen_at_least if held is None else min(ending.seen_at_least, held)
    is_over = counts.seen >= needed and (counts.shown < ending.share_below * counts.seen or counts.shown == 0)
    return Verdict.OVER if is_over else Verdict.STANDS


def cause_id_of(playbook: str, key: str, declared_at: datetime, *, subject: SubjectType = SubjectType.SHIPMENT) -> str:
    """Derive the id of a cause: a playbook of the bundles on one type of subject declares one at a time for a scope."""
    told = [playbook, key, declared_at]
    return "cause_" + digest(told if subject is SubjectType.SHIPMENT else [subject.value, *told])[:32]


def _finding(
    playbook: Playbook, watch: Watch, shows: bool | None, counts: Counts, now: datetime, subject: SubjectType
) -> Finding:
    verdict = judge(playbook, watch, counts, now)
    cause_id = watch.cause_id
    if verdict is Verdict.DECLARED:
        cause_id = cause_id_of(playbook.name, watch.key, now, subject=subject)
    return Finding(
        playbook=playbook,
        key=watch.key,
        shows=shows,
        counts=counts,
        verdict=verdict,
        cause_id=cause_id,
        because=_because(playbook, watch, counts, verdict, now),
    )


def _because(playbook: Playbook, watch: Watch, counts: Counts, verdict: Verdict, now: datetime) -> str:
    if verdict is Verdict.QUIET:
        return ""
    scope = f"{playbook.name} of {watch.key}"
    match verdict:
        case Verdict.DECLARED:
            within = playbook.declaring.within.total_seconds() / 60
            return f"{scope} is declared: {counts.shown} of {counts.seen} cases show it within {within:g} minutes"
        case Verdict.STANDS:
            return f"{scope} stands since {rfc3339(watch.since or now)}"
        case Verdict.OVER:
            within = playbook.ending.within.total_seconds() / 60
            return f"{scope} is over: {counts.shown} of {counts.seen} cases show it within {within:g} minutes"
    raise AssertionError(verdict)


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)
