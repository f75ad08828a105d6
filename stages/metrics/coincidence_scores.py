"""What coinciding onsets say of each clip and each video, and how well they tell a video's own sound from another's.

Axes: N clips, C clips of one video, B pairs, T motion frames, R regions of the picture.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch

from stages.metrics.coincidence import Evidence, area_under_curve, weigh
from stages.metrics.onset_shards import Onsets
from stages.params import Coincidence
from stages.shards.flags import ClipCoincidence
from stages.shards.schema import DecodedClip

_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Pair:
    """The motion of clips of one video and the sound of as many of another, or of the same."""

    motion: tuple[int, ...]  # positions among all clips, in time's order
    sound: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """Lifts of pairs, in nats a frame."""

    matched: dict[int, float]  # by clip: with its own sound
    mismatched: dict[int, list[float]]  # by clip: with sound of other videos
    own: list[float]  # of whole videos with their own sound
    other: list[float]  # and with that of other videos


def judge(clips: Sequence[DecodedClip], onsets: Onsets, settings: Coincidence) -> list[ClipCoincidence]:
    """A row for each of N clips, sorted as they are.

    A video is dubbed where its sound coincides with its motion hardly better than the same sound shifted in time,
    though there are enough onsets of both.
    """
    levels = onsets.changes.flatten(1).amax(dim=1)
    still = (levels < settings.still_motion).tolist()
    own = _weigh(onsets, [Pair((n,), (n,)) for n in range(len(clips))], settings)
    whole = {video: _of_video(places, still, onsets, settings) for video, places in by_video(clips).items()}
    return [
        ClipCoincidence(
            clip_id=clip.clip_id,
            video_id=clip.video_id,
            num_audio_onsets=evidence.num_audio_onsets,
            num_visual_onsets=evidence.num_visual_onsets,
            p=round(evidence.p, _DECIMALS),
            ll=round(evidence.ll, _DECIMALS),
            lift=round(evidence.lift, _DECIMALS),
            video_lift=0.0 if (video := whole[clip.video_id]) is None else round(video.lift, _DECIMALS),
            motion=round(level, _DECIMALS),
            still=standing,
            dubbed=video is not None and _is_dubbed(video, settings),
        )
        for clip, evidence, level, standing in zip(clips, own, levels.tolist(), still, strict=True)
    ]


def by_video(clips: Sequence[DecodedClip]) -> dict[str, list[int]]:
    """Positions of each video's clips, in time's order; videos in the order of their ids."""
    order = sorted(range(len(clips)), key=lambda n: (clips[n].video_id, clips[n].start_sample))
    return {video: list(places) for video, places in groupby(order, key=lambda n: clips[n].video_id)}


def score_pairs(clips: Sequence[DecodedClip], onsets: Onsets, settings: Coincidence) -> Scored:
    """Hold the motion of each clip, and of each video, against its own sound and that of the next videos by id.

    Clips without any onset of sound or of motion are left out: nothing can be said of them.
    """
    telling = (onsets.sound.any(dim=1) & onsets.motion.flatten(1).any(dim=1)).tolist()
    videos = [[n for n in places if telling[n]] for places in by_video(clips).values()]
    videos = [places for places in videos if places]
    whole = [Pair(tuple(places), tuple(places)) for places in videos]
    others = [
        _other(places, videos[(i + k) % len(videos)])
        for i, places in enumerate(videos)
        for k in range(1, min(settings.mismatched, len(videos) - 1) + 1)
    ]
    single = [Pair((n,), (n,)) for places in videos for n in places]
    foreign = [Pair((n,), (pair.sound[c],)) for pair in others for c, n in enumerate(pair.motion)]
    lifts = [
        [evidence.lift for evidence in _weigh(onsets, pairs, settings)] for pairs in (single, foreign, whole, others)
    ]
    mismatched: defaultdict[int, list[float]] = defaultdict(list)
    for pair, lift in zip(foreign, lifts[1], strict=True):
        mismatched[pair.motion[0]].append(lift)
    matched = {pair.motion[0]: lift for pair, lift in zip(single, lifts[0], strict=True)}
    return Scored(matched, dict(mismatched), lifts[2], lifts[3])


def summarise(clips: Sequence[DecodedClip], rows: Sequence[ClipCoincidence], scored: Scored) -> dict[str, Any]:
    """Figures of all clips and of those of each label: means, and how often the own sound beats another's (auc)."""
    labels: defaultdict[str, list[int]] = defaultdict(list)
    for n, clip in enumerate(clips):
        if clip.label is not None:
            labels[clip.label].append(n)
    overall = _figures(range(len(clips)), rows, scored)
    overall["video_auc"] = _rounded(area_under_curve(scored.own, scored.other))
    return {"overall": overall, "labels": {label: _figures(labels[label], rows, scored) for label in sorted(labels)}}


def table(summary: Mapping[str, Any]) -> list[str]:
    """Lines of text: one for each label, and all together."""
    names = ("clips", "audio_onsets", "visual_onsets", "p", "lift", "mismatched_lift", "auc", "still", "dubbed")
    lines = [f"{'label':24}" + "".join(f"{name:>16}" for name in names)]
    for label, figures in [*summary["labels"].items(), ("all", summary["overall"])]:
        cells = ("-" if figures[name] is None else f"{figures[name]:.4g}" for name in names)
        lines.append(f"{label[:23]:24}" + "".join(f"{cell:>16}" for cell in cells))
    return lines


def _of_video(places: Sequence[int], still: Sequence[bool], onsets: Onsets, settings: Coincidence) -> Evidence | None:
    """Of all moving clips together; None where none moves."""
    moving = tuple(n for n in places if not still[n])
    return _weigh(onsets, [Pair(moving, moving)], settings)[0] if moving else None


def _is_dubbed(video: Evidence, settings: Coincidence) -> bool:
    enough = min(video.num_audio_onsets, video.num_visual_onsets) >= settings.dubbed_min_onsets
    return enough and video.lift < settings.dubbed_lift


def _other(places: Sequence[int], other: Sequence[int]) -> Pair:
    """As many clips of both as the shorter video has."""
    num = min(len(places), len(other))
    return Pair(tuple(places[:num]), tuple(other[:num]))


def _weigh(onsets: Onsets, pairs: Sequence[Pair], settings: Coincidence) -> list[Evidence]:
    """Evidence of each pair; those of equally many clips are weighed at once."""
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for position, pair in enumerate(pairs):
        alike[len(pair.motion)].append(position)
    found: dict[int, Evidence] = {}
    for positions in alike.values():
        sound = onsets.sound[torch.tensor([pairs[n].sound for n in positions])]
        motion = onsets.motion[torch.tensor([pairs[n].motion for n in positions])]
        found |= zip(
            positions,
            weigh(sound, motion, tolerance=settings.tolerance_frames, leads=settings.lead_range_frames),
            strict=True,
        )
    return [found[n] for n in range(len(pairs))]


def _figures(places: Sequence[int], rows: Sequence[ClipCoincidence], scored: Scored) -> dict[str, float | int | None]:
    matched = [scored.matched[n] for n in places if n in scored.matched]
    mismatched = [lift for n in places for lift in scored.mismatched.get(n, ())]
    of_label = [rows[n] for n in places]
    return {
        "clips": len(of_label),
        "scored_clips": len(matched),
        "mismatched_pairs": len(mismatched),
        "audio_onsets": _mean([row.num_audio_onsets for row in of_label]),
        "visual_onsets": _mean([row.num_visual_onsets for row in of_label]),
        "p": _mean([row.p for row in of_label]),
        "ll": _mean([row.ll for row in of_label]),
        "lift": _mean(matched),
        "mismatched_lift": _mean(mismatched),
        "auc": _rounded(area_under_curve(matched, mismatched)),
        "still": sum(row.still for row in of_label),
        "dubbed": sum(row.dubbed for row in of_label),
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(sum(values) / len(values), _DECIMALS) if values else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DECIMALS)
