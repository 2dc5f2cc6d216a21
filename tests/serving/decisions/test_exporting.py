"""Decisions leave the database as they were sealed, in the order of the chain."""

from __future__ import annotations

import json
from pathlib import Path

from serving.db.tables import DecisionRow
from tests.serving.decisions.auditing import triage_audit
from tests.serving.house import NOW, House


def test_every_sealed_decision_is_written_as_it_is(any_house: House, any_url: str, tmp_path: Path) -> None:
    any_house.announce("SH-1", "SH-2", "SH-3")
    any_house.decided("SH-1", risk=0.5)
    any_house.advance(hours=2)
    any_house.decided("SH-2", risk=0.1)
    any_house.decided("SH-3", risk=0.3)
    sealed = [row.body for row in any_house.rows(DecisionRow)]

    def exported(*options: str) -> list[str]:
        out = tmp_path / "decisions.jsonl"
        result = triage_audit("export", "--out", out, "--database", any_url, *options)
        assert result.exit_code == 0, result.output
        lines = out.read_text(encoding="utf-8").splitlines()
        assert result.output == f"{len(lines)} decisions in {out}\n"
        return lines

    assert exported() == sealed
    later = f"{NOW.replace(hour=NOW.hour + 1):%Y-%m-%dT%H:%M:%S}"
    assert exported("--from", later) == sealed[1:]
    assert exported("--to", later) == sealed[:1]
    assert [json.loads(line)["subject"]["id"] for line in sealed] == ["SH-1", "SH-2", "SH-3"]
