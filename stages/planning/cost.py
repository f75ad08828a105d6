"""What a run will take, from params.yaml and what lies on the disk: clips, bytes and seconds, estimated."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stages import layout
from stages.params import Params
from stages.separators import Model, Motions

# Measured on 2 x86-64 cores without a GPU, wall seconds; other machines differ in proportion.
_START_S = {
    "perform": 8.0,
    "index": 2.0,
    "decode": 6.0,
    "flow": 9.0,
    "trajectories": 4.0,
    "leakage": 1.0,
    "coincidence": 4.0,
    "mixes": 1.0,
    "train": 8.0,
    "baselines": 3.0,
    "evaluate": 3.0,
    "report": 1.0,
    "register": 9.0,
}
_OTHER_START_S = 5.0
_PERFORM_S_PER_MEGAPIXEL = 0.065  # drawn and encoded
_PROBE_S_PER_VIDEO = 0.03
_CUTS_S_PER_MEDIA_S = 0.006  # of the built-in corpus
_CUTS_S_PER_FOREIGN_S = 0.02
_COMPARE_S_PER_MEDIA_S = 0.006  # fingerprints of picture and sound
_COINCIDE_S_PER_CLIP = 0.02  # onsets, and pairs with other videos
_DECODE_S_PER_MEDIA_S = 0.025  # of the built-in corpus
_DECODE_S_PER_FOREIGN_S = 0.08  # of 42 real clips, 400 x 224 to 1920 x 1080 px
_ESTIMATE_S_PER_MEGAPIXEL = {"dis": 0.067, "pwcnet": 2.5}  # of a pair's flow one way
_LITE = 0.33  # of the default network's time
_BF16 = 0.55  # of the time in fp32; `auto` is taken for it
_LOOK = 4  # times the first one: twice the sides
_REFINE_S_PER_MEGAPIXEL = 0.13
_TRACE_S_PER_BYTE = 4e-8  # followed, written, synced
_GFLOP_PER_S = 90.0
_READ_S_PER_MIXTURE = 0.003
_BSS_S_PER_SOURCE = 0.006
_BASELINE_ESTIMATORS, _MODEL_ESTIMATORS = 8, 5  # the model, three controls of its sight, and its threshold of one half
_BLIND_S_PER_MIX = 0.25  # NMF and robust PCA
_MODEL_FORWARDS = 4  # its own pictures, swapped ones, two ablations

# Forward passes at the papers' sizes (Zhao et al. 2018): the networks of 64 base channels on 224 px and 256 x 256 bins.
_APPEARANCE_GFLOP, _APPEARANCE_PX, _AUDIO_GFLOP, _AUDIO_BINS, _BASE_CHANNELS = 6.2, 224, 26.4, 256 * 256, 64
# I3D and fusion of 64 base channels on 23 steps of 224 x 224 cells, as counted in docs/networks.md.
_MOTION_GFLOP, _MOTION_CELLS = 299.0, 23 * 224 * 224
_FORWARD_AND_BACKWARD = 3

_VIDEO_BYTES_PER_PIXEL = 0.027  # H.264 of drawn players
_TRUTH_SHARE = 0.5  # masks, affines and parts beside each video
_JPEG_BYTES_PER_PIXEL = 0.33
_FOREIGN_BYTES_PER_S = 150_000  # 1.2 Mbit/s: videos are not opened before `index`
_FLOW_BYTES_PER_PIXEL = 5 / 16  # two directions of 2 bytes and one of validity for each 4 x 4 px
_TRACK_BYTES = 5  # of one point after one step: two offsets, and whether it is lost
_INDEX_BYTES_PER_CLIP = 200
_COPIES = 3  # the workspace, DVC's cache, the store


@dataclass(frozen=True)
class Corpus:
    """Videos in, before any is opened."""

    num_videos: int
    duration_s: float
    num_bytes: int

    def __add__(self, other: "Corpus") -> "Corpus":
        return Corpus(
            self.num_videos + other.num_videos, self.duration_s + other.duration_s, self.num_bytes + other.num_bytes
        )


@dataclass(frozen=True)
class Cost:
    """What one stage will take; `clips` is 0 where a stage does not work on clips."""

    clips: int
    written_bytes: int
    duration_s: float


def builtin(params: Params, arrival: str) -> Corpus:
    """One arrival folder of the rendered corpus."""
    programme = params.perform.shifted if arrival in params.index.shifted else params.perform.regular
    solos = len(params.perform.instruments) * programme.solos_per_instrument
    num_videos = solos + programme.duets + programme.twins
    duration_s = num_videos * params.perform.duration_s
    pixels = duration_s * params.perform.frame_rate_hz * _frame_pixels(params.perform.side_px)
    return Corpus(num_videos, duration_s, round(pixels * _VIDEO_BYTES_PER_PIXEL))


def rendered(params: Params) -> tuple[str, ...]:
    """Names of the arrival folders that `perform` renders: none where index.videos points elsewhere."""
    return params.index.builtin if Path(params.index.videos) == layout.VIDEOS else ()


def foreign(params: Params) -> Corpus:
    """Files below index.videos, hidden ones left out, that `perform` does not render; durations guessed from sizes."""
    root = Path(params.index.videos)
    sizes = list(_file_sizes(root, skipped={root / name for name in rendered(params)}))
    return Corpus(len(sizes), sum(sizes) / _FOREIGN_BYTES_PER_S, sum(sizes))


def _file_sizes(folder: Path, skipped: set[Path]) -> Iterator[int]:
    if not folder.is_dir():
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if Path(entry.path) not in skipped:
                    yield from _file_sizes(Path(entry.path), skipped)
            elif entry.is_file(follow_symlinks=False):
                yield entry.stat(follow_symlinks=False).st_size


def drawn(params: Params) -> Corpus:
    """All arrival folders that `perform` renders below index.videos."""
    return sum((builtin(params, name) for name in rendered(params)), Corpus(0, 0.0, 0))


def corpus(params: Params) -> Corpus:
    """Everything that `index` will see."""
    return foreign(params) + drawn(params)


def estimate(stage: str, item: str | None, params: Params) -> Cost:
    """Cost of running one stage from nothing.

    Args:
        stage: Name without item.
        item: Arrival folder or model, where the stage has one.
        params: The whole file.
    """
    duration_s = _START_S.get(stage, _OTHER_START_S)
    if stage == "perform":
        return _perform(params, item, duration_s)
    if stage in ("index", "decode", "leakage", "coincidence"):
        return _reading(stage, params, duration_s)
    if stage in ("flow", "trajectories"):
        return (_flow if stage == "flow" else _tracing)(params, duration_s)
    if stage == "train" and item:
        return Cost(
            _trained_clips(params, item), _weights_bytes(params.models[item]), duration_s + _train_s(params, item)
        )
    if stage in ("baselines", "evaluate"):
        return _scoring(params, params.models.get(item or ""), duration_s)
    return Cost(0, 0, duration_s)


def mixture_gflop(params: Params, model: Model, *, num_sources: int) -> float:
    """Forward pass for one mixture: vision for each source; one audio network, which `motions` decodes for each."""
    frames = math.ceil(params.clip.duration_s * params.clip.sample_rate_hz / params.spectrogram.hop_samples)
    audio = _AUDIO_GFLOP * params.spectrogram.log_frequency_rows * frames / _AUDIO_BINS
    audio *= (model.audio.base_channels / _BASE_CHANNELS) ** 2 * (num_sources if isinstance(model, Motions) else 1)
    return num_sources * (_clip_gflop(model) + _motion_gflop(params, model)) + audio


def _motion_gflop(params: Params, model: Model) -> float:
    """Forward pass of motion network and fusion for one clip; strides as in the paper."""
    if not isinstance(model, Motions) or model.motion.input == "none":
        return 0.0
    steps = params.clip.duration_s * model.motion.rate_hz / model.motion.average_steps
    size = steps * model.motion.side_cells**2 / _MOTION_CELLS
    return _MOTION_GFLOP * size * (model.trajectory.base_channels / _BASE_CHANNELS) ** 2


def _clip_gflop(model: Model) -> float:
    """Forward pass of the appearance network for the frames of one clip."""
    look = model.appearance
    one = _APPEARANCE_GFLOP * (look.crop_px / _APPEARANCE_PX) ** 2
    return look.num_frames * one * (look.base_channels / _BASE_CHANNELS) ** 2


def _perform(params: Params, arrival: str | None, start_s: float) -> Cost:
    if arrival is None or not rendered(params):
        return Cost(0, 0, _OTHER_START_S)
    one = builtin(params, arrival)
    pixels = one.duration_s * params.perform.frame_rate_hz * _frame_pixels(params.perform.side_px)
    return Cost(
        0, round(_COPIES * (1 + _TRUTH_SHARE) * one.num_bytes), start_s + _PERFORM_S_PER_MEGAPIXEL * pixels / 1e6
    )


def _reading(stage: str, params: Params, start_s: float) -> Cost:
    own, made = foreign(params), drawn(params)
    videos = own + made
    clips = int(videos.duration_s / params.clip.duration_s)
    if stage == "leakage":
        return Cost(clips, 0, start_s + _COMPARE_S_PER_MEDIA_S * videos.duration_s)
    if stage == "coincidence":
        return Cost(clips, 0, start_s + _COINCIDE_S_PER_CLIP * clips)
    if stage == "index":
        cuts_s = _CUTS_S_PER_FOREIGN_S * own.duration_s + _CUTS_S_PER_MEDIA_S * made.duration_s
        looking_s = _PROBE_S_PER_VIDEO * videos.num_videos + (cuts_s if params.index.cut_threshold else 0.0)
        return Cost(clips, clips * _INDEX_BYTES_PER_CLIP, start_s + looking_s)
    decoding_s = _DECODE_S_PER_FOREIGN_S * own.duration_s + _DECODE_S_PER_MEDIA_S * made.duration_s
    return Cost(clips, _COPIES * clips * _clip_bytes(params), start_s + decoding_s)


def _flow(params: Params, start_s: float) -> Cost:
    """On CPUs; a GPU takes a fraction of it."""
    clip, flow = params.clip, params.flow
    clips = int(corpus(params).duration_s / clip.duration_s)
    pairs = clips * (round(clip.duration_s * clip.frame_rate_hz) - 1)
    pixels = pairs * _frame_pixels(clip.frame_side_px)
    ways = 2 if flow.consistency.check else 1
    estimating_s = ways * _ESTIMATE_S_PER_MEGAPIXEL[flow.backend] * pixels / 1e6
    if flow.backend == "pwcnet":
        lite, bf16 = _LITE if flow.preset == "lite" else 1.0, 1.0 if flow.precision == "fp32" else _BF16
        estimating_s *= lite * bf16 * (1 + _LOOK * (flow.looks - 1))
        if flow.refined:
            estimating_s += ways * _REFINE_S_PER_MEGAPIXEL * pixels / 1e6
    return Cost(clips, round(_COPIES * _FLOW_BYTES_PER_PIXEL * pixels), start_s + estimating_s)


def _tracing(params: Params, start_s: float) -> Cost:
    clips = int(corpus(params).duration_s / params.clip.duration_s)
    steps = max(0, round(params.clip.duration_s * params.clip.frame_rate_hz) - 1)
    points = _frame_pixels(params.clip.frame_side_px) / params.trajectories.grid_step_px**2
    num_bytes = round(clips * steps * points * _TRACK_BYTES)
    return Cost(clips, _COPIES * num_bytes, start_s + _TRACE_S_PER_BYTE * num_bytes)


def _scoring(params: Params, model: Model | None, start_s: float) -> Cost:
    """One model's estimates, or without a model those of the baselines; mixes of two sources."""
    mixes = sum(params.mixes.test.values())
    scored_s = 2 * mixes * (_BASELINE_ESTIMATORS if model is None else _MODEL_ESTIMATORS) * _BSS_S_PER_SOURCE
    if model is None:
        return Cost(2 * mixes, 0, start_s + scored_s + mixes * _BLIND_S_PER_MIX)
    forward = _MODEL_FORWARDS * mixes * mixture_gflop(params, model, num_sources=2)
    return Cost(2 * mixes, 0, start_s + scored_s + forward / _GFLOP_PER_S)


def _train_s(params: Params, name: str) -> float:
    train, model = params.train, params.models[name]
    computing = mixtures = 0.0
    for phase in train.curriculum[name]:
        mixed = phase.steps * train.batch_mixtures
        validations = phase.steps // train.validate_every_steps * sum(params.mixes.validation.values())
        computing += _FORWARD_AND_BACKWARD * mixed * mixture_gflop(params, model, num_sources=phase.num_sources)
        computing += validations * mixture_gflop(params, model, num_sources=2)
        mixtures += mixed + validations
    looking = _FORWARD_AND_BACKWARD * _pretrained_clips(params) * _clip_gflop(model)
    return (computing + looking) / _GFLOP_PER_S + _READ_S_PER_MIXTURE * (mixtures + _pretrained_clips(params) / 2)


def _pretrained_clips(params: Params) -> int:
    pretrain = params.train.pretrain
    return 0 if pretrain.objective == "none" else pretrain.steps * pretrain.batch_clips


def _trained_clips(params: Params, name: str) -> int:
    mixed = sum(phase.steps * phase.num_sources for phase in params.train.curriculum[name])
    return mixed * params.train.batch_mixtures + _pretrained_clips(params)


def _weights_bytes(model: Model) -> int:
    return round(45e6 * (model.appearance.base_channels / _BASE_CHANNELS) ** 2 + 0.2e6 * model.audio.base_channels)


def _clip_bytes(params: Params) -> int:
    clip, decode = params.clip, params.decode
    picture = clip.frame_rate_hz * _frame_pixels(clip.frame_side_px) * _JPEG_BYTES_PER_PIXEL
    motion = decode.motion_rate_hz * decode.motion_side_cells**2
    return round(clip.duration_s * (picture + 2 * clip.sample_rate_hz + motion))


def _frame_pixels(shorter_side_px: int) -> float:
    return shorter_side_px * shorter_side_px
