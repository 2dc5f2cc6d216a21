"""`python -m serving.worker`: the worker as a process of its own, with the options of `triage worker`."""

from __future__ import annotations

import typer

from serving.worker.cli import worker_command

if __name__ == "__main__":
    typer.run(worker_command)
