"""Estimates follow what they claim to follow: counts are exact, costs grow with what causes them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from stages import layout
from stages.params import Params, read
from stages.planning.cost import builtin, corpus, estimate, foreign, mixture_gflop

CONTENT = Path("params.yaml").read_text(encoding="utf-8")
CURRICULUM = yaml.safe_load(CONTENT)["train"]["curriculum"]
PHASE = CURRICULUM["pixels"][0]
MORE = {"name": "S2", "steps": 1}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def params(folder: Path, **changes: Any) -> Params:
    content: dict[str, Any] = yaml.safe_load(CONTENT)
    for address, value in changes.items():
        section, _, key = address.partition("__")
        content[section] = content[section] | {key: value} if key else value
    (folder / "params.yaml").write_text(yaml.safe_dump(content))
    return read(folder / "params.yaml")


def test_the_built_in_corpus_is_counted_exactly(tmp_path: Path) -> None:
    regular, shifted = (
        {"solos_per_instrument": 3, "duets": 5, "twins": 2},
        {"solos_per_instrument": 1, "duets": 4, "twins": 0},
    )
    wanted = params(
        tmp_path, perform__instruments=["violin", "trumpet"], perform__regular=regular, perform__shifted=shifted
    )
    first, other = builtin(wanted, "first"), builtin(wanted, "shifted")
    assert (first.num_videos, other.num_videos) == (2 * 3 + 5 + 2, 2 * 1 + 4)
    assert first.duration_s == first.num_videos * wanted.perform.duration_s
    assert corpus(wanted).num_videos == first.num_videos + other.num_videos


def test_a_user_s_folder_is_counted_at_any_depth_without_the_rendered_part(tmp_path: Path) -> None:
    for name, size in {
        "a.mp4": 1000,
        "deep/er/b.mkv": 500,
        "first/c.mp4": 9999,
        "deep/first/d.mp4": 1,
        ".gitignore": 7,
    }.items():
        path = layout.VIDEOS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
    found = foreign(params(tmp_path))
    assert (found.num_videos, found.num_bytes) == (3, 1501)


def test_a_folder_of_ones_own_is_all_that_counts(tmp_path: Path) -> None:
    elsewhere = params(tmp_path)
    index = elsewhere.index.model_copy(update={"videos": str(tmp_path / "mine")})
    elsewhere = elsewhere.model_copy(update={"index": index})
    assert corpus(elsewhere).num_videos == 0
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.mp4").write_bytes(bytes(10))
    assert (corpus(elsewhere).num_videos, estimate("perform", "first", elsewhere).written_bytes) == (1, 0)


def test_without_a_builtin_corpus_only_the_user_s_videos_count(tmp_path: Path) -> None:
    (layout.VIDEOS / "mine").mkdir(parents=True)
    (layout.VIDEOS / "mine/a.mp4").write_bytes(bytes(10))
    assert corpus(params(tmp_path, index__builtin=[])).num_videos == 1
    both = params(tmp_path)
    assert corpus(both).num_videos == 1 + sum(builtin(both, name).num_videos for name in both.index.builtin)


def test_the_papers_network_costs_what_was_counted_for_it(tmp_path: Path) -> None:
    """26.4 GFLOP for the audio network on 256 x 256 bins, 18.5 for the appearance network on 3 frames of 224 px."""
    wanted = params(
        tmp_path,
        clip__duration_s=256 * 256 / 11025,
        spectrogram__hop_samples=256,
        spectrogram__log_frequency_rows=256,
    )
    content = yaml.safe_load(CONTENT)["models"]["pixels"]
    model = type(wanted.models["pixels"]).model_validate(
        content
        | {"appearance": content["appearance"] | {"base_channels": 64, "num_frames": 3, "crop_px": 224}}
        | {"audio": {"levels": 7, "base_channels": 64}}
    )
    assert mixture_gflop(wanted, model, num_sources=2) == pytest.approx(26.4 + 2 * 18.5, rel=0.02)


@pytest.mark.parametrize(("preset", "counted_gmac"), [("paper-motions", 325.3), ("studio", 1.48)])
def test_the_cost_of_motions_is_about_what_was_counted_for_it(preset: str, counted_gmac: float) -> None:
    """Counted in docs/networks.md, by parts that scale with other strides than the paper's."""
    wanted = read(Path(__file__).resolve().parents[2] / f"presets/{preset}.yaml")
    found = mixture_gflop(wanted, wanted.models["motions"], num_sources=2)
    assert found == pytest.approx(2 * counted_gmac, rel=0.15)


@pytest.mark.parametrize(
    ("stage", "item", "change"),
    [
        ("perform", "first", {"perform__side_px": 384}),
        ("index", None, {"perform__regular": {"solos_per_instrument": 60, "duets": 8, "twins": 8}}),
        ("decode", None, {"perform__duration_s": 60.0}),
        ("flow", None, {"clip__frame_rate_hz": 16}),
        ("trajectories", None, {"trajectories__grid_step_px": 1}),
        ("trajectories", None, {"clip__frame_rate_hz": 24}),
        ("coincidence", None, {"perform__duration_s": 60.0}),
        ("train", "pixels", {"train__curriculum": CURRICULUM | {"pixels": [PHASE | {"steps": 12000}]}}),
        ("train", "pixels", {"train__curriculum": CURRICULUM | {"pixels": [PHASE, PHASE | MORE]}}),
        ("train", "pixels", {"train__curriculum": CURRICULUM | {"pixels": [PHASE | {"num_sources": 3}]}}),
        ("baselines", None, {"mixes__test": {"different2": 600}}),
        ("evaluate", "pixels", {"mixes__test": {"different2": 600}}),
    ],
)
def test_more_work_takes_longer(tmp_path: Path, stage: str, item: str | None, change: dict[str, Any]) -> None:
    assert (
        estimate(stage, item, params(tmp_path, **change)).duration_s
        > estimate(stage, item, params(tmp_path)).duration_s
    )


def test_decoded_bytes_grow_with_the_picture(tmp_path: Path) -> None:
    small, large = params(tmp_path), params(tmp_path, clip__frame_side_px=256)
    ratio = estimate("decode", None, large).written_bytes / estimate("decode", None, small).written_bytes
    assert 2 < ratio < 4


def test_bytes_of_flow_are_those_that_shards_hold(tmp_path: Path) -> None:
    """5 bytes for each 4 x 4 px of a pair, in workspace, cache and store: .59 MB for 47 pairs at 224 px and int16."""
    wanted = params(tmp_path, clip__frame_side_px=224, clip__duration_s=6.0)
    cost = estimate("flow", None, wanted)
    assert cost.written_bytes / cost.clips == pytest.approx(3 * 47 * 56 * 56 * 5, rel=1e-6)


def test_flow_by_a_network_takes_longer_and_the_way_back_as_long_again(tmp_path: Path) -> None:
    section = yaml.safe_load(CONTENT)["flow"] | {"backend": "dis"}
    neural = section | {"backend": "pwcnet", "preset": "default", "weights": "own.safetensors", "precision": "fp32"}
    neural |= {"refined": False}
    lite, forward = neural | {"preset": "lite"}, section | {"consistency": section["consistency"] | {"check": False}}
    twice, half_precision, refined = lite | {"looks": 2}, lite | {"precision": "bf16"}, lite | {"refined": True}
    start_s = estimate("flow", None, params(tmp_path, index__builtin=[])).duration_s
    dis, slow, quick, half, again, coarse, fitted = (
        estimate("flow", None, params(tmp_path, flow=flow)).duration_s - start_s
        for flow in (section, neural, lite, forward, twice, half_precision, refined)
    )
    assert half == pytest.approx(dis / 2) and dis < coarse < quick < slow
    assert again == pytest.approx(5 * quick) and quick < fitted < 1.5 * quick


def test_bytes_of_trajectories_are_counted(tmp_path: Path) -> None:
    """Clips of 24 frames, 128 x 128 px, a point for each 4 x 4: 118 kB each, in three places."""
    small = params(tmp_path, clip__duration_s=3.0, clip__frame_rate_hz=8, clip__frame_side_px=128)
    found = estimate("trajectories", None, small)
    assert found.clips > 100
    assert found.written_bytes / found.clips == 3 * 5 * 23 * 32 * 32
