from pathlib import Path

import pytest

from stages.params import Perform, Programme, Staging
from stages.performances.corpus import TakeMaker, assemble, file_name, plan, recipe, render
from stages.performances.version import digest
from stages.shards.files import read_json, sha256
from tests.synth.performances import take_of

SMALL = Perform(
    seed=1,
    instruments=("violin", "trumpet", "xylophone"),
    regular=Programme(solos_per_instrument=2, duets=4, twins=4),
    shifted=Programme(solos_per_instrument=1, duets=1, twins=1),
    staging=Staging(silent_share=0.4, distractor_share=0.5, idle=0.25, offset_ms=40.0, jitter_ms=15.0),
    duration_s=2.0,
    frame_rate_hz=12,
    side_px=64,
)


def hashes(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_plan_has_all_solos_duets_of_two_different_instruments_and_of_two_equal_ones() -> None:
    takes = plan("first", SMALL, shifted=False)
    assert len(takes) == 3 * 2 + 4 + 4
    pairs = [take for take in takes if len(take.instruments) == 2]
    duets, twins = ([t for t in pairs if len(set(t.instruments)) == kinds] for kinds in (2, 1))
    assert (len(duets), len(twins)) == (4, 4)
    assert len({take.label for take in duets}) == 3  # every pair before any comes again
    assert {take.label for take in twins} == {"violin violin", "trumpet trumpet", "xylophone xylophone"}
    assert len({take.words for take in takes}) == len(takes)
    assert not any(take.staging.shifted for take in takes)


def test_a_shifted_folder_has_a_programme_of_its_own_and_only_shifted_takes() -> None:
    takes = plan("other", SMALL, shifted=True)
    assert len(takes) == 3 + 1 + 1
    assert all(take.staging.shifted for take in takes)


def test_silent_players_and_distractors_come_as_often_as_wanted_and_whoever_plays() -> None:
    many = SMALL.model_copy(update={"regular": Programme(solos_per_instrument=200, duets=0, twins=0)})
    takes = plan("first", many, shifted=False)
    for name in SMALL.instruments:
        mine = [take.staging for take in takes if take.instruments == (name,)]
        # four standard deviations of a share over 200 draws are 0.14
        assert abs(sum(s.silent is not None for s in mine) / len(mine) - 0.4) < 0.14
        assert abs(sum(s.distracted for s in mine) / len(mine) - 0.5) < 0.14
        assert {s.silent for s in mine} == {None, *SMALL.instruments}


def test_names_are_neutral_and_never_meet() -> None:
    names = [file_name(take) for arrival in ("first", "second") for take in plan(arrival, SMALL, shifted=False)]
    assert len(set(names)) == len(names)
    assert all(len(name) == 10 and set(name) <= set("0123456789abcdef") for name in names)


def test_a_further_instrument_leaves_the_solos_of_others_as_they_are_but_where_it_stands_silent() -> None:
    programme = SMALL.regular.model_copy(update={"solos_per_instrument": 6})
    few = SMALL.model_copy(update={"regular": programme})
    more = few.model_copy(update={"instruments": (*SMALL.instruments, "acoustic_guitar")})
    before, after = ({t.words: t for t in plan("first", p, shifted=False)} for p in (few, more))
    changed = [words for words, take in before.items() if len(take.instruments) == 1 and after[words] != take]
    assert all(after[words].staging.silent == "acoustic_guitar" for words in changed)
    assert len(changed) < 10  # of 18


def test_an_unknown_instrument_is_refused_before_anything_is_rendered() -> None:
    with pytest.raises(ValueError, match="'kazoo' cannot be played"):
        plan("first", SMALL.model_copy(update={"instruments": ("violin", "kazoo")}), shifted=False)


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
    read = read_json(tmp_path / "truth" / "index.json")
    assert read["generator"] == digest() == recipe()["code"]
    index = read["videos"]
    assert {name: facts["sha256"] for name, facts in index.items()} == {
        name: sha256(tmp_path / "videos" / facts["path"]) for name, facts in index.items()
    }

    backwards = [tmp_path / "again", tmp_path / "truth2"]
    assemble(made[::-1], *backwards)
    assert hashes(backwards[1]) == hashes(tmp_path / "truth")


def test_the_recipe_changes_with_what_it_names() -> None:
    assert recipe() == recipe()
    assert set(recipe()) == {"code", "coder", "tool"}
