from dataclasses import asdict
from pathlib import Path

import pytest

from stages import layout, report
from stages.performances.version import digest
from stages.reporting.gathering import GatherError
from stages.shards.files import read_json, sha256, write_json
from stages.shards.flow_origin import FlowOrigin, write_origin
from stages.shards.tables import read_columns, write_columns
from tests.synth.scored import EVALUATE
from tests.synth.signals import score_columns


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_curves(name: str) -> None:
    write_json(layout.model(name) / "curves.json", {"validation": [{"step": 3, "loss": 0.7, "si_sdr_db": 1.5}]})
    clips = [{"clip_id": f"clip{n}", "video_id": f"video{n}", "other": 0.1 * n} for n in range(3)]
    phases = {"untrained": (0, (0.0, 0.25, None)), "S1": (6, (0.5, 0.75, 0.1))}
    agreement = [
        {"phase": phase, "step": step, "clips": [clip | {"own": value} for clip, value in zip(clips, own, strict=True)]}
        for phase, (step, own) in phases.items()
    ]
    write_json(layout.model(name) / "model.json", {"agreement": agreement})


def write_scores(name: str, *columns: dict[str, list]) -> None:  # pyright: ignore[reportMissingTypeArgument]
    joined = {column: [value for part in columns for value in part[column]] for column in columns[0]}
    write_columns(layout.evaluation(name) / "scores.parquet", joined)


def test_all_scores_are_gathered_printed_and_written_with_equal_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    write_scores("baselines", score_columns("mixture", [0.0] * 4))
    write_scores("pixels", score_columns("pixels", [5.0] * 4), score_columns("pixels:swapped_vision", [-9.0] * 4))
    write_curves("pixels")
    report.run(EVALUATE, ("first",))
    content = read_json(layout.METRICS)
    assert content["pixels"]["different2"]["si_sdri"] == 5
    assert content["controls"]["pixels"]["swapped_vision_si_sdri"] == -9
    assert content["baselines"]["mixture"]["different2"]["si_sdri"] == 0
    assert len(read_columns(layout.SCORES)["mix_id"]) == 12
    after = content["agreement"]["pixels"]["S1"]
    assert (after["step"], after["own"], after["gain"], after["n"], after["flat"]) == (6, 0.625, 0.5, 2, 1)
    printed = capsys.readouterr().out
    assert [line.split()[1:5] for line in printed.splitlines() if line.startswith("pixels, S1")] == [
        ["S1", "6", "0.62", "0.50"]
    ]
    assert printed.startswith(layout.TABLE.read_text(encoding="utf-8"))
    assert "machine: " in printed and "machine: " not in layout.TABLE.read_text(encoding="utf-8")
    drawn = sorted(path.name for path in layout.PLOTS.iterdir())
    assert drawn == ["kinds.json", "labels.json", "scatter.json", "thresholds.json", "training.json"]
    assert read_json(layout.PLOTS / "training.json")[0] == {
        "model": "pixels",
        "step": 3,
        "loss": 0.7,
        "si_sdr_db": 1.5,
    }
    files = [layout.METRICS, layout.SCORES, layout.TABLE, *sorted(layout.PLOTS.iterdir())]
    before = [sha256(path) for path in files]
    report.run(EVALUATE, ("first",))
    assert [sha256(path) for path in files] == before


@pytest.mark.parametrize(
    ("origin", "line"),
    [
        (None, "flow: none was estimated"),
        (FlowOrigin("dis", None, None, tool="opencv 5", device="cpu"), "flow: dis (opencv 5, cpu)"),
        (
            FlowOrigin("pwcnet", "ab" * 32, "CC-BY-NC-SA-4.0", tool="torch 2", device="cuda"),
            "flow: pwcnet (torch 2, cuda; weights abababababab, CC-BY-NC-SA-4.0)",
        ),
    ],
)
def test_who_estimated_flow_stands_above_the_table_and_in_the_metrics(origin: FlowOrigin | None, line: str) -> None:
    write_scores("baselines", score_columns("mixture", [0.0] * 4))
    if origin is not None:
        write_origin(layout.FLOW_ORIGIN, origin)
    report.run(EVALUATE, ())
    assert layout.TABLE.read_text(encoding="utf-8").splitlines()[:2] == [line, ""]
    found = read_json(layout.METRICS)["flow"]
    assert found == (None if origin is None else asdict(origin))


def test_without_scores_it_says_what_to_run() -> None:
    with pytest.raises(GatherError, match="dvc repro baselines"):
        report.run(EVALUATE, ("first",))
    assert not layout.METRICS.exists()


def test_the_generator_of_the_built_in_corpus_is_named_and_none_where_there_is_none() -> None:
    write_scores("baselines", score_columns("mixture", [0.0] * 4))
    for builtin, corpus in ((("first",), digest()[:10]), ((), "none")):
        report.run(EVALUATE, builtin)
        assert read_json(layout.METRICS)["corpus"] == corpus
        assert f"corpus {corpus}" in layout.TABLE.read_text(encoding="utf-8")
