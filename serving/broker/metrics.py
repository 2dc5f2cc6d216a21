"""What a consumer tells Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from serving.broker.messages import Handled, Outcome

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class ConsumerMetrics:
    """The figures of one consumer process, in a registry of their own.

    Parameters
    ----------
    origin
        Where it consumes, e.g. `nats:shipments.events`; every figure carries it.
    """

    def __init__(self, origin: str) -> None:
        self.registry = CollectorRegistry()
        messages = Counter(
            "triage_consumer_messages",
            "Messages settled: taken, repeat or refused.",
            ["origin", "outcome"],
            registry=self.registry,
        )
        self._messages = {outcome: messages.labels(origin, outcome.value) for outcome in Outcome}
        self._poison = Counter(
            "triage_consumer_poison",
            "Dead letters, by the kind of their first problem.",
            ["origin", "reason"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "triage_consumer_handling_seconds",
            "From a message's arrival to its acknowledgement.",
            ["origin"],
            buckets=_BUCKETS,
            registry=self.registry,
        ).labels(origin)
        self.pending = Gauge(
            "triage_consumer_pending_messages",
            "Lag: messages the broker holds for this consumer that are not acknowledged; NaN until it said so.",
            ["origin"],
            registry=self.registry,
        ).labels(origin)
        self.database_failures = Counter(
            "triage_consumer_database_failures",
            "Tries that found the database unable to keep anything.",
            ["origin"],
            registry=self.registry,
        ).labels(origin)
        self._origin = origin
        self.pending.set(float("nan"))

    def count(self, handled: Handled) -> None:
        """Count a message that was settled."""
        self._messages[handled.outcome].inc()
        if handled.refusals:
            reason = str(handled.refusals[0].problem["type"]).rpartition("/")[2]
            self._poison.labels(self._origin, reason).inc()
