"""Who sits before the page: a name in a cookie, sealed with the API token where the service has one.

Where people are listed, only they sign in, and each one's cookie is sealed with the digest of their own token. Without
any token the name is believed as the API believes `X-Actor`: run the service behind something that authenticates.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable

from serving.auth.people import LONGEST_NAME

COOKIE = "triage_analyst"


def seal(name: str, token: str | None) -> str:
    """Write the cookie of somebody who signed in."""
    written = urlsafe_b64encode(name.encode()).decode()
    return f"{written}.{_signature(written, token)}"


def unseal(cookie: str | None, token_for: Callable[[str], str | None]) -> str | None:
    """Return the name in a cookie; None if there is none, or somebody else wrote it.

    Parameters
    ----------
    token_for
        Says what the cookie of a name is sealed with.
    """
    written, _, signature = (cookie or "").partition(".")
    try:
        name = clean_name(urlsafe_b64decode(written).decode())
    except ValueError:  # characters outside ASCII or base64
        return None
    if name is None or not hmac.compare_digest(signature.encode(), _signature(written, token_for(name)).encode()):
        return None
    return name


def clean_name(name: str) -> str | None:
    """Return a name without blanks around it; None if nothing printable is left or it is too long."""
    stripped = name.strip()
    return stripped if stripped.isprintable() and 0 < len(stripped) <= LONGEST_NAME else None


def _signature(written: str, token: str | None) -> str:
    return hmac.new((token or "").encode(), written.encode(), hashlib.sha256).hexdigest()
