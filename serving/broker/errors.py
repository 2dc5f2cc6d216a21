"""What keeps a consumer from starting."""

from __future__ import annotations

from serving.errors import ServingError


class BrokerError(ServingError):
    """A consumer cannot start as it was told."""


class LibraryMissingError(BrokerError):
    """The program was installed without the broker's library."""

    def __init__(self, library: str) -> None:
        self.missing = library
        super().__init__(f"Library '{library}' is not installed. Install `freight-triage[brokers]`.")


class NowhereError(BrokerError):
    """What is to be consumed, or where refused messages go, is not there."""

    def __init__(self, kind: str, which: str) -> None:
        self.kind = kind
        super().__init__(
            f"The broker has no {kind} {which}. Make it, or give --create to have it made with the broker's defaults."
        )


class ConsumerMismatchError(BrokerError):
    """The consumer of that name at the server follows another subject."""

    def __init__(self, durable: str, found: str | None, expected: str) -> None:
        self.durable = durable
        super().__init__(
            f"The durable consumer '{durable}' follows subject '{found}', expected '{expected}'. "
            f"Give another name with --durable."
        )


class SamePlaceError(BrokerError):
    """Dead letters would be consumed again and again."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            f"'{place}' is consumed and given for dead letters too. Give dead letters a place of their own."
        )
