"""Deciding needs no numbers library: only the allocation of many cases does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOK = """
import sys
import routing.engine, routing.decision, routing.replay, routing.loader
print(sorted({"numpy", "scipy", "pandas", "sklearn", "httpx", "sqlalchemy", "fastapi"} & sys.modules.keys()))
"""


def test_a_fresh_process_that_decides_loads_no_heavy_library() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", LOOK], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
