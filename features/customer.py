"""Customer features: how promises to this customer were kept, and what is open with it and with others like it now."""

from __future__ import annotations

from features.backlog import Queue
from features.declaration import Feature
from features.history import Fact, Stream
from features.legs import Time

_OWNER = "customer service"

STREAMS = (
    Stream(
        "customer_arrivals",
        Fact.ARRIVAL,
        ("customer",),
        ("28d", "90d"),
        "for this customer",
        _OWNER,
        parent="all_arrivals",
    ),
)
"""How promises to customers were kept."""


def _open(name: str, key: tuple[str, ...], meaning: str, due: int) -> Queue:
    feature = Feature(name, "shipments", meaning, "shipments, stops, events", _OWNER)
    return Queue(feature, key, 0, due, (Time.DELIVERED_KNOWN, Time.CLOSED_KNOWN))


def _past_promise(name: str, key: tuple[str, ...], whose: str) -> Queue:
    meaning = f"shipments {whose} past their promise and not known to be delivered"
    return _open(name, key, meaning, Time.PROMISED)


QUEUES = (
    _past_promise("customer_past_promise", ("customer",), "of this customer"),
    _past_promise("carrier_past_promise", ("carrier",), "of this carrier"),
    _past_promise("destination_past_promise", ("destination",), "to this destination"),
    _open(
        "customer_open_exceptions",
        ("customer",),
        "shipments of this customer, itself included, first reported damaged, held by customs or attempted in vain in "
        "the last 7 days and not known to be delivered or closed",
        Time.EXCEPTION_KNOWN,
    ),
)
"""Promises that are broken, and exceptions that were reported, and are still open."""
