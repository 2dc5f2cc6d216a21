"""Names of places and their time zones.

A place is its UN/LOCODE, or country, state and city: "US-VT-BRATTLEBORO". Its zone is what a zones file says of it
or of the nearest that it lies in ("US-VT", "US"), and else that of its state, for the United States and Canada. Where a
state lies in several zones the one of most of its people is taken, and that is reported.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from features.errors import MappingError, SourceError, YamlFileError
from features.fields import is_zone
from features.yaml_file import read_yaml

_EASTERN, _CENTRAL, _MOUNTAIN, _PACIFIC = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
)
_STATES: Mapping[tuple[str, str], str] = {
    ("US", _EASTERN): "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
    ("US", _CENTRAL): "AL AR IA IL LA MN MO MS OK WI",
    ("US", _MOUNTAIN): "CO MT NM UT WY",
    ("US", _PACIFIC): "CA WA",
    ("US", "Pacific/Honolulu"): "HI",
    ("US", "America/Puerto_Rico"): "PR VI",
    ("CA", "America/Edmonton"): "AB",
    ("CA", "America/Winnipeg"): "MB",
    ("CA", "America/Moncton"): "NB",
    ("CA", "America/Halifax"): "NS PE",
    ("CA", "America/Yellowknife"): "NT",
    ("CA", "America/Whitehorse"): "YT",
}
_SEVERAL: Mapping[tuple[str, str], str] = {
    ("US", _EASTERN): "FL KY",
    ("US", "America/Detroit"): "MI",
    ("US", "America/Indiana/Indianapolis"): "IN",
    ("US", _CENTRAL): "KS ND NE SD TN TX",
    ("US", "America/Boise"): "ID",
    ("US", "America/Phoenix"): "AZ",
    ("US", _PACIFIC): "NV OR",
    ("US", "America/Anchorage"): "AK",
    ("CA", "America/Toronto"): "ON QC",
    ("CA", "America/Vancouver"): "BC",
    ("CA", "America/Regina"): "SK",
    ("CA", "America/St_Johns"): "NL",
    ("CA", "America/Iqaluit"): "NU",
}
_LOCODE = re.compile(r"[A-Z]{2}[A-Z2-9]{3}")
_COUNTRIES: Mapping[str, str] = {"USA": "US", "CAN": "CA", "MEX": "MX"}


@dataclass(frozen=True, slots=True)
class FoundZone:
    """The zone of a place; `sure` is false where the place's state lies in several."""

    name: str
    sure: bool


def _by_state() -> dict[str, tuple[str, FoundZone]]:
    return {
        state: (country, FoundZone(zone, sure))
        for table, sure in ((_STATES, True), (_SEVERAL, False))
        for (country, zone), states in table.items()
        for state in states.split()
    }


_BY_STATE = _by_state()
"""Country and zone of each state; no two countries here share a code of a state."""


def place_of(
    *, city: str | None, state: str | None, country: str | None, postcode: str | None = None, locode: str | None = None
) -> str | None:
    """Return the name of a place, None where nothing names it; a postcode counts only where no city is given."""
    if locode:
        return locode.upper()
    state = state.upper() if state else None
    country = country.upper() if country else None
    country = _COUNTRIES.get(country, country) if country else None
    if country is None and state in _BY_STATE:
        country = _BY_STATE[state][0]
    parts = (country, state, city.upper()) if city else (country, postcode or state)
    return "-".join(part for part in parts if part)[:200] or None


@dataclass(frozen=True, slots=True)
class Zones:
    """What is known of time zones.

    Attributes
    ----------
    places
        Zone by place, or by what it lies in.
    senders
        Zone by the sender of an interchange, in which it dates it.
    default
        Zone of what has no other.
    """

    places: Mapping[str, str] = field(default_factory=dict)
    senders: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None

    @classmethod
    def read(cls, path: Path) -> Zones:
        """Read a zones file (YAML).

        Raises
        ------
        SourceError
            If the file cannot be read.
        MappingError
            With all that is wrong in it.
        """
        try:
            told = read_yaml(path) or {}
        except YamlFileError as error:
            raise SourceError(path, error.reason) from error
        problems = list(_problems(told))
        if problems:
            raise MappingError(path, problems)
        places = {str(place).upper(): zone for place, zone in told.get("places", {}).items()}
        return cls(places, {str(sender): zone for sender, zone in told.get("senders", {}).items()}, told.get("default"))

    def of_place(self, place: str | None) -> FoundZone | None:
        """Return the zone of a place, None where nothing is known of it and there is no default."""
        within = place
        while within:
            if within in self.places:
                return FoundZone(self.places[within], sure=True)
            within = within.rpartition("-")[0]
        if place and _LOCODE.fullmatch(place) and place[:2] in self.places:
            return FoundZone(self.places[place[:2]], sure=True)
        country, _, rest = (place or "").partition("-")
        known = _BY_STATE.get(rest.partition("-")[0])
        if known is not None and known[0] == country:
            return known[1]
        return None if self.default is None else FoundZone(self.default, sure=True)

    def of_sender(self, sender: str) -> FoundZone | None:
        """Return the zone in which a sender dates, None where that is not known and there is no default."""
        zone = self.senders.get(sender, self.default)
        return None if zone is None else FoundZone(zone, sure=True)


def _problems(told: object) -> list[str]:
    if not isinstance(told, dict):
        return ["it is no mapping; write `places:`, `senders:` and `default:`"]
    problems = [
        f"{name}: there is no such entry; there are places, senders, default"
        for name in told
        if name not in ("places", "senders", "default")
    ]
    zones: list[tuple[str, object]] = [("default", told["default"])] if "default" in told else []
    for name in ("places", "senders"):
        entries = told.get(name, {})
        if isinstance(entries, dict):
            zones += [(f"{name}.{key}", zone) for key, zone in entries.items()]
        else:
            problems.append(f"{name}: it is no mapping of names to zones")
    problems += [
        f"{place}: {zone!r} is not an IANA time zone; write e.g. 'America/New_York'"
        for place, zone in zones
        if not (isinstance(zone, str) and is_zone(zone))
    ]
    return problems
