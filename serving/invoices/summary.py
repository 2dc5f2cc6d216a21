"""What a run of `triage invoices` found, on the terminal."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from features.amounts import money
from models.audit.judgement import InvoiceVerdict
from serving.invoices.schemas import InvoiceAnswer

_LISTED = 10
_WORDS = {
    InvoiceVerdict.APPROVE: "approve",
    InvoiceVerdict.DISPUTE: "dispute on proof",
    InvoiceVerdict.QUESTION: "put a question",
    InvoiceVerdict.REVIEW: "review on suspicion, pay meanwhile",
    InvoiceVerdict.CANNOT_DETERMINE: "cannot determine",
}
Amounts = dict[str, float]
"""Minor units by currency: they do not add up across it."""


def show_invoices(answers: Sequence[InvoiceAnswer], console: Console) -> None:
    """Print counts and money by verdict, class and carrier, what could not be determined, and what to do first."""
    console.print(_verdicts(answers))
    proven = [answer for answer in answers if answer.proven_minor > 0]
    if proven:
        findings = [
            (finding.label.value.replace("_", " "), answer.currency, max(finding.difference_minor or 0, 0))
            for answer in answers
            for finding in answer.findings
        ]
        console.print(_counted("what is proven", "too much", findings))
        console.print(
            _counted("carrier", "to claim", ((one.carrier_id, one.currency, one.proven_minor) for one in proven))
        )
    console.print(_undetermined(answers))
    console.print(_first(answers))


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", overflow="fold")
    return table


def _verdicts(answers: Sequence[InvoiceAnswer]) -> Table:
    table = _table(f"{len(answers):,} invoices", "verdict", "invoices", "billed", "withheld", "minutes")
    for verdict, words in _WORDS.items():
        own = [answer for answer in answers if answer.verdict is verdict]
        needs_work = verdict in (InvoiceVerdict.DISPUTE, InvoiceVerdict.QUESTION, InvoiceVerdict.REVIEW)
        table.add_row(
            words,
            f"{len(own):,}",
            _shown(_summed(own, lambda one: one.billed_minor)),
            _shown(_summed(own, lambda one: one.withheld_minor)),
            f"{sum(one.review_minutes for one in own):,.0f}" if needs_work else "–",
        )
    return table


def _summed(answers: Iterable[InvoiceAnswer], amount: Callable[[InvoiceAnswer], float]) -> Amounts:
    sums: Amounts = defaultdict(float)
    for answer in answers:
        sums[answer.currency or ""] += amount(answer)
    return sums


def _counted(what: str, whose: str, found: Iterable[tuple[str, str | None, float]]) -> Table:
    counts: Counter[str] = Counter()
    sums: dict[str, Amounts] = defaultdict(lambda: defaultdict(float))
    for name, currency, amount in found:
        counts[name] += 1
        sums[name][currency or ""] += amount
    table = _table("", what, "findings" if what != "carrier" else "invoices", whose)
    for name in sorted(counts, key=lambda name: -max(sums[name].values())):
        table.add_row(name, f"{counts[name]:,}", _shown(sums[name]))
    return table


def _undetermined(answers: Sequence[InvoiceAnswer]) -> Table:
    told = {(answer.invoice_id, doubt.reason.value) for answer in answers for doubt in answer.undetermined}
    counts = Counter(reason.replace("_", " ") for _, reason in told)
    table = _table("", "rules could not determine a charge for", "invoices")
    for reason, count in counts.most_common():
        table.add_row(reason, f"{count:,}")
    if not counts:
        table.add_row("nothing: every charge was re-rated", "0")
    return table


def _first(answers: Sequence[InvoiceAnswer]) -> Table:
    table = _table("First to work on", "invoice", "carrier", "a minute", "verdict")
    waiting = [answer for answer in answers if answer.verdict in (InvoiceVerdict.DISPUTE, InvoiceVerdict.REVIEW)]
    ranked = sorted(waiting, key=lambda one: -one.recoverable_minor_per_minute)
    for one in ranked[:_LISTED]:
        minor = round(one.recoverable_minor_per_minute)
        table.add_row(one.invoice_id, one.carrier_id, money(minor, one.currency or ""), one.words)
    return table


def _shown(amounts: Amounts) -> str:
    told = [money(round(amount), currency) for currency, amount in sorted(amounts.items()) if round(amount)]
    return "\n".join(told) or "–"
