"""Bounds on new videos and on drift: few videos say little, what is surely beyond a bound is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.admission.checks import Check, examine, label_distance
from stages.admission.videos import Video, Videos
from stages.params import read
from stages.shards.schema import Reject

ADMIT = read(Path(__file__).resolve().parents[2] / "params.yaml").admit


def videos(count: int, start: int = 0, seed: int = 1, **changes: object) -> tuple[Video, ...]:
    """Videos of two labels in turn, of some 10 s and -20 dB."""
    draw = np.random.default_rng(seed)
    names = [f"v{number}" for number in range(start, start + count)]
    labels = [("cello", "violin")[number % 2] for number in range(count)]
    lengths_s, levels_db = 10 + draw.uniform(-2, 2, count), -20 + draw.normal(size=count)
    rows = zip(names, labels, lengths_s, levels_db, strict=True)
    made = [Video(n, f"f/{n}.mp4", label, length, level, is_flagged=False) for n, label, length, level in rows]
    return tuple(replace(video, **changes) for video in made)  # type: ignore[arg-type]


def rejects(count: int) -> tuple[Reject, ...]:
    return tuple(Reject(f"f/bad{i}.mp4", "index", "no_audio", "") for i in range(count))


def found(present: Videos, known: Videos | None = None, num_leaks: int = 0) -> dict[str, Check]:
    return {check.name: check for check in examine(present, known, num_leaks, ADMIT)}


def refused(present: Videos, known: Videos | None = None, num_leaks: int = 0) -> set[str]:
    return {name for name, check in found(present, known, num_leaks).items() if check.refused}


OLD = Videos(videos(100), ())


def test_a_first_run_is_held_against_nothing() -> None:
    checks = found(Videos(videos(3), ()))
    assert set(checks) == {"rejected", "still or dubbed", "leaks"}
    assert refused(Videos(videos(3), ())) == set()


def test_more_of_the_same_is_admitted() -> None:
    assert refused(Videos(videos(100) + videos(30, start=100, seed=2), ()), OLD) == set()
    assert refused(OLD, OLD) == set()


@pytest.mark.parametrize(
    ("num_good", "num_bad", "is_refused"),
    [(2, 1, False), (0, 1, False), (0, 5, True), (90, 10, False), (60, 40, True)],
)
def test_rejected_files_stop_a_run_when_they_are_surely_too_many(num_good: int, num_bad: int, is_refused: bool) -> None:
    check = found(Videos(videos(num_good), rejects(num_bad)))["rejected"]
    assert check.refused == is_refused
    assert check.found == num_bad / (num_good + num_bad)


def test_rejects_that_the_last_run_knew_and_rejected_clips_do_not_count() -> None:
    known = Videos(videos(100), rejects(50))
    assert found(Videos(videos(100), rejects(50)), known)["rejected"].found is None  # nothing is new
    of_a_taken_file = Reject("f/v0.mp4", "decode", "silent", "one clip")
    assert found(Videos(videos(10), (of_a_taken_file,)))["rejected"].found == 0


def test_still_or_dubbed_videos_stop_a_run() -> None:
    assert refused(Videos(videos(40, is_flagged=True), ())) == {"still or dubbed"}
    assert refused(Videos(videos(3, is_flagged=True), ())) == set()  # three of three may be chance


def test_leaks_beyond_the_bound_stop_a_run() -> None:
    assert refused(OLD, OLD, ADMIT.max_leaks) == set()
    assert refused(OLD, OLD, ADMIT.max_leaks + 1) == {"leaks"}


def test_a_folder_that_is_not_there_stops_a_run() -> None:
    assert refused(Videos(videos(81), ()), OLD) == set()
    check = found(Videos(videos(79), ()), OLD)["vanished"]
    assert (check.found, check.refused) == (0.21, True)


def test_many_new_videos_of_one_label_stop_a_run_and_some_do_not() -> None:
    def with_flutes(count: int) -> Videos:
        return Videos(videos(100) + videos(count, start=100, label="flute"), ())

    assert "labels" not in refused(with_flutes(20), OLD)
    assert "labels" in refused(with_flutes(100), OLD)
    assert found(with_flutes(100), OLD)["labels"].found == pytest.approx(0.5)


@pytest.mark.parametrize(("shift_db", "is_refused"), [(3.0, False), (-20.0, True), (20.0, True)])
def test_loudness_that_jumped_stops_a_run(shift_db: float, is_refused: bool) -> None:
    new = tuple(replace(v, rms_db=v.rms_db + shift_db) for v in videos(30, start=100, seed=2))
    present = Videos(videos(100) + new, ())
    assert ("loudness, dB" in refused(present, OLD)) == is_refused
    assert found(present, OLD)["loudness, dB"].found == pytest.approx(abs(shift_db), abs=1)
    few = Videos(videos(100) + new[: ADMIT.min_videos - 1], ())
    assert found(few, OLD)["loudness, dB"].found is None
    assert refused(few, OLD) == set()


@pytest.mark.parametrize(("times", "is_refused"), [(2.0, False), (10.0, True), (0.1, True)])
def test_durations_that_jumped_stop_a_run(times: float, is_refused: bool) -> None:
    new = tuple(replace(v, duration_s=v.duration_s * times) for v in videos(30, start=100, seed=2))
    present = Videos(videos(100) + new, ())
    assert ("duration, times" in refused(present, OLD)) == is_refused
    assert found(present, OLD)["duration, times"].found == pytest.approx(max(times, 1 / times), rel=0.1)


def test_equal_sets_seldom_alarm() -> None:
    """Both sets are drawn alike, so that every alarm is a false one: none in 200, at a significance of .001."""
    known = [Videos(videos(100, seed=seed), ()) for seed in range(200)]
    new = [videos(30, start=100, seed=1000 + seed) for seed in range(200)]
    alarms = [refused(Videos(old.taken + more, ()), old) for old, more in zip(known, new, strict=True)]
    assert not any(alarms)


def test_label_distance_is_the_share_that_would_have_to_move() -> None:
    assert label_distance(["a", "b"], ["b", "a", "a", "b"]) == 0
    assert label_distance(["a"], ["b"]) == 1
    assert label_distance(["a", "a", "a", None], ["a", "b", None, None]) == pytest.approx(0.5)
    assert label_distance([], []) == 0
