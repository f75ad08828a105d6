"""Kinds: by what a network sees, or by labels; never by both."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from stages.networks.separation import Separator
from stages.training.export import new_separator
from stages.training.kinds import Videos, heard, labelled, seen
from tests.synth import struck
from tests.synth.learning import MemoryMedia, decoded, new_learner, train_section

TRAIN = [[decoded(f"{kind}-{seed}")] for kind in range(3) for seed in range(6)]
VALIDATION = [[decoded(f"{kind}-{seed}", "validation")] for kind in (2, 0) for seed in (7, 8)]


class _Plain(MemoryMedia):
    """Each kind of clip is a ground of one colour, lighter or darker by the clip; notes which frames are asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def frames(self, clip_id: str, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        self.asked.append((clip_id, tuple(indices)))
        kind, seed = map(int, clip_id.split("-"))
        frame = np.full((40, 48, 3), 20, np.uint8)
        frame[..., kind] = 200 + 5 * seed
        return [frame for _ in indices]


def _seen(media: _Plain, *videos: Videos, num_kinds: int = 3) -> tuple[tuple[int, ...], tuple[int, ...]]:
    separator: Separator = new_learner(train_section()).separator
    found = seen(separator, media, (videos[0], videos[1]), num_kinds=num_kinds, seed=1)
    return found.train, found.validation


def test_videos_that_look_alike_are_of_a_kind_in_both_splits() -> None:
    train, validation = _seen(_Plain(), TRAIN, VALIDATION)
    assert len(set(train)) == 3
    assert [train[place : place + 6] for place in (0, 6, 12)] == [(train[place],) * 6 for place in (0, 6, 12)]
    assert validation == (train[12], train[12], train[0], train[0])


def test_at_most_four_clips_of_a_long_video_are_looked_at_twice_each() -> None:
    media = _Plain()
    long = [decoded(f"0-{number}", video_id="long") for number in range(9)]
    _seen(media, [long, *TRAIN[6:]], [])
    assert [clip_id for clip_id, _ in media.asked[:3]] == ["0-0", "0-3", "0-6"]
    assert {indices for _, indices in media.asked} == {(1, 3)}
    assert len(media.asked) == 3 + 12


def test_looking_leaves_the_separator_as_it_was() -> None:
    separator = new_learner(train_section()).separator
    before = {name: value.clone() for name, value in separator.net.state_dict().items()}
    seen(separator, _Plain(), (TRAIN, VALIDATION), num_kinds=3, seed=1)
    assert all(torch.equal(before[name], value) for name, value in separator.net.state_dict().items())


def test_videos_that_sound_alike_are_of_a_kind_however_loud() -> None:
    """Four registers of one timbre: the second half of the clips is a tenth as loud."""
    train = [[decoded(f"{kind}-{seed}")] for kind in range(4) for seed in range(6)]
    separator = new_learner(train_section()).separator
    videos = (train, VALIDATION)
    loud = heard(separator, MemoryMedia(), videos, num_kinds=4, seed=1)
    assert len(set(loud.train)) == 4
    majority = [Counter(loud.train[place : place + 6]).most_common(1)[0] for place in range(0, 24, 6)]
    assert len({kind for kind, _ in majority}) == 4 and sum(count for _, count in majority) >= 20
    assert loud.validation == tuple(majority[kind][0] for kind in (2, 2, 0, 0))
    assert heard(separator, _Softer(), videos, num_kinds=4, seed=1) == loud


class _Softer(MemoryMedia):
    """Odd clips are a tenth as loud."""

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        return super().audio(clip_id) * np.float32(0.1 if int(clip_id[-1]) % 2 else 1)


def test_labels_are_kinds_over_both_splits_and_who_has_none_is_alone() -> None:
    bare = [decoded("3-3", label=None)]
    found = labelled([*TRAIN[:7], bare], [*VALIDATION[2:3], bare])
    assert found.train[:7] == (0,) * 6 + (1,)
    assert found.validation[0] == 0
    assert len({found.train[7], found.validation[1], 0, 1}) == 4


def test_without_an_appearance_network_nothing_can_be_seen() -> None:
    model, train = struck.changed(fusion__rule="alone"), train_section()
    separator = new_separator(struck.CLIP, struck.SPECTROGRAM, model, train, device=torch.device("cpu"))
    with pytest.raises(ValueError, match=r"train\.instruments look: .* set it to sound or labels"):
        seen(separator, _Plain(), (TRAIN, []), num_kinds=2, seed=1)
