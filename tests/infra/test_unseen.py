"""infra/unseen.py: other corpora, no training, and a table of what the reports say."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.environment import ROOT
from infra.unseen import UnseenError, main, score, table, unseen_params
from stages.params import read


def _params() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))


def test_every_video_is_held_out_and_the_corpus_is_another(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(unseen_params(_params(), 101)), encoding="utf-8")
    params = read(path)
    assert params.perform.seed == 101
    assert params.index.builtin == ("unseen",)
    assert params.index.test_share > 0.99
    assert set(params.mixes.validation.values()) == {0}


def test_the_corpus_of_training_is_refused() -> None:
    with pytest.raises(UnseenError, match="trained on that corpus"):
        unseen_params(_params(), _params()["perform"]["seed"])


def test_without_a_model_the_command_that_makes_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(json.dumps(_params()), encoding="utf-8")
    with pytest.raises(UnseenError, match="dvc repro train@pixels"):
        score(tmp_path, 101)


def test_the_table_has_a_line_for_each_seed_and_kind() -> None:
    names = ("si_sdri", "si_sdri_low", "si_sdri_high", "sdr", "sir", "sar")
    summary = {name: float(value) for value, name in enumerate(names)} | {"n": 6, "n_videos": 7}
    alone = summary | {"si_sdri_low": None, "si_sdri_high": None}
    metrics = {"pixels": {"different2": summary, "same2": alone}}
    lines = table({101: metrics, 102: metrics}, ["pixels"]).splitlines()
    assert lines[2] == "| 101 | pixels | different2 | 0.0 (1.0 to 2.0) | 3.0 / 4.0 / 5.0 | 6 | 7 |"
    assert "0.0 (-)" in lines[3]
    assert len(lines) == 6


@pytest.mark.parametrize("seeds", [[], ["x"]])
def test_seeds_are_whole_numbers(seeds: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(seeds) == 1
    assert "whole numbers" in capsys.readouterr().err
