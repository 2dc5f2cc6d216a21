"""Functions of mappings about money written as text. Amounts are read as decimals: no cent is lost to rounding."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

import pandas as pd

from features.amounts import minor_digits
from features.ingest.columns import Column, whole

_AMOUNT = re.compile(r"[+-]?\d+(\.\d+)?|[+-]?\.\d+")
_CODE = re.compile(r"\b[A-Z]{3}\b")


def money_minor(column: Column, currency: Column, point: str = ".") -> Column:
    """Read an amount such as "$1,043.20 ", "EUR 12" or "(3.50)" in minor units of the currency (ISO 4217).

    `point` is what stands before the decimals; the other of "." and ",", blanks and apostrophes part thousands. In
    brackets or with a minus at either end it is negative. What is no amount is missing. An amount with more decimals
    than the currency has stays a fraction, so that its row is rejected: multiply a finer rate, and say `rate_per`.
    """
    currencies = whole(currency, column.index).astype("string")
    pairs = pd.DataFrame({"text": column.astype("string"), "currency": currencies})
    read = {
        (text, code): _minor(text, code, point)
        for text, code in pairs.drop_duplicates().dropna().itertuples(index=False, name=None)
    }
    found = [read.get(pair) for pair in pairs.itertuples(index=False, name=None)]
    return pd.Series(found, index=column.index, dtype="Float64")


def currency_of(column: Column, signs: Mapping[str, str], default: Column = None) -> Column:
    """Return the ISO 4217 code of an amount: the code written in it, or that of its sign, such as {"€": "EUR"}.

    One with neither has the default.
    """
    found = {text: _currency(text, signs) for text in column.astype("string").dropna().unique()}
    codes = column.astype("string").map(found).astype(object)
    return codes if default is None else codes.where(codes.notna() | column.isna(), default)


def _minor(text: str, currency: str, point: str) -> float | None:
    thousands = "," if point == "." else "."
    bare = re.sub(r"[^\d.,+()-]", "", text).replace(thousands, "").replace(point, ".")
    negative = bare.startswith("(") and bare.endswith(")")
    bare = bare.strip("()")
    if bare.endswith("-"):
        negative, bare = True, bare[:-1]
    if not _AMOUNT.fullmatch(bare) or _words(text):
        return None
    try:
        minor = Decimal(bare).scaleb(minor_digits(currency))
    except InvalidOperation:
        return None
    return float(-minor if negative else minor)


def _words(text: str) -> bool:
    """Tell whether there is more in a text than an amount with a sign or a code: "See ASN-93" is no amount."""
    return any(len(word) > 3 or not word.isupper() for word in re.findall(r"[^\W\d_]+", text))


def _currency(text: str, signs: Mapping[str, str]) -> str | None:
    code = _CODE.search(text)
    if code is not None:
        return code.group()
    return next((code for sign, code in signs.items() if sign in text), None)
