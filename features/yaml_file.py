"""YAML files that people write: mappings, zones, people, settings. What stands in one twice is a mistake, not a choice.

Bundles are read by `routing.marks`, which knows the place of every value.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from features.errors import YamlFileError


class _Loader(yaml.SafeLoader):
    """Reads plain values, and refuses a key that a mapping gives twice; YAML's own reader keeps the last of the two."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"'{key.value}' is given twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return node


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds, None if it is empty.

    Raises
    ------
    YamlFileError
        If it cannot be read, is no YAML, is nested too deeply, or gives a key twice.
    """
    return _parsed(path, yaml.load)


def read_yaml_and_nodes(path: Path) -> tuple[Any, yaml.Node | None]:
    """Return what a YAML file holds and its nodes, which know the line of each value; see `read_yaml`."""
    return _parsed(path, yaml.load), _parsed(path, yaml.compose)


def _parsed(path: Path, parse: Callable[..., Any]) -> Any:
    try:
        return parse(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise YamlFileError(path, f"it cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise YamlFileError(path, "it is nested too deeply") from error
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFileError(path, f"it is not YAML: {error}") from error
