"""Who a consumer is to its broker, and whom it believes: TLS for all three, SASL for Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from routing.dispatch.tls import Sasl, SaslMechanism, Tls

_SASL: dict[SaslMechanism, Any] = {
    SaslMechanism.PLAIN: SASLPlaintext,
    SaslMechanism.SCRAM_SHA_256: SASLScram256,
    SaslMechanism.SCRAM_SHA_512: SASLScram512,
}


def tls_of(*, asked: bool, ca: Path | None, certificate: Path | None, key: Path | None) -> Tls | None:
    """Return the TLS of a connection, as options say; None if they say nothing of it.

    Raises
    ------
    TlsFilesError
        A file cannot be used.
    """
    if not asked and ca is None and certificate is None and key is None:
        return None
    return Tls(ca_file=ca, certificate_file=certificate, key_file=key)


def security_of(tls: Tls | None, sasl: Sasl | None = None) -> BaseSecurity | None:
    """Return it as the library wants to be told; None for a connection in plain text."""
    context = None if tls is None else tls.context()
    if sasl is not None:
        security: BaseSecurity = _SASL[sasl.mechanism](sasl.username, sasl.password, ssl_context=context)
        return security
    return None if context is None else BaseSecurity(ssl_context=context)
