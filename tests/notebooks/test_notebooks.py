"""Every notebook runs from top to bottom, and is kept without outputs."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
class TestNotebook:
    def test_it_is_kept_without_outputs(self, path: Path) -> None:
        nbformat = pytest.importorskip("nbformat", reason="the extra `notebooks` is not installed")
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        assert cells
        assert not any(cell.outputs or cell.execution_count for cell in cells)

    def test_it_runs(self, path: Path) -> None:
        nbformat = pytest.importorskip("nbformat", reason="the extra `notebooks` is not installed")
        nbclient = pytest.importorskip("nbclient", reason="the extra `notebooks` is not installed")
        notebook = nbformat.read(path, as_version=4)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the kernel's own plumbing; the cells run in a process of their own
            client = nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}})
            client.execute()
        assert any(cell.outputs for cell in notebook.cells if cell.cell_type == "code")
