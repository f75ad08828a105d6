"""Phases that fit no model, and the overrides by which experiments change them."""

import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps

from stages.params import ParamsError, read
from tests.synth.learning import phase, train_section

ROOT = Path(__file__).resolve().parents[1]
PRESET = ROOT / "presets/paper-motions.yaml"
PHASE = phase().model_dump(mode="json")


def _written(folder: Path, **train: Any) -> Path:
    content = yaml.safe_load(PRESET.read_text(encoding="utf-8"))
    content["train"] |= train
    path = folder / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("curriculum", "said"),
    [
        ({"pixels": [PHASE]}, "train.curriculum: no phases for the model motions; add a list train.curriculum.motions"),
        ({"motions": [PHASE, PHASE]}, r"names must differ, also from pretrain, found ['S1', 'S1']"),
        ({"motions": [PHASE | {"name": "pretrain"}]}, "names must differ"),
        ({"motions": [PHASE | {"rules": {"any": 0.5, "same_video": 0.4}}]}, "shares of rules must add up to 1"),
        ({"motions": [PHASE | {"rules": {"other": 1.0}}]}, "train.curriculum.motions.0.rules"),
        ({"motions": [PHASE | {"rules": {}}]}, "train.curriculum.motions.0.rules"),
        ({"motions": [PHASE | {"num_sources": 5}]}, "train.curriculum.motions.0.num_sources"),
        ({"motions": [PHASE | {"steps": 0}]}, "train.curriculum.motions: no phase has steps"),
        ({"motions": []}, "train.curriculum.motions"),
    ],
)
def test_phases_that_do_not_fit_are_refused(tmp_path: Path, curriculum: dict[str, Any], said: str) -> None:
    with pytest.raises(ParamsError) as error:
        read(_written(tmp_path, curriculum=curriculum))
    assert said in str(error.value)


def test_looks_need_an_appearance_network(tmp_path: Path) -> None:
    path = _written(tmp_path, curriculum={"motions": [PHASE, PHASE | {"name": "S2", "rules": {"same_instrument": 1}}]})
    read(path)
    content = yaml.safe_load(path.read_text())
    content["models"]["motions"]["fusion"]["rule"] = "alone"
    content["models"]["motions"]["appearance"]["weights"] = "none"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ParamsError, match=r"phase S2 mixes by same_instrument.* which fusion.rule alone lacks"):
        read(path)
    content["train"]["instruments"] = "labels"
    path.write_text(yaml.safe_dump(content))
    read(path)


def test_a_model_is_taught_by_its_own_phases_that_have_steps() -> None:
    phases = [phase(), phase(name="S2", steps=0), phase(name="S3")]
    train = train_section(curriculum={"pixels": phases, "motions": [phase(steps=9)]})
    assert train.of("pixels") == train_section(phases=[phase(), phase(name="S3")])


def _overridden(folder: Path, *overrides: str) -> list[list[str]]:
    """Names of the phases of each experiment that `dvc exp run --queue -S ...` makes."""
    found: list[list[str]] = []
    for sweep in get_hydra_sweeps({"params.yaml": list(overrides)}):
        path = folder / "params.yaml"
        path.write_text(PRESET.read_text(encoding="utf-8"))
        apply_overrides(path, sweep["params.yaml"])
        found.append([phase.name for phase in read(path).train.of("motions").curriculum["motions"]])
    return found


def test_documented_experiments_are_valid_params(tmp_path: Path) -> None:
    lines = (ROOT / "docs/ablations.md").read_text(encoding="utf-8").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("dvc exp run ")]
    assert len(commands) == 3
    for command in commands:
        overrides = [word for before, word in pairwise(command) if before == "-S"]
        path = tmp_path / "params.yaml"
        for sweep in get_hydra_sweeps({"params.yaml": overrides}):
            preset = PRESET if "motions" in overrides[0] else ROOT / "params.yaml"
            path.write_text(preset.read_text(encoding="utf-8"))
            before = read(path).train
            apply_overrides(path, sweep["params.yaml"])
            assert read(path).train != before


def test_the_paper_s_ablation_is_an_override_of_steps(tmp_path: Path) -> None:
    steps = "train.curriculum.motions.{}.steps"
    longer = _overridden(tmp_path, f"{steps.format(1)}=0,1200", f"{steps.format(2)}=0,600")
    assert longer == [["S1"], ["S1", "S3"], ["S1", "S2"], ["S1", "S2", "S3"]]
    assert _overridden(tmp_path, f"{steps.format(0)}=0", f"{steps.format(1)}=0") == [["S3"]]
    whole = "train.curriculum.motions=[{name: A, rules: {any: 0.5, same_instrument: 0.5}, num_sources: 2, steps: 9, "
    assert _overridden(tmp_path, whole + "rate: 0.001, appearance_rate: 0.001, decay_steps: []}]") == [["A"]]
