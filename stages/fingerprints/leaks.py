"""Videos that are in two splits under two names: by their ids, their pictures, their sound."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.fingerprints.names import id_of
from stages.fingerprints.picture import shared_pictures, signatures
from stages.fingerprints.sound import Landmarks, common_landmarks, joined, landmarks
from stages.params import Clip, Leakage
from stages.shards.reader import ClipReader
from stages.shards.schema import SPLITS, DecodedClip, Split

_PICTURES_HZ = 2
_MOST_CLIPS = 40  # of a stretch: an hour of sound at once would need gigabytes


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is compared of one video."""

    video_id: str
    path: str
    split: Split
    pictures: NDArray[np.float32]  # (N, D)
    sound: Landmarks


@dataclass(frozen=True, slots=True)
class Leak:
    """Two videos of different splits that share something."""

    kind: Literal["id", "picture", "sound"]
    score: float  # id: 1; picture: share of pictures; sound: share of the landmarks of the shorter recording
    video_id: str
    path: str
    split: Split
    other_video_id: str
    other_path: str
    other_split: Split


def fingerprint(reader: ClipReader, clips: Sequence[DecodedClip], clip: Clip) -> Fingerprint:
    """Fingerprint of one video, from all its clips."""
    step = max(1, clip.frame_rate_hz // _PICTURES_HZ)
    frames = [frame for one in clips for frame in reader.frames(one.clip_id, range(0, one.num_frames, step))]
    stretches = contiguous(clips)
    parts = [landmarks(_sound(reader, stretch), clip.sample_rate_hz) for stretch in stretches]
    starts_s = [stretch[0].start_sample / clip.sample_rate_hz for stretch in stretches]
    sound = joined(parts, starts_s, clip.sample_rate_hz)
    return Fingerprint(clips[0].video_id, clips[0].path, clips[0].split, signatures(frames), sound)


def contiguous(clips: Sequence[DecodedClip]) -> list[list[DecodedClip]]:
    """Clips of one video, in time's order, in stretches without a hole: sound is compared across their borders."""
    stretches: list[list[DecodedClip]] = []
    for one in clips:
        last = stretches[-1][-1] if stretches else None
        hole_samples = 0 if last is None else one.start_sample - last.start_sample - last.num_samples
        # between clips up to one frame's time is skipped where duration * frame rate is no whole number
        if last is None or len(stretches[-1]) == _MOST_CLIPS or hole_samples > last.num_samples // last.num_frames:
            stretches.append([])
        stretches[-1].append(one)
    return stretches


def find_leaks(videos: Sequence[Fingerprint], leakage: Leakage) -> list[Leak]:
    """All pairs of videos of different splits that share an id, most pictures, or a stretch of sound."""
    groups = np.array([SPLITS.index(video.split) for video in videos], np.int64)
    found = [_leak("id", 1.0, videos[first], videos[second]) for first, second in _same_ids(videos)]
    pictures = [video.pictures for video in videos]
    for first, second, share in shared_pictures(pictures, groups, min_likeness=leakage.min_picture_likeness).tolist():
        if share >= leakage.min_picture_share:
            found.append(_leak("picture", share, videos[int(first)], videos[int(second)]))
    for first, second, count in common_landmarks([video.sound for video in videos], groups).tolist():
        share = count / min(len(videos[first].sound), len(videos[second].sound))
        if count >= leakage.min_sound_landmarks and share >= leakage.min_sound_share:
            found.append(_leak("sound", share, videos[first], videos[second]))
    return sorted(found, key=lambda leak: (leak.kind, -leak.score, leak.path, leak.other_path))


def _sound(reader: ClipReader, clips: Sequence[DecodedClip]) -> NDArray[np.float32]:
    """Waveform of a stretch, (S,), with zeros where samples were skipped."""
    first, last = clips[0], clips[-1]
    waveform = np.zeros(last.start_sample + last.num_samples - first.start_sample, np.float32)
    for one in clips:
        start = one.start_sample - first.start_sample
        waveform[start : start + one.num_samples] = reader.audio(one.clip_id)
    return waveform


def _same_ids(videos: Sequence[Fingerprint]) -> list[tuple[int, int]]:
    by_id: defaultdict[str, list[int]] = defaultdict(list)
    for position, video in enumerate(videos):
        if name := id_of(video.path):
            by_id[name].append(position)
    pairs = [pair for positions in by_id.values() for pair in combinations(positions, 2)]
    return [(first, second) for first, second in pairs if videos[first].split != videos[second].split]


def _leak(kind: Literal["id", "picture", "sound"], score: float, one: Fingerprint, other: Fingerprint) -> Leak:
    return Leak(
        kind,
        round(score, 6),
        *(one.video_id, one.path, one.split),
        *(other.video_id, other.path, other.split),
    )
