"""YAML files that people write: read whole, or refused with what is wrong and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from features.errors import YamlFileError
from features.yaml_file import read_yaml


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "why"),
    [
        pytest.param(b"a: 1\nb:\n  c: 1\n  c: 2\n", r"'c' is given twice\n.*line 4, column 3", id="a key twice"),
        pytest.param(b"a: " + b"[" * 5000 + b"]" * 5000, "it is nested too deeply", id="depth"),
        pytest.param(b"a: 2026-13-45\n", "it is not YAML: month must be in 1..12", id="no date"),
        pytest.param(b"a: \xff\n", "it is not YAML: 'utf-8' codec", id="no text"),
        pytest.param(b"a: [\n", "it is not YAML: while parsing", id="not closed"),
        pytest.param(b"a: !!python/object:os.system x\n", "could not determine a constructor", id="no plain value"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(tmp_path: Path, content: bytes, why: str) -> None:
    with pytest.raises(YamlFileError, match=f"(?s)file.yaml: .*{why}"):
        read_yaml(written(tmp_path, content))


def test_what_is_shared_is_merged_and_said_anew(tmp_path: Path) -> None:
    content = b"a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\n"
    assert read_yaml(written(tmp_path, content)) == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}


def test_an_empty_file_holds_nothing(tmp_path: Path) -> None:
    assert read_yaml(written(tmp_path, b"")) is None
