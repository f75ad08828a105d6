import shutil
from pathlib import Path

import pytest

from stages.performances import version


def digest_of(room: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(version, "__file__", str(room / "version.py"))
    return version.digest()


@pytest.mark.parametrize("changed", ["players/violin.py", "samples/index.json", "samples/tuba.brass.ogg"])
def test_any_change_of_code_or_note_samples_is_another_version(
    changed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Path(version.__file__).parent
    ours = version.digest()
    copy = tmp_path / "performances"
    shutil.copytree(room, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert digest_of(copy, monkeypatch) == ours
    with (copy / changed).open("ab") as handle:
        handle.write(b"\n")
    assert digest_of(copy, monkeypatch) != ours
