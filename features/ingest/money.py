"""Functions of mappings about money written as text. Amounts are read as decimals: no cent is lost to rounding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal

import pandas as pd

from features.amounts import minor_digits
from features.ingest.columns import Column, whole

_CODE = re.compile(r"\b[A-Z]{3}\b")
_TOKEN = re.compile(
    r"(?:(?P<n>[0-9.,](?:[0-9.,' ]*[0-9])?)|(?P<c>[A-Z]{3}|[A-Z]{0,2}[$€£¥₩₹₽₺₴₦₫฿₪₱₡₲₸₼₾])"
    r"|(?P<m>[+-])|(?P<o>\()|(?P<e>\))) *"
)
_SHAPES = frozenset(
    ["n", "cn", "nc", "mn", "mcn", "cmn", "mnc", "nm", "cnm", "ncm", "nmc", "one", "ocne", "once", "cone", "onec"]
)
"""How an amount is put together: a number (n), a minus or plus (m) or brackets (o, e), a currency (c)."""

_CURRENCIES_OF: Mapping[str, str] = {
    "€": "EUR",
    "£": "GBP EGP LBP SYP SDG SSP FKP GIP SHP",
    "¥": "JPY CNY",
    "₩": "KRW KPW",
    **{"₹": "INR", "₽": "RUB", "₺": "TRY", "₴": "UAH", "₦": "NGN", "₫": "VND", "฿": "THB", "₪": "ILS"},
    **{"₱": "PHP", "₡": "CRC", "₲": "PYG", "₸": "KZT", "₼": "AZN", "₾": "GEL"},
}
"""The currencies that a sign stands for; "$" stands for any other."""

_PLAIN = str.maketrans({"−": "-", "’": "'", "\u00a0": " ", "\u2009": " ", "\u202f": " "})
"""Minus, apostrophe and blanks as typesetters write them."""


def money_minor(column: Column, currency: Column, point: str = ".") -> Column:
    """Read an amount such as "$1,043.20 ", "EUR 12" or "(3.50)" in minor units of the currency (ISO 4217).

    `point` is what stands before the decimals, if it is not told that of the source; the other of "." and ",", blanks
    and apostrophes part thousands, three digits each. In brackets or with a minus at either end it is negative. Nothing
    else may stand beside it but the sign or the code of that currency. An amount with more decimals than the currency
    has stays a fraction, so that its row is rejected: multiply a finer rate, and say `rate_per`.
    """
    is_number = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    digits = _digits(point)
    pairs = pd.DataFrame({"text": column.astype("string"), "currency": whole(currency, column.index).astype("string")})
    read: dict[tuple[str, str], float | None] = {}
    for text, code in pairs.drop_duplicates().dropna().itertuples(index=False, name=None):
        amount = Decimal(text) if is_number else _amount(text, code, digits)
        read[text, code] = None if amount is None else float(amount * 10 ** minor_digits(code))
    found = [read.get(pair) for pair in pairs.itertuples(index=False, name=None)]
    return pd.Series(found, index=column.index, dtype="Float64")


def currency_of(column: Column, signs: Mapping[str, str], default: Column = None) -> Column:
    """Return the ISO 4217 code of an amount: the code written in it, or that of its sign, such as {"€": "EUR"}.

    One with neither has the default.
    """
    found = {text: _currency(text, signs) for text in column.astype("string").dropna().unique()}
    codes = column.astype("string").map(found).astype(object)
    return codes if default is None else codes.where(codes.notna() | column.isna(), default)


def _digits(point: str) -> re.Pattern[str]:
    """Return the form of a number with that point: no 12,50 where the comma parts thousands, as 0,125 does not."""
    mark = "[.' ]" if point == "," else "[,' ]"
    parted = rf"[1-9][0-9]{{0,2}}(?P<mark>{mark})[0-9]{{3}}(?:(?P=mark)[0-9]{{3}})*"
    return re.compile(rf"(?P<whole>{parted}|[0-9]*)(?:{re.escape(point)}(?P<decimals>[0-9]+))?")


def _amount(text: str, currency: str, digits: re.Pattern[str]) -> Decimal | None:
    """Return an amount; None if the text is anything else or more, or an amount of another currency."""
    bare = text.translate(_PLAIN).strip()
    parts: dict[str, str] = {}
    shape, at = "", 0
    while (token := _TOKEN.match(bare, at)) is not None:
        kind = token.lastgroup or ""
        parts[kind] = token[kind]
        shape, at = shape + kind, token.end()
    number = digits.fullmatch(parts.get("n", ""))
    side = parts.get("c", currency)
    if at < len(bare) or shape not in _SHAPES or number is None or not _is_of(side, currency):
        return None
    whole_part = re.sub("[^0-9]", "", number["whole"])
    if not whole_part and not number["decimals"]:
        return None
    negative = parts.get("m") == "-" or "o" in parts
    return Decimal(f"{'-' if negative else ''}{whole_part or 0}.{number['decimals'] or 0}")


def _is_of(side: str, currency: str) -> bool:
    """Tell whether a code or a sign, perhaps with letters before it, may be that of a currency."""
    if side.isalpha():
        return side == currency
    if side[-1] in _CURRENCIES_OF:
        return currency in _CURRENCIES_OF[side[-1]].split()
    return not any(currency in others.split() for others in _CURRENCIES_OF.values())


def _currency(text: str, signs: Mapping[str, str]) -> str | None:
    code = _CODE.search(text)
    if code is not None:
        return code.group()
    return next((code for sign, code in signs.items() if sign in text), None)
