"""Sentences with facts in them: "Late risk is {late_probability}" filled as "Late risk is 62 %".

A template names facts in braces. It is checked and cut into parts once, when the policy is loaded; filling it never
fails: a fact that is not known reads "unknown".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from string import Formatter
from typing import Any

from routing.canonical import rfc3339
from routing.errors import did_you_mean
from routing.facts import Declaration, FactType

# ISO 4217 currencies whose minor unit is not a hundredth
_WHOLE = ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF")
_THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_MINOR_DIGITS = dict.fromkeys(_WHOLE, 0) | (dict.fromkeys(_THOUSANDTHS, 3))


def money(amount_minor: int, currency: str) -> str:
    """Write minor units of a currency as people read it: `1,234.50 EUR`."""
    digits = _MINOR_DIGITS.get(currency, 2)
    whole, rest = divmod(abs(amount_minor), 10**digits)
    fraction = f".{rest:0{digits}d}" if digits else ""
    return f"{'-' if amount_minor < 0 else ''}{whole:,}{fraction} {currency}"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A checked template: literal texts, each followed by the fact to show after it, or by None."""

    parts: tuple[tuple[str, Declaration | None], ...]

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts it shows."""
        return tuple(item.name for _, item in self.parts if item is not None)

    def fill(self, known: Mapping[str, Any]) -> str:
        """Fill in the facts that are known."""
        return "".join([text if item is None else text + _show(item, known) for text, item in self.parts])


def read_sentence(
    template: str,
    declarations: Mapping[str, Declaration],
    *,
    customer: bool,
    broken: Collection[str] = (),
) -> Sentence | list[str]:
    """Check a template and cut it into parts, or return what is wrong with it.

    Parameters
    ----------
    customer
        Whether a customer reads it: then it may only show facts declared with `shown_to_customer: true`.
    broken
        Names that are declared, but wrongly, which is blamed elsewhere.
    """
    try:
        pieces = list(Formatter().parse(template))
    except ValueError as error:
        return [f"'{template}' cannot be read ({error}). Write a fact as {{name}} and a plain brace twice."]
    parts: list[tuple[str, Declaration | None]] = []
    mistakes: list[str] = []
    for text, name, spec, conversion in pieces:
        declaration = declarations.get(name) if name is not None else None
        parts.append((text, declaration))
        if name is None:
            continue
        if spec or conversion:
            mistakes.append(f"'{{{name}…}}' carries a format. Write {{{name}}}; its type decides how it is shown.")
        if declaration is None and name not in broken:
            mistakes.append(f"'{{{name}}}' is not a declared fact.{did_you_mean(name, declarations)}")
        elif declaration is None:
            continue
        elif declaration.type is FactType.LIST:
            mistakes.append(f"'{{{name}}}' is a list, which has no place in a sentence. Name a single fact.")
        elif customer and not declaration.shown_to_customer:
            mistakes.append(
                f"'{{{name}}}' is not for customers. Leave it out, or declare the fact with `shown_to_customer: true`."
            )
    return mistakes or Sentence(tuple(parts))


def _show(declaration: Declaration, known: Mapping[str, Any]) -> str:
    value = known.get(declaration.name)
    if value is None:
        return "unknown"
    if declaration.type is _MONEY:
        return money(value, known[str(declaration.currency)])
    return _SHOWN[declaration.type](value)


def _moment(value: datetime) -> str:
    return rfc3339(value).replace("T", " ").replace("Z", " UTC")


_MONEY = FactType.MONEY_MINOR
_SHOWN: Mapping[FactType, Callable[[Any], str]] = {
    FactType.PROBABILITY: lambda value: f"{value * 100:.0f} %",
    FactType.HOURS: lambda value: f"{value:.1f} hours",
    FactType.NUMBER: lambda value: f"{value:,}",
    FactType.FLAG: lambda value: "yes" if value else "no",
    FactType.INSTANT: _moment,
    **dict.fromkeys((FactType.TEXT, FactType.ENUMERATION, FactType.LIST), str),
}
"""How a value that is no amount of money is shown, by its type."""
