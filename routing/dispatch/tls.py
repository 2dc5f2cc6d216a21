"""How a target is reached under TLS, and as whom: certificates of one's own (mTLS), and users of Kafka (SASL)."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from routing.dispatch.errors import TlsFilesError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The files of a TLS connection; the server's name and certificate are always checked.

    Attributes
    ----------
    ca_file
        Who is believed, in PEM; None for those of the system.
    certificate_file, key_file
        Our own certificate, with those between it and the authority, and its key, in PEM; None where none is shown.
    """

    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None

    def __post_init__(self) -> None:
        """Refuse files that cannot be used, before anything is sent."""
        self.context()

    def context(self) -> ssl.SSLContext:
        """Return what connections are made with.

        Raises
        ------
        TlsFilesError
            A file is missing, or is not what it should be.
        """
        if self.key_file is not None and self.certificate_file is None:
            raise TlsFilesError("a key without its certificate", self.key_file)
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:  # an SSLError is one
            raise TlsFilesError(f"no certificates of an authority ({error})", self.ca_file) from error
        if self.certificate_file is not None:
            try:
                context.load_cert_chain(self.certificate_file, self.key_file, password=_no_password)
            except OSError as error:
                raise TlsFilesError(f"no certificate with its key ({error})", self.certificate_file) from error
        return context


class SaslMechanism(StrEnum):
    """How a user shows who they are to Kafka."""

    PLAIN = "PLAIN"
    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sasl:
    """A user of Kafka."""

    mechanism: SaslMechanism
    username: str
    password: str = field(repr=False)


def _no_password() -> str:
    """Never ask at the terminal: a key with a password is refused."""
    return ""
