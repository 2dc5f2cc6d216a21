"""X12 envelopes: segments are gathered into transactions, within their functional group and interchange.

Numbers and counts of header and trailer are compared. A transaction that is cut off, or whose two control numbers
differ, is faulty. A count that differs is a finding: what is there is read, and what is said about it is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from features.ingest.edi.faults import Fault, Finding, Reason, Remark, TransactionError
from features.ingest.edi.parts import (
    LARGEST_TRANSACTION,
    Group,
    GroupBegun,
    GroupEnded,
    Interchange,
    InterchangeBegun,
    InterchangeEnded,
    Leftover,
    Part,
    Transaction,
    count_of,
    same_number,
)
from features.ingest.edi.segments import Segment

_TAG = re.compile(r"[A-Z][A-Z0-9]{1,2}")


class X12Envelope:
    """Where in the envelopes of X12 the reading stands."""

    def __init__(self) -> None:
        self._interchange: Interchange | None = None
        self._group: Group | None = None
        self._transaction: Transaction | None = None
        self._groups = 0
        self._transactions = 0
        self._wrapped = 0

    def take(self, segment: Segment) -> Iterator[Part]:
        """Take the next segment."""
        self._wrapped += segment.wrapped
        match segment.tag:
            case "ISA":
                yield from self.end(None)
                yield self._begin_interchange(segment)
            case "GS":
                yield from self.end_group(None)
                yield self._begin_group(segment)
            case "ST":
                yield from self._end_transaction("another transaction begins")
                self._begin_transaction(segment)
            case "SE" if self._transaction is not None:
                yield self._close(self._transaction, segment)
            case "GE" if self._group is not None:
                yield from self.end_group(segment)
            case "IEA":
                yield from self.end(segment)
            case _ if self._transaction is not None:
                yield from self._append(self._transaction, segment)
            case tag:
                yield Leftover(segment.raw, f"a segment {tag[:3]!r} stands outside a transaction", segment.offset)

    def interrupt(self, why: str) -> Iterator[Part]:
        """The transaction ends without a trailer, if there is one."""
        yield from self._end_transaction(why)

    def _begin_interchange(self, header: Segment) -> InterchangeBegun:
        texts = [element.strip() for element in header.elements]
        self._interchange = Interchange(
            sender_qualifier=texts[5],
            sender=texts[6],
            receiver_qualifier=texts[7],
            receiver=texts[8],
            date=texts[9],
            time=texts[10],
            version=texts[12],
            control=texts[13],
            usage=texts[15],
        )
        self._groups = 0
        self._wrapped = int(header.wrapped)
        return InterchangeBegun(self._interchange)

    def end(self, trailer: Segment | None) -> Iterator[Part]:
        """The interchange ends, with its trailer or without one."""
        yield from self.end_group(None)
        if self._interchange is None:
            return
        findings = list(_interchange_findings(self._interchange, trailer, self._groups))
        if self._wrapped:
            words = f"line breaks were taken out of {self._wrapped} segments"
            findings.append(Finding(Remark.LINE_BREAKS, words))
        yield InterchangeEnded(self._interchange, tuple(findings))
        self._interchange = None

    def _begin_group(self, header: Segment) -> GroupBegun:
        texts = [header.text(element) or "" for element in range(9)]
        outer = self._required_interchange()
        self._group = Group(outer, texts[1], texts[2], texts[3], texts[4], texts[5], texts[6], texts[8])
        self._groups += 1
        self._transactions = 0
        return GroupBegun(self._group)

    def end_group(self, trailer: Segment | None) -> Iterator[Part]:
        """The group ends, with its trailer or without one."""
        yield from self._end_transaction("the group ends")
        if self._group is None:
            return
        findings = tuple(_group_findings(self._group, trailer, self._transactions))
        stated = None if trailer is None else count_of(trailer)
        yield GroupEnded(self._group, stated, self._transactions, findings)
        self._group = None

    def _begin_transaction(self, header: Segment) -> None:
        outer, name, control = self._required_interchange(), header.text(1) or "?", header.text(2) or "?"
        self._transaction = Transaction(outer, self._group, [], name, control)
        self._transactions += 1
        self._transaction.append(header)
        self._transaction.fault = _header_fault(self._transaction)

    def _append(self, transaction: Transaction, segment: Segment) -> Iterator[Part]:
        transaction.append(segment)
        if transaction.fault is None and not _TAG.fullmatch(segment.tag):
            words = f"{segment.tag[:20]!r} is no tag of a segment"
            transaction.fault = Fault(Reason.BAD_SEGMENT, words, None, segment.position)
        if transaction.size > LARGEST_TRANSACTION:
            words = f"the transaction is larger than {LARGEST_TRANSACTION:,} bytes"
            transaction.fault = Fault(Reason.TOO_LARGE, words)
            self._transaction = None
            yield transaction

    def _close(self, transaction: Transaction, trailer: Segment) -> Transaction:
        self._transaction = None
        transaction.end(trailer)
        return transaction

    def _end_transaction(self, why: str) -> Iterator[Part]:
        """The transaction ends without a trailer, if there is one."""
        if self._transaction is None:
            return
        if self._transaction.fault is None:
            self._transaction.fault = Fault(Reason.NO_TRAILER, f"there is no SE segment before {why}")
        yield self._transaction
        self._transaction = None

    def _required_interchange(self) -> Interchange:
        # Segments are only read behind a header, and end with the trailer.
        assert self._interchange is not None  # noqa: S101
        return self._interchange


def _header_fault(transaction: Transaction) -> Fault | None:
    header = transaction.segments[0]
    try:
        header.required(1)
        header.required(2)
    except TransactionError as error:
        return Fault(Reason.BAD_HEADER, error.fault.words, "ST", 1, error.fault.element)
    if transaction.group is None:
        return Fault(Reason.NO_GROUP, "it stands outside a functional group; there is no GS segment before it", "ST", 1)
    if transaction.group.release is None:
        words = f"GS-08 is {transaction.group.version!r}; it should begin with six digits, such as 004010"
        return Fault(Reason.RELEASE, words)
    return None


def _group_findings(group: Group, trailer: Segment | None, found: int) -> Iterator[Finding]:
    if trailer is None:
        yield Finding(Remark.NO_GROUP_TRAILER, "the group has no GE segment", "GS")
        return
    if count_of(trailer) != found:
        words = f"the trailer counts {trailer.text(1)!r} transactions, {found} were found"
        yield Finding(Remark.TRANSACTION_COUNT, words, "GE")
    if not same_number(trailer.text(2), group.control):
        words = f"the trailer bears the number {trailer.text(2)!r}, the header {group.control!r}"
        yield Finding(Remark.GROUP_NUMBER, words, "GE")


def _interchange_findings(interchange: Interchange, trailer: Segment | None, found: int) -> Iterator[Finding]:
    if trailer is None:
        yield Finding(Remark.NO_INTERCHANGE_TRAILER, "the interchange has no IEA segment", "ISA")
        return
    if count_of(trailer) != found:
        words = f"the trailer counts {trailer.text(1)!r} groups, {found} were found"
        yield Finding(Remark.GROUP_COUNT, words, "IEA")
    if not same_number(trailer.text(2), interchange.control):
        words = f"the trailer bears the number {trailer.text(2)!r}, the header {interchange.control!r}"
        yield Finding(Remark.INTERCHANGE_NUMBER, words, "IEA")
