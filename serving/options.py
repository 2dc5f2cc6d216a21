"""What several commands share: options, the champion they judge with, and who gives them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from serving.auth.people import LONGEST_NAME, is_a_name, is_of_the_service

M = TypeVar("M")
TrackingUri = Annotated[
    str | None,
    typer.Option("--tracking-uri", envvar="TRIAGE_TRACKING_URI", help="MLflow registry with the champion model"),
]
Data = Annotated[Path, typer.Option("--data", help="folder of canonical tables", exists=True, file_okay=False)]
At = Annotated[
    str | None,
    typer.Option("--at", help="as of this instant, e.g. 2025-02-15T06:00:00Z; without it that of the newest news"),
]
Since = Annotated[str | None, typer.Option("--since", help="only what came in since then, e.g. 2014-11-15T00:00:00Z")]


def of_a_person(name: str | None) -> str | None:
    """Refuse a name that is none, or that of the service, in the audit trail; for use as an option's callback."""
    if name is None:
        return None
    if not name.isprintable() or not is_a_name(name):
        raise typer.BadParameter(f"found {name[:LONGEST_NAME]!r}, expected a name of 1 to {LONGEST_NAME} characters.")
    if is_of_the_service(name):
        raise typer.BadParameter(f"{name} is what the service itself is called. Give your own name.")
    return name


def champion_of(
    load: Callable[[str, str], tuple[M, object]], tracking_uri: str | None, name: str
) -> tuple[M | None, str]:
    """Load the champion; where there is none, return in its place why."""
    from models.errors import NoChampionError

    if tracking_uri is None:
        return None, "no registry is given (--tracking-uri)"
    try:
        return load(tracking_uri, name)[0], ""
    except NoChampionError as error:
        return None, str(error)


def instant_of(option: str, text: str | None) -> datetime | None:
    """Read an instant that was given on the command line; None where none was."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise typer.BadParameter(f"{option} is {text!r}; give a time with its zone, e.g. 2014-11-15T00:00:00Z.")
    return instant
