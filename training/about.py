"""What the result of any model says of itself."""

from __future__ import annotations

from typing import Any, Protocol

from training.config import Split


class _Model(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...


class _Config(Protocol):
    @property
    def data(self) -> str: ...
    @property
    def split(self) -> Split: ...


CANDIDATE = {"version": "candidate"}
"""What a result says of a model that is not registered yet."""


def about(model: _Model, config: _Config) -> dict[str, Any]:
    """Return which model was judged, on what data and in which period, as plain JSON values."""
    until = config.split.test_until
    return {
        "model": model.name,
        "version": model.version,
        "data": config.data,
        "period": [config.split.calibrate_until.isoformat(), until and until.isoformat()],
    }
