"""infra/preset.py never loses a params.yaml that someone edited."""

from pathlib import Path

import pytest

from infra.environment import ROOT
from infra.preset import PresetError, use
from stages.params import ParamsError

OWN = (ROOT / "params.yaml").read_text()
STUDIO = OWN + "# studio\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "presets").mkdir()
    (tmp_path / "presets/studio.yaml").write_text(STUDIO)
    (tmp_path / "presets/broken.yaml").write_text("clip: {}\n")
    (tmp_path / "params.yaml").write_text(OWN)
    return tmp_path


def test_there_and_back_again(root: Path) -> None:
    use("studio", root)
    assert (root / "params.yaml").read_text() == STUDIO
    use("studio", root)
    use("default", root)
    assert (root / "params.yaml").read_text() == OWN
    assert not (root / "params.yaml.orig").exists()


def test_an_edited_preset_is_not_overwritten(root: Path) -> None:
    use("studio", root)
    edited = STUDIO + "# mine\n"
    (root / "params.yaml").write_text(edited)
    for name in ("studio", "default"):
        with pytest.raises(PresetError, match="was edited"):
            use(name, root)
    assert (root / "params.yaml").read_text() == edited
    assert (root / "params.yaml.orig").read_text() == OWN


def test_an_unknown_or_invalid_preset_changes_nothing(root: Path) -> None:
    with pytest.raises(PresetError, match="there are: default, broken, studio"):
        use("studo", root)
    with pytest.raises(ParamsError, match="wrong entries"):
        use("broken", root)
    assert (root / "params.yaml").read_text() == OWN
    assert "own already" in use("default", root)
