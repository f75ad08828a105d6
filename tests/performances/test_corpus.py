from pathlib import Path

import pytest

from stages.params import Perform
from stages.performances.corpus import TakeMaker, assemble, file_name, plan, recipe, render
from stages.shards.files import read_json, sha256
from tests.synth.performances import take_of

SMALL = Perform(
    seed=1,
    instruments=("violin", "trumpet", "xylophone"),
    solos_per_instrument=2,
    duets=4,
    duration_s=2.0,
    frame_rate_hz=12,
    side_px=64,
)


def hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_plan_has_all_solos_and_duets_of_two_different_instruments() -> None:
    takes = plan("first", SMALL)
    assert len(takes) == 3 * 2 + 4
    duets = [take for take in takes if len(take.instruments) == 2]
    assert len(duets) == 4
    assert all(len(set(take.instruments)) == 2 for take in duets)
    assert len({take.label for take in duets}) == 3  # every pair before any comes again
    assert len({take.words for take in takes}) == len(takes)


def test_names_are_neutral_and_never_meet() -> None:
    names = [file_name(take) for arrival in ("first", "second") for take in plan(arrival, SMALL)]
    assert len(set(names)) == len(names)
    assert all(len(name) == 10 and set(name) <= set("0123456789abcdef") for name in names)


def test_a_further_instrument_leaves_the_solos_of_others_as_they_are() -> None:
    more = SMALL.model_copy(update={"instruments": (*SMALL.instruments, "acoustic_guitar"), "solos_per_instrument": 3})
    assert {take for take in plan("first", SMALL) if len(take.instruments) == 1} <= set(plan("first", more))


def test_an_unknown_instrument_is_refused_before_anything_is_rendered() -> None:
    with pytest.raises(ValueError, match="'kazoo' cannot be played"):
        plan("first", SMALL.model_copy(update={"instruments": ("violin", "kazoo")}))


def test_a_take_is_rendered_to_the_same_bytes_each_time(tmp_path: Path) -> None:
    take = take_of("trumpet", "violin")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        render(tmp_path / name, take)
    first = hashes(tmp_path / "one")
    assert first == hashes(tmp_path / "two")
    assert set(first) == {"video.mp4", "truth.npz", "truth.json", "stem0.flac", "stem1.flac"}


def test_a_stored_take_is_not_rendered_again_and_folders_hold_videos_and_truth_apart(tmp_path: Path) -> None:
    maker = TakeMaker(tmp_path / "store", recipe())
    takes = [take_of("violin", frame_rate_hz=12), take_of("trumpet", "violin", frame_rate_hz=12)]
    made = [(take, maker(take)) for take in takes]
    written = [(folder / "video.mp4").stat().st_mtime_ns for _, folder in made]
    assert [(maker(take) / "video.mp4").stat().st_mtime_ns for take in takes] == written

    assemble(made, tmp_path / "videos", tmp_path / "truth")
    solo, duet = (file_name(take) for take in takes)
    assert set(hashes(tmp_path / "videos")) == {f"violin/{solo}.mp4", f"trumpet violin/{duet}.mp4"}
    stems = {f"{duet}.0.flac", f"{duet}.1.flac"}
    assert set(hashes(tmp_path / "truth")) == {"index.json", f"{solo}.npz", f"{duet}.npz"} | stems
    index = read_json(tmp_path / "truth" / "index.json")["videos"]
    assert {name: facts["sha256"] for name, facts in index.items()} == {
        name: sha256(tmp_path / "videos" / facts["path"]) for name, facts in index.items()
    }

    backwards = [tmp_path / "again", tmp_path / "truth2"]
    assemble(made[::-1], *backwards)
    assert hashes(backwards[1]) == hashes(tmp_path / "truth")


def test_the_recipe_changes_with_what_it_names() -> None:
    assert recipe() == recipe()
    assert set(recipe()) == {"code", "tool"}
