"""The command line is quick to start: what a command needs is imported when it runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOK = """
import sys
import serving.cli, serving.policies.past, serving.policies.preview
print(sorted({"numpy", "pandas", "scipy", "sklearn", "lightgbm", "mlflow", "fastapi", "uvicorn"} & sys.modules.keys()))
"""


def test_no_command_and_no_preview_loads_a_numbers_library_to_begin() -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    said = subprocess.run([sys.executable, "-c", LOOK], env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


SERVE = """
import gc, sys, uvicorn
uvicorn.run = lambda *_, **__: print(gc.get_freeze_count())
from serving.cli import main
sys.argv = ["triage", "serve", "--database", sys.argv[1]]
main()
"""


def test_what_a_service_has_loaded_is_not_looked_at_by_the_garbage_collector(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", SERVE, f"sqlite:///{tmp_path}/triage.db"]
    said = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(said.stdout.split()[-1]) > 100_000
