"""How pages say money, time and chance."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "ISK": 0, "VND": 0, "BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3}
"""Minor digits of the currencies that have not two (ISO 4217)."""

_UNBROKEN = "\N{NO-BREAK SPACE}"

_COUNTED = ("legs", "open_shipments")
"""Numbers that say nothing without their name."""


def money(minor: int, currency: str | None) -> str:
    """Say an amount of minor units: 1860260 EUR is "18,602.60 EUR"."""
    return f"{bare_money(minor, currency)} {currency or ''}".rstrip()


def bare_money(minor: int, currency: str | None) -> str:
    """Say an amount whose currency stands elsewhere: 1860260 EUR is "18,602.60"."""
    digits = _DIGITS.get(currency or "", 2)
    return f"{Decimal(minor).scaleb(-digits):,.{digits}f}"


def percent(share: float) -> str:
    """Say a share or a probability, never as certain when it is not: "90 %", "< 1 %", "> 99 %", unbroken."""
    said = "< 1%" if 0 < share < 0.01 else "> 99%" if 0.99 < share < 1 else f"{share:.0%}"
    return said.replace(" ", _UNBROKEN).replace("%", f"{_UNBROKEN}%")


def instant(moment: datetime) -> str:
    """Say a moment: "Fri 28 Feb 16:00 UTC"."""
    return f"{moment:%a %d %b %H:%M} UTC"


def window(opens_at: datetime, closes_at: datetime) -> str:
    """Say from when to when: "Fri 28 Feb 16:00 to 18:00 UTC"."""
    closes = f"{closes_at:%H:%M} UTC" if opens_at.date() == closes_at.date() else instant(closes_at)
    return f"{instant(opens_at).removesuffix(' UTC')} to {closes}"


def arrival(early: datetime, median: datetime, late: datetime, now: datetime) -> str:
    """Say when something arrives that has not by now: "It arrives between … and …, most likely …."."""
    if late <= now:
        return f"It should have arrived by {instant(late)}, and nothing of it has been told."
    if median <= now:
        return f"It arrives by {instant(late)}; half of such shipments would have by {instant(median)}."
    when = f"by {instant(late)}" if early <= now else f"between {instant(early)} and {instant(late)}"
    return f"It arrives {when}, most likely {instant(median)}."


def distance(moment: datetime, now: datetime) -> str:
    """Say how far a moment is from now: "in 3 h 20 min", "2 d 4 h ago", "now"."""
    if abs(moment - now) < timedelta(minutes=1):
        return "now"
    return f"in {span(moment, now)}" if moment > now else f"{span(moment, now)} ago"


def span(moment: datetime, now: datetime) -> str:
    """Say how long it is between a moment and now: "3 h 20 min", "2 d 4 h", "less than a minute"."""
    minutes = int(abs(moment - now) / timedelta(minutes=1))
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join([part for part in parts if part][:2]) or "less than a minute"


def plain(name: str) -> str:
    """Turn a name of the program into words: `latest_useful_at` is "latest useful at"."""
    return name.replace("_", " ")


def text(value: object, *, currency: str | None = None, name: str = "") -> str:
    """Say any value of a fact or a payload."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return instant(value)
        case int() if name.endswith("_minor"):
            return money(value, currency)
        case float() if name.endswith("_probability"):
            return percent(value)
        case float() if name == "late_share":
            return f"{percent(value)} late"
        case float() if name.endswith("_share"):
            return percent(value)
        case int() if name in _COUNTED:
            return f"{value:,} {plain(name)}"
        case float():
            return f"{value:,.1f}"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def row(cells: Mapping[str, object], *, currency: str | None = None) -> str:
    """Say a row of a list: who or what it is, then each number by its name: "VELO, 14 % late, rate 69.77 EUR"."""
    ordered = sorted(cells.items(), key=lambda cell: not isinstance(cell[1], str))
    return ", ".join(_cell(name, value, currency) for name, value in ordered)


def _cell(name: str, value: object, currency: str | None) -> str:
    said = text(value, currency=currency, name=name)
    says_its_name = isinstance(value, str) or name == "late_share" or name in _COUNTED
    return said if says_its_name else f"{plain(name.removesuffix('_minor'))} {said}"
