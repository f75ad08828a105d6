"""A small world to learn in: clips whose picture (a disc of one colour) tells their sound (a chord of one octave)."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg
import torch
from numpy.typing import NDArray

from stages import layout
from stages.curricula import Phase
from stages.metrics.watched import Watched
from stages.networks.frames import to_input
from stages.params import Clip, Spectrogram, Train
from stages.progress import progress
from stages.separators import Pixels
from stages.shards.flags import ClipCoincidence
from stages.shards.schema import ClipMedia, DecodedClip, MixSource, Split
from stages.shards.tables import write_rows
from stages.shards.writer import ShardFormat, open_shard, write_manifest
from stages.training.batches import Batches, Media, pool_of, training_clips
from stages.training.checkpoint import Checkpoints, TrainingState
from stages.training.curriculum import Sampler
from stages.training.export import new_separator
from stages.training.interrupt import Stop
from stages.training.learner import Learner
from stages.training.loop import Course
from stages.training.phased import PhasedTraining
from stages.training.phases import Leg, legs_of
from stages.training.seeding import choose_device, make_deterministic
from stages.training.sources import sources_of
from stages.training.validation import read_mixes
from stages.training.watching import Watch

CLIP = Clip(duration_s=1.0, sample_rate_hz=4000, frame_rate_hz=4, frame_side_px=40)
SPECTROGRAM = Spectrogram(fft_samples=256, hop_samples=128, log_frequency_rows=64)
MODEL = Pixels.model_validate(
    {
        "kind": "pixels",
        "sees": "decode",
        "channels": 8,
        "head": "independent",
        "appearance": {
            "base_channels": 4,
            "weights": "none",
            "pooling": "max",
            "standardise": False,
            "num_frames": 1,
            "frame_stride": 1,
            "crop_px": 32,
        },
        "audio": {"levels": 3, "base_channels": 8},
    }
)
NUM_SAMPLES = 4000
_FORMAT = ShardFormat(frame_rate_hz=4, sample_rate_hz=4000, motion_rate_hz=24, motion_side_cells=4, motion_gain=4)
_COLOURS = np.array([[220, 40, 30], [30, 60, 220], [40, 200, 60], [230, 210, 40]])
_ROOTS_HZ = np.array([110.0, 220.0, 440.0, 880.0])


def pretrain_section(objective: str, steps: int, batch_clips: int = 4) -> dict[str, object]:
    """Settings of what comes before mixtures."""
    sizes = {"steps": steps, "batch_clips": batch_clips}
    return {"objective": objective, "sound_gap_ms": 125.0, "sound_rise": 0.16, **sizes}


def train_section(**changes: object) -> Train:
    """Settings of a run of seconds; those of a phase change its only one, unless `phases` lists them."""
    settings: dict[str, object] = {
        "seed": 1,
        "workers": 1,
        "worker_cpus": 1.0,
        "threads": 1,
        "device": "cpu",
        "precision": "fp32",
        "channels_last": True,
        "compile": False,
        "leave_out": ["still"],
        "sampling": "videos",
        "mask": "binary",
        "gain_low": 0.5,
        "gain_high": 1.5,
        "augmentation": {"zoom": 0, "shift": 0, "contrast": 0, "brightness": 0, "shuffle_channels": False},
        "pretrain": pretrain_section("none", 2),
        "batch_mixtures": 2,
        "optimizer": {
            "algorithm": "adamw",
            "momentum": 0.9,
            "weight_decay": 0.0001,
            "warmup_steps": 2,
            "decay": 0.5,
        },
        "instruments": "look",
        "num_kinds": 3,
        "patience": None,
        "validate_every_steps": 3,
        "checkpoint_every_steps": 2,
        "max_bad_batches": 3,
    }
    of_phase = {name: value for name, value in changes.items() if name in Phase.model_fields}
    others = {name: value for name, value in changes.items() if name not in (*of_phase, "phases")}
    phases = changes.get("phases", [phase(**of_phase)])
    return Train.model_validate(settings | {"curriculum": {"pixels": phases}} | others)


def phase(**changes: object) -> Phase:
    """Six steps with any two clips."""
    settings: dict[str, object] = {
        "name": "S1",
        "rules": {"any": 1.0},
        "num_sources": 2,
        "steps": 6,
        "rate": 0.005,
        "appearance_rate": 0.005,
        "decay_steps": [4],
    }
    return Phase.model_validate(settings | changes)


class StopsAfter(Stop):
    """Asks to stop the n-th time that somebody looks."""

    def __init__(self, looks: int) -> None:
        self._left = looks

    @property
    def requested(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether it is that time, or later."""
        self._left -= 1
        return self._left < 0


def waveform(kind: int, seed: int) -> NDArray[np.float32]:
    """(NUM_SAMPLES,): notes of four harmonics over one of four roots, struck at random moments."""
    random = np.random.default_rng([kind, seed])
    time_s = np.arange(NUM_SAMPLES) / CLIP.sample_rate_hz
    sound = np.zeros(NUM_SAMPLES)
    for start_s in np.sort(random.uniform(0, 0.8, 3)):
        pitch_hz = _ROOTS_HZ[kind] * 2 ** random.uniform(0, 0.5)
        after_s = np.clip(time_s - start_s, 0, None)
        tone = sum(np.sin(2 * np.pi * pitch_hz * k * after_s) / k for k in (1, 2, 3, 4) if pitch_hz * k < 2000)
        sound += np.where(time_s >= start_s, np.exp(-3 * after_s), 0) * tone
    return (0.5 * sound / np.abs(sound).max()).astype(np.float32)


def picture(kind: int, seed: int) -> NDArray[np.uint8]:
    """(40, 48, 3): a disc of the kind's colour somewhere on a grey ground of any brightness."""
    random = np.random.default_rng([kind, seed, 1])
    frame = np.full((40, 48, 3), random.integers(40, 200), dtype=np.uint8)
    rows, columns = np.mgrid[:40, :48]
    top, left = random.integers(12, 28), random.integers(12, 36)
    frame[(rows - top) ** 2 + (columns - left) ** 2 < 100] = _COLOURS[kind]
    return frame


class MemoryMedia:
    """Clips `<kind>-<seed>` made on demand; stands in for a reader where no file is needed."""

    def audio(self, clip_id: str) -> NDArray[np.float32]:
        return waveform(*_parts(clip_id))

    def num_frames(self, clip_id: str) -> int:  # noqa: ARG002
        return 4

    def frames(self, clip_id: str, indices: Sequence[int]) -> list[NDArray[np.uint8]]:
        return [picture(*_parts(clip_id)) for _ in indices]


def decoded(clip_id: str, split: Split = "train", **changes: object) -> DecodedClip:
    """A row of the decode table: each clip is a video of its own."""
    kind, _ = _parts(clip_id)
    values: dict[str, object] = {
        "clip_id": clip_id,
        "video_id": f"video-{clip_id}",
        "path": f"first/kind{kind}/{clip_id}.mp4",
        "arrival": "first",
        "label": f"kind{kind}",
        "licence": "MIT",
        "split": split,
        "start_sample": 0,
        "num_samples": NUM_SAMPLES,
        "start_frame": 0,
        "num_frames": 4,
        "rms_db": -15.0,
        "peak": 0.5,
        "height": 40,
        "width": 48,
        "shard": "all.arrow",
        "row": 0,
    }
    return DecodedClip(**(values | changes))  # pyright: ignore[reportArgumentType]


def coincidence_row(clip_id: str, video_id: str, *, still: bool = False, dubbed: bool = False) -> ClipCoincidence:
    """A row of the table of coincidence, with flags."""
    return ClipCoincidence(clip_id, video_id, 4, 4, 0.95, -0.2, 0.1, 0.1, 9.0, still, dubbed)


TRAIN_CLIPS = tuple(f"{kind}-{seed}" for kind in range(4) for seed in range(2))
_VALIDATION_PAIRS = (("0-2", "1-2"), ("2-2", "3-2"))


def write_world(root: Path, *, labels: bool = True, train_clips: Sequence[str] = TRAIN_CLIPS) -> None:
    """Decoded clips and mixes under `root`, as `decode` and `mixes` leave them, with two mixes to validate on."""
    splits: dict[str, Split] = dict.fromkeys(train_clips, "train")
    splits |= {clip_id: "validation" for pair in _VALIDATION_PAIRS for clip_id in pair}
    with open_shard(root / layout.SHARDS / "all.arrow", _FORMAT) as shard:
        rows = {clip_id: shard.write(_media(clip_id)) for clip_id in splits}
    write_manifest(root / layout.MANIFEST, {root / layout.SHARDS / "all.arrow": len(rows)})
    unknown = {} if labels else {"label": None}
    clips = [decoded(clip_id, splits[clip_id], row=rows[clip_id], **unknown) for clip_id in splits]
    write_rows(root / layout.DECODED_CLIPS, clips, DecodedClip)
    flags = [coincidence_row(clip.clip_id, clip.video_id) for clip in clips]
    write_rows(root / layout.COINCIDENCE, flags, ClipCoincidence)
    write_onset_maps(root / layout.COINCIDENCE_MAPS, [clip.clip_id for clip in clips])
    mixes = [
        MixSource(
            f"mix{number}", "different2", "validation", source, clip_id, f"video-{clip_id}", _label(clip_id, labels)
        )
        for number, pair in enumerate(_VALIDATION_PAIRS)
        for source, clip_id in enumerate(pair)
    ]
    write_rows(root / layout.MIXES, mixes, MixSource)


def write_onset_maps(path: Path, clip_ids: Sequence[str]) -> None:
    """Ranks of 4 x 4 cells of each clip, drawn."""
    random = np.random.default_rng(len(clip_ids))
    np.savez(path, clip_id=np.array(clip_ids, np.str_), rank=random.integers(-9, 9, (len(clip_ids), 4, 4), np.int16))


def _media(clip_id: str) -> ClipMedia:
    kind, seed = _parts(clip_id)
    frame = simplejpeg.encode_jpeg(np.ascontiguousarray(picture(kind, seed)), quality=92)
    audio = np.round(waveform(kind, seed) * 32767).astype(np.int16)
    motion = np.zeros((24, 4, 4), dtype=np.uint8)
    return ClipMedia(clip_id, f"video-{clip_id}", (frame,) * 4, 40, 48, audio, motion)


def _label(clip_id: str, labels: bool) -> str | None:
    return f"kind{_parts(clip_id)[0]}" if labels else None


def _parts(clip_id: str) -> tuple[int, int]:
    kind, seed = clip_id.split("-")
    return int(kind), int(seed)


class MemoryTracker:
    """Keeps what a run tells, and each of its phases by name."""

    def __init__(self, parent: "MemoryTracker | None" = None) -> None:
        self.logged: list[tuple[int, dict[str, float]]] = []
        self.status = ""
        self.phases: dict[str, MemoryTracker] = {}
        self._parent = parent

    def log(self, metrics: dict[str, float], step: int) -> None:
        self.logged.append((step, metrics))
        if self._parent is not None:
            self._parent.log(metrics, step)

    def phase(self, name: str, params: dict[str, Any]) -> "MemoryTracker":  # noqa: ARG002
        return self.phases.setdefault(name, MemoryTracker(self))

    def close(self, status: str) -> None:
        self.status = status


def first_phase(train: Train) -> Phase:
    return train.curriculum["pixels"][0]


def sampler(clips: Sequence[DecodedClip], train: Train) -> Sampler:
    """Of the first phase."""
    phase = first_phase(train)
    trained = training_clips(clips, phase.num_sources, sampling=train.sampling)
    return Sampler(pool_of(clips, trained), phase, train.seed)


def new_learner(train: Train) -> Learner:
    """An untrained tiny separator."""
    separator = new_separator(CLIP, SPECTROGRAM, MODEL, train, device=choose_device(train.device))
    return Learner(separator, train, first_phase(train))


def new_training(train: Train, rows: Callable[[str, Split], DecodedClip] = decoded) -> PhasedTraining:
    """Of clips of two kinds, three videos each, with one fixed validation mix."""
    make_deterministic(train.threads, choose_device(train.device))
    clips = [rows(f"{kind}-{seed}", "train") for kind in range(2) for seed in range(3)]
    validation = [rows(f"{kind}-{seed}", "validation") for kind in range(2) for seed in (7, 8)]
    trained = training_clips(clips, 2, sampling=train.sampling)
    return PhasedTraining(
        separator=new_separator(CLIP, SPECTROGRAM, MODEL, train, device=choose_device(train.device)),
        train=train,
        sources=sources_of([*clips, *validation], trained, (("0-7", "1-7"),)),
        media=MemoryMedia(),
        windows=None,
        videos={"train": [], "validation": []},
        tracker=MemoryTracker(),
        watch=Watch(watched_mixes(), bf16=False),
    )


def watched_mixes() -> list[Watched]:
    """One mix, whose maps are drawn."""
    frames = torch.stack([to_input([picture(kind, 7)], MODEL.appearance.crop_px, generator=None) for kind in range(2)])
    ranks = torch.rand(2, 48, 48, generator=torch.Generator().manual_seed(2))
    sources = torch.stack([torch.from_numpy(waveform(kind, 7)) for kind in range(2)])
    clips = tuple(decoded(f"{kind}-7", "validation") for kind in range(2))
    return [Watched(clips, sources.mean(dim=0), frames, None, ranks)]


def legs_in(train: Train, folder: Path) -> dict[Path, Leg]:
    """The legs of the tiny model, by folders named for their keys."""
    legs = legs_of(train.curriculum["pixels"], train.pretrain)
    return {folder / leg.key({"seed": train.seed}): leg for leg in legs}


def new_course(train: Train, folder: Path, media: Media | None = None) -> Course:
    """The course of the last leg, over clips of two kinds, with one validation mix; checkpoints lie in `folder`."""
    make_deterministic(train.threads, choose_device(train.device))
    media = media or MemoryMedia()
    clips = [decoded(f"{kind}-{seed}") for kind in range(2) for seed in range(2)]
    mixes = read_mixes(media, [("0-2", "1-2")], MODEL.appearance, NUM_SAMPLES)
    folder.mkdir(parents=True, exist_ok=True)
    return Course(
        leg=legs_of(train.curriculum["pixels"], train.pretrain)[-1],
        learner=new_learner(train),
        batches=Batches(media, sampler(clips, train), MODEL.appearance, train),
        mixes={"any": mixes},
        checkpoints=Checkpoints(folder),
        tracker=MemoryTracker(),
        train=train,
    )


def complete(course: Course, stop: Stop) -> TrainingState:
    """Take a course from its last checkpoint to its end, or until it is stopped."""
    state = course.checkpoints.resume(course.learner) or TrainingState(step=course.leg.first)
    with progress("tiny", total=course.leg.phase.steps, unit="steps") as meter:
        course.complete(state, meter, stop)
    return state
