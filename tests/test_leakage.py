"""The stage `leakage` on clips that were decoded from real files, and on the built-in corpus."""

from pathlib import Path

import pytest

from stages import decode, index, layout, leakage, perform
from stages.fingerprints.leaks import Leak
from stages.leakage import LeakageError
from stages.params import Leakage, Programme, read
from stages.shards.schema import ClipRow
from stages.shards.tables import read_rows, write_rows
from tests.synth.media import CLIP, DECODE, INDEX, ffmpeg

ROOT = Path(__file__).resolve().parent.parent
PARAMS = read(ROOT / "params.yaml")
LEAKAGE = PARAMS.leakage
HEARD = CLIP.model_copy(update={"sample_rate_hz": 11025})
TUNE = "0.4*sin(2*PI*t*(200+40*mod(floor(4*t)*{step}\\,17)))*exp(-3*mod(t\\,0.25))"


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_SERIAL", "1")


def film(path: str, seed: int, step: int) -> Path:
    """Six seconds of drifting blobs that only this seed has, with a tune of 24 notes that only this step has."""
    target = Path("videos", path)
    target.parent.mkdir(parents=True, exist_ok=True)
    picture = f"128+60*sin(X/{7 + seed}+T/3)+50*cos(Y/{5 + 2 * seed}+X/{11 + seed}-T/4)"
    source = f"nullsrc=s=96x64:r=12:d=6,geq=lum='{picture}':cb=128:cr=128,format=yuv420p"
    sound = f"aevalsrc={TUNE.format(step=step)}:s=22050:d=6"
    inputs = ("-f", "lavfi", "-i", source, "-f", "lavfi", "-i", sound)
    return ffmpeg(*inputs, "-c:v", "libx264", "-c:a", "aac", path=target)


def find(splits: dict[str, str], settings: Leakage = LEAKAGE, videos: Path = Path("videos")) -> list[Leak]:
    """Index and decode all videos, put each by its name into its split, and compare."""
    index.run(HEARD, INDEX.model_copy(update={"videos": str(videos)}))
    rows = read_rows(layout.CLIPS, ClipRow)
    fields = [{name: getattr(row, name) for name in ClipRow.__dataclass_fields__} for row in rows]
    moved = [ClipRow(**(row | {"split": splits[Path(row["path"]).stem]})) for row in fields]
    write_rows(layout.CLIPS, moved, ClipRow)
    decode.run(HEARD, DECODE, str(videos), 1.0)
    leakage.run(HEARD, settings)
    return read_rows(layout.LEAKS, Leak)


def pairs(leaks: list[Leak], kind: str) -> list[set[str]]:
    return [{Path(leak.path).stem, Path(leak.other_path).stem} for leak in leaks if leak.kind == kind]


def test_a_mirrored_encoding_anew_and_a_reused_sound_are_found(capsys: pytest.CaptureFixture[str]) -> None:
    original = film("one.mp4", seed=1, step=5)
    other, heard = film("two.mp4", seed=4, step=7), film("three.mp4", seed=8, step=3)
    again = ("-vf", "hflip,scale=64:-2", "-crf", "33", "-c:v", "libx264", "-c:a", "aac", "-b:a", "48k")
    ffmpeg("-ss", "0.7", "-i", str(original), *again, path=Path("videos/mirrored.mp4"))
    reused = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac", "-b:a", "64k", "-shortest")
    ffmpeg("-i", str(heard), "-i", str(other), *reused, path=Path("videos/dubbed.mp4"))
    heard.unlink()
    leaks = find({"one": "train", "two": "train", "mirrored": "test", "dubbed": "validation"})
    assert pairs(leaks, "picture") == [{"one", "mirrored"}]
    assert sorted(map(sorted, pairs(leaks, "sound"))) == [["dubbed", "two"], ["mirrored", "one"]]
    assert pairs(leaks, "id") == []
    assert "4 videos compared across splits; pairs that share something: id 0, picture 1, sound 2" in (
        capsys.readouterr().out
    )


def test_copies_within_one_split_are_no_leak_and_strangers_never() -> None:
    original = film("one.mp4", seed=1, step=5)
    ffmpeg("-i", str(original), "-c:v", "libx264", "-crf", "33", "-c:a", "aac", path=Path("videos/copy.mp4"))
    film("two.mp4", seed=4, step=7)
    assert find({"one": "train", "copy": "train", "two": "test"}) == []


def test_two_segments_of_one_video_in_two_splits_fail_where_that_is_wanted() -> None:
    film("Qowmc0P9icX_000030.mp4", seed=1, step=5)
    film("Qowmc0P9icX_000300.mp4", seed=4, step=7)
    splits = {"Qowmc0P9icX_000030": "train", "Qowmc0P9icX_000300": "test"}
    with pytest.raises(LeakageError, match=r"leaks\.parquet: 1 pairs .*id 1, picture 0, sound 0.*leakage\.action"):
        find(splits, LEAKAGE.model_copy(update={"action": "fail"}))
    (leak,) = read_rows(layout.LEAKS, Leak)
    assert (leak.kind, {leak.split, leak.other_split}) == ("id", {"train", "test"})


def test_performances_on_the_same_samples_give_no_alarm() -> None:
    regular = Programme(solos_per_instrument=5, duets=2, twins=0)
    changes = {"regular": regular, "duration_s": 4.0, "frame_rate_hz": 12, "side_px": 96}
    band = PARAMS.perform.model_copy(update={**changes, "instruments": ("violin", "xylophone", "trumpet")})
    perform.run("first", band, str(layout.VIDEOS), ("shifted",))
    names = sorted(path.stem for path in layout.VIDEOS.rglob("*.mp4"))
    assert len(names) == 17
    splits = ("train", "validation", "test")
    assert find({name: splits[number % 3] for number, name in enumerate(names)}, videos=layout.VIDEOS) == []
