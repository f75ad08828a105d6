"""Rows, flags and figures of clips whose onsets are made up."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from stages.metrics.coincidence_scores import by_video, judge, score_pairs, summarise, table
from stages.metrics.onset_shards import Onsets
from stages.params import Coincidence, read
from stages.shards.schema import DecodedClip
from tests.synth.learning import decoded

SETTINGS: Coincidence = read(Path(__file__).resolve().parents[2] / "params.yaml").coincidence
NUM_FRAMES, NUM_REGIONS = 72, 9


def clips_of(*sizes: int) -> list[DecodedClip]:
    """Videos v0, v1, ... of so many clips, labelled a and b in turn."""
    return [
        decoded(f"{video}-{number}", video_id=f"v{video}", start_sample=number, label="ab"[video % 2])
        for video, size in enumerate(sizes)
        for number in range(size)
    ]


def onsets_of(num: int, *, related: Sequence[bool], level: float = 9.0) -> Onsets:
    """Motion at random; where related, the sound is that of region 4, else as random as it."""
    draw = torch.Generator().manual_seed(8)
    motion = torch.rand(num, NUM_REGIONS, NUM_FRAMES, generator=draw) < 0.12
    foreign = torch.rand(num, NUM_FRAMES, generator=draw) < 0.12
    sound = torch.where(torch.tensor(related)[:, None], motion[:, 4], foreign)
    maps = torch.zeros(num, 4, 4, dtype=torch.int16)
    return Onsets(sound, motion, torch.full((num, 4, 4), level), maps)


def settings(**changes: object) -> Coincidence:
    return SETTINGS.model_copy(update={"tolerance_frames": 0, "lead_range_frames": 0, **changes})


def test_a_video_is_judged_by_all_its_clips_in_the_order_of_time() -> None:
    clips = clips_of(3, 2)
    mixed = [clips[n] for n in (4, 1, 0, 3, 2)]
    assert by_video(mixed) == {"v0": [2, 1, 4], "v1": [3, 0]}


def test_foreign_sound_is_flagged_where_there_are_onsets_enough() -> None:
    clips = clips_of(4, 4)
    onsets = onsets_of(8, related=[True] * 4 + [False] * 4)
    rows = judge(clips, onsets, settings(dubbed_lift=0.05))
    assert [row.dubbed for row in rows] == [False] * 4 + [True] * 4
    assert len({row.video_lift for row in rows}) == 2
    assert [row.p for row in rows[:4]] == [1.0] * 4 and [row.ll for row in rows[:4]] == [0.0] * 4
    assert rows[0].num_audio_onsets == rows[0].num_visual_onsets == int(onsets.sound[0].sum())
    asked = settings(dubbed_lift=0.05, dubbed_min_onsets=1000)
    assert not any(row.dubbed for row in judge(clips, onsets, asked))


def test_still_clips_are_flagged_and_say_nothing_of_their_video() -> None:
    clips, onsets = clips_of(3, 1), onsets_of(4, related=[True, False, True, False])
    onsets.changes[1] = SETTINGS.still_motion - 0.01
    onsets.changes[3] = 0.0
    rows = judge(clips, onsets, settings(dubbed_min_onsets=1))
    assert [row.still for row in rows] == [False, True, False, True]
    assert [row.dubbed for row in rows] == [False] * 4
    moving = [clips[0], clips[2]]
    part = Onsets(onsets.sound[[0, 2]], onsets.motion[[0, 2]], onsets.changes[[0, 2]], onsets.maps[[0, 2]])
    assert rows[0].video_lift == judge(moving, part, settings())[0].video_lift
    assert rows[3].video_lift == 0.0  # nothing of it moves


def test_labels_and_splits_change_no_row() -> None:
    clips, onsets = clips_of(2, 2, 3), onsets_of(7, related=[True, False] * 3 + [True])
    bare = [replace(clip, label=None, split="test", path="x") for clip in clips]
    assert judge(clips, onsets, settings()) == judge(bare, onsets, settings())


def test_pairs_are_of_other_videos_and_figures_tell_own_from_foreign() -> None:
    clips, onsets = clips_of(2, 3, 1, 2), onsets_of(8, related=[True] * 8)
    scored = score_pairs(clips, onsets, settings(mismatched=2))
    assert set(scored.matched) == set(range(8))
    assert len(scored.own) == 4 and len(scored.other) == 8
    # v1 has three clips, v2 one and v3 two: as many are held against each other as the shorter video has
    assert {n: len(lifts) for n, lifts in scored.mismatched.items()} == {0: 2, 1: 1, 2: 2, 3: 1, 5: 2, 6: 2, 7: 2}
    summary = summarise(clips, judge(clips, onsets, settings()), scored)
    overall = summary["overall"]
    assert (overall["clips"], overall["mismatched_pairs"], overall["p"]) == (8, 12, 1.0)
    assert overall["auc"] == overall["video_auc"] == 1.0
    assert overall["lift"] == pytest.approx(sum(scored.matched.values()) / 8, abs=1e-6)
    assert [summary["labels"][label]["clips"] for label in "ab"] == [3, 5]
    lines = table(summary)
    assert [line.split()[0] for line in lines] == ["label", "a", "b", "all"]
    assert len({len(line) for line in lines}) == 1


def test_silent_and_motionless_clips_are_not_scored_and_one_video_has_no_area() -> None:
    clips, onsets = clips_of(2, 2), onsets_of(4, related=[True] * 4)
    onsets.sound[0] = False
    onsets.motion[2:] = False
    scored = score_pairs(clips, onsets, settings())
    assert (set(scored.matched), scored.mismatched, scored.other) == ({1}, {}, [])
    summary = summarise(clips, judge(clips, onsets, settings()), scored)
    assert (summary["overall"]["auc"], summary["overall"]["scored_clips"]) == (None, 1)
    assert summary["labels"]["b"]["lift"] is None
    assert table(summary)[2].split()[5:8] == ["-", "-", "-"]
