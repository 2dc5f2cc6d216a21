"""`python -m serving.openapi`: writes the OpenAPI document of the service to `docs/openapi.json`."""

from __future__ import annotations

import json
from pathlib import Path

from serving.app import create_app
from serving.bootstrap import Container
from serving.clock import SystemClock
from serving.config import Settings
from serving.db.engine import create_engine_for
from serving.policies.bundles import Bundles
from serving.scores.absent import AbsentModel
from serving.scores.live import LiveState

PATH = Path("docs") / "openapi.json"


def document_text() -> str:
    """Return the document as it is stored: an app that serves nobody describes itself."""
    engine = create_engine_for("sqlite://")
    container = Container(Settings(), SystemClock(), engine, LiveState(), AbsentModel(), Bundles())
    text = json.dumps(create_app(container).openapi(), indent=1, ensure_ascii=False)
    engine.dispose()
    return f"{text}\n"


if __name__ == "__main__":
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(document_text(), encoding="utf-8")
