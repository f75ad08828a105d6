"""Batches: a pure function of (seed, step), different videos in a mixture, labels unseen."""

from collections import Counter

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.testing import assert_close

from stages.training.batches import Batches, TooFewClips, read_waveform, training_clips
from tests.synth.learning import MODEL, NUM_SAMPLES, MemoryMedia, decoded, sampler, train_section, waveform

ALL = [decoded(f"{kind}-{seed}") for kind in range(4) for seed in range(3)]


def _batches(**changes: object) -> Batches:
    train = train_section(**changes)
    return Batches(MemoryMedia(), sampler(ALL, train), MODEL.appearance, train)


@pytest.mark.parametrize("num_sources", [2, 3, 4])
def test_shapes(num_sources: int) -> None:
    batch = _batches(num_sources=num_sources, batch_mixtures=3).at(0)
    assert batch.sources.shape == (3, num_sources, NUM_SAMPLES)
    assert batch.frames.shape == (3, num_sources, 1, 3, 32, 32)


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    batches = _batches()
    later_first = batches.at(7), batches.at(3)
    again = _batches()
    assert torch.equal(later_first[1].sources, again.at(3).sources)
    assert torch.equal(later_first[0].frames, again.at(7).frames)
    assert not torch.equal(again.at(3).sources, again.at(4).sources)
    assert not torch.equal(again.at(3).sources, _batches(seed=2).at(3).sources)


def test_sources_are_clips_of_different_videos_within_the_gains_and_divided_by_their_number() -> None:
    clips = {clip.clip_id: torch.from_numpy(waveform(*map(int, clip.clip_id.split("-")))) for clip in ALL}
    for step in range(10):
        for mixture in _batches(num_sources=3).at(step).sources:
            owners: set[str] = set()
            for source in mixture:
                gains = {name: source.abs().max().item() / wave.abs().max().item() for name, wave in clips.items()}
                name = next(
                    name for name, gain in gains.items() if torch.allclose(source, gain * clips[name], atol=1e-6)
                )
                assert 0.5 <= 3 * gains[name] < 1.5
                owners.add(name)
            assert len(owners) == 3


def test_two_clips_of_one_video_are_never_mixed() -> None:
    clips = [decoded("0-0", video_id="a"), decoded("0-1", video_id="a"), decoded("1-0", video_id="b")]
    grouped = training_clips(clips, 2, sampling="videos")
    assert grouped.by_video == (("0-0", "0-1"), ("1-0",))
    assert grouped.num_clips == 3


def test_only_sounding_clips_of_the_training_split_are_used() -> None:
    clips = [*ALL[:3], decoded("3-0", "test"), decoded("3-1", "validation"), decoded("2-0", rms_db=-90.0)]
    grouped = training_clips(clips, 2, sampling="videos")
    assert (grouped.num_clips, grouped.num_silent) == (3, 1)


def test_labels_paths_and_order_change_nothing() -> None:
    bare = [decoded(clip.clip_id, label=None, path="x.mp4", arrival=".") for clip in reversed(ALL)]
    assert training_clips(bare, 2, sampling="videos") == training_clips(ALL, 2, sampling="videos")


def test_too_few_videos_are_refused_with_counts() -> None:
    with pytest.raises(TooFewClips, match=r"3 videos with sound .* found 1 \(clips in the split: 2, silent: 1\)"):
        training_clips([decoded("0-0"), decoded("1-0", rms_db=-100.0)], 3, sampling="videos")


def test_a_short_clip_ends_in_silence() -> None:
    found = read_waveform(MemoryMedia(), "0-0", NUM_SAMPLES + 5)
    assert_close(found[:NUM_SAMPLES], torch.from_numpy(waveform(0, 0)))
    assert torch.equal(found[NUM_SAMPLES:], torch.zeros(5))


def test_by_labels_each_label_is_heard_equally_often_though_one_has_most_videos() -> None:
    clips = [decoded(f"{kind}-{seed}") for kind, num in enumerate((12, 2, 2)) for seed in range(num)]
    train = train_section(sampling="labels", batch_mixtures=16)
    heard: Counter[str] = Counter()
    media = _Listening(heard)
    batches = Batches(media, sampler(clips, train), MODEL.appearance, train)
    for step in range(40):
        batches.at(step)
    # 1,280 sources: drawn without replacement, so the rare labels meet themselves a little less often
    assert all(0.26 < heard[kind] / heard.total() < 0.42 for kind in "012")
    assert training_clips(clips, 2, sampling="videos").weights == (1.0,) * 16


class _Listening(MemoryMedia):
    """Counts of which kind the clips are that are read."""

    def __init__(self, heard: Counter[str]) -> None:
        self._heard = heard

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        self._heard[clip_id[0]] += 1
        return super().audio(clip_id)
