"""The documentation of mapping files says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from features.ingest.expressions import parse
from features.ingest.functions import TOPICS, functions
from features.ingest.mapping import load_mapping
from features.ingest.reference import reference
from features.tables import SHAPES

DOCS = Path(__file__).parents[3] / "docs"


class TestReference:
    def test_the_stored_one_is_made_from_the_code(self) -> None:
        assert (DOCS / "mapping-reference.md").read_text(encoding="utf-8") == reference(), "run `make docs`"

    def test_every_function_stands_in_one_topic_and_has_words(self) -> None:
        listed = [function.__name__ for topic in TOPICS.values() for function in topic]
        assert sorted(listed) == sorted(functions())
        for function in functions().values():
            assert function.__doc__
            assert f"* `{function.__name__}(" in reference()

    def test_every_table_and_field_is_there(self) -> None:
        for table, shapes in SHAPES.items():
            section = reference().split(f"### `{table}`\n")[1].split("\n### ")[0]
            for shape in shapes:
                assert f"`{shape.name}`" in section


class TestHowTo:
    def test_its_mapping_is_one(self, tmp_path: Path) -> None:
        whole, stack = re.findall(r"```yaml\n(.*?)```", (DOCS / "mapping-files.md").read_text(encoding="utf-8"), re.S)
        path = tmp_path / "mapping.yaml"
        path.write_text(whole, encoding="utf-8")
        assert load_mapping(path).owner == "integration team"
        assert set(yaml.safe_load(stack)["stack"]["stops"]) == {"of", "keep", "over", "columns"}

    def test_the_functions_and_joins_that_it_shows_parse(self) -> None:
        text = (DOCS / "mapping-files.md").read_text(encoding="utf-8")
        shown = re.findall(r"`((?:lookup|column|parse_time)\(.*?\))`", text.replace("\n  ", " "))
        assert len(shown) == 5
        assert [problem for call in shown for problem in parse(call)[1]] == []
