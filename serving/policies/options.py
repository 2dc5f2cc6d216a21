"""Who looks at the review queue in a preview, as its commands are told."""

from __future__ import annotations

from typing import Annotated

import typer

ReviewersOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Who looks at the review queue, and when: 3, or '3 mon-fri 08:00-17:00 Europe/Berlin'; again for each "
        "group that comes at other hours. Default: 1, around the clock."
    ),
]
FirstLookOption = Annotated[
    float, typer.Option(min=0, help="Within how many minutes everything in the queue is to be looked at.")
]
