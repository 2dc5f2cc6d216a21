"""How much a process grows while an engine answers: its highest resident size less what it held before (Linux).

Run in a process of its own: `python -m tests.benchmarks.memory "ours" 1000000 200000` prints megabytes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.peers import ENGINES, Question

_STATUS = Path("/proc/self/status")


def resident_megabytes(field: str = "VmRSS") -> float:
    """Return this process's resident size now (`VmRSS`) or at its highest (`VmHWM`)."""
    line = next(line for line in _STATUS.read_text(encoding="ascii").splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1_024


def grown_megabytes(engine: str, facts: int, cutoffs: int) -> float:
    """Measure one engine in a fresh process."""
    command = [sys.executable, "-m", "tests.benchmarks.memory", engine, str(facts), str(cutoffs)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(engine: str, facts: int, cutoffs: int) -> None:
    """Answer one question and print by how many megabytes the process grew at most."""
    ENGINES[engine](Question(1_000, 100, sorted_cutoffs=False))  # imports, thread pools and code are not the answer's
    question = Question(facts, cutoffs, sorted_cutoffs=False)
    before = resident_megabytes()
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # forget the high-water mark so far
    ENGINES[engine](question)
    print(resident_megabytes("VmHWM") - before)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
