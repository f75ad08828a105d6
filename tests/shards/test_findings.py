from pathlib import Path

import pytest

from stages.shards.findings import Findings


def test_a_content_is_looked_at_once_for_each_basis(tmp_path: Path) -> None:
    looked: list[str] = []

    def find(name: str) -> dict[str, str]:
        looked.append(name)
        return {"name": name}

    for basis in ({"threshold": 20.0}, {"threshold": 20.0}, {"threshold": 10.0}):
        for name in ("ab12", "cd34"):
            assert Findings(tmp_path, basis)(name, lambda name=name: find(name)) == {"name": name}
    assert looked == ["ab12", "cd34"] * 2


def test_a_failure_is_not_remembered(tmp_path: Path) -> None:
    def fail() -> dict[str, str]:
        raise ValueError("timeout")

    findings = Findings(tmp_path, {})
    with pytest.raises(ValueError, match="timeout"):
        findings("ab12", fail)
    assert findings("ab12", lambda: {"cuts": "none"}) == {"cuts": "none"}


def test_a_damaged_finding_is_found_anew(tmp_path: Path) -> None:
    findings = Findings(tmp_path, {})
    findings("ab12", lambda: {"cuts": "none"})
    (file,) = tmp_path.rglob("finding.json")
    file.write_text("{", encoding="utf-8")
    assert findings("ab12", lambda: {"cuts": "one"}) == {"cuts": "one"}
