"""Where recorded data sets are found beside the repository, and their tables, imported once a session."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.ingest.importer import Prepared, prepare
from features.ingest.mapping import Mapping, load_mapping

ROOT = Path(__file__).parents[3]


def source_of(name: str) -> Path:
    return ROOT.parent / "shared" / "data" / name


def needs(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not source_of(name).is_dir(), reason=f"the recorded data is not at {source_of(name)}")


def mapping_of(name: str) -> Mapping:
    return load_mapping(ROOT / "data_samples" / "mappings" / f"{name}.yaml")


def prepared_with(name: str, columns: dict[str, list[object]], folder: Path) -> Prepared:
    """Prepare a recorded set with some columns of its only file changed: each row takes the value of its place."""
    mapping = mapping_of(name)
    (file,) = mapping.sources.values()
    frame = pd.read_csv(source_of(name) / file.file, encoding="utf-8-sig", dtype="string", keep_default_na=False)
    for column, values in columns.items():
        frame[column] = [values[row % len(values)] for row in range(len(frame))]
    frame.to_csv(folder / file.file, index=False)
    return prepare(mapping, folder)
