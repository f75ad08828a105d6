"""Mixes to listen to side by side: what was mixed, what it should have been, and what each of two separators made.

Axes: N sources of a mix, S samples.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from stages.networks.frames import to_input
from stages.networks.motion_fields import open_motion
from stages.networks.separation import Separator
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.tracking.examples import Example, read_example


@dataclass(frozen=True, slots=True)
class Heard:
    """One mix as FLAC files; each source: what it should be, the first's estimate, the second's."""

    mix_id: str
    labels: tuple[str, ...]  # of its sources
    mixture: bytes
    sources: tuple[tuple[bytes, bytes, bytes], ...]


def listen(
    reader: ClipReader,
    mixes: Sequence[Sequence[MixSource]],
    separators: tuple[Separator, Separator],
    mask: Literal["soft", "binary"],
) -> list[Heard]:
    """Separate some mixes by both.

    Args:
        reader: Decoded clips of this workspace, which hold their sources.
        mixes: Rows of each mix.
        separators: First and second, of one clip geometry.
        mask: How estimates are made.
    """
    rate_hz = separators[0].clip.sample_rate_hz
    windows = [open_motion(separator.model, separator.clip) for separator in separators]
    found: list[Heard] = []
    for sources in mixes:
        examples = [read_example(reader, sources, *each) for each in zip(separators, windows, strict=True)]
        estimates = [_estimates(*each, mask) for each in zip(examples, separators, strict=True)]
        example = examples[0]  # sounds are the same; each separator may look at other frames of a clip
        found.append(
            Heard(
                example.mix_id,
                tuple(str(source.label or "?") for source in sorted(sources, key=lambda row: row.source)),
                _flac(example.mixture, rate_hz),
                tuple(
                    (_flac(truth, rate_hz), _flac(first, rate_hz), _flac(second, rate_hz))
                    for truth, first, second in zip(example.references, *estimates, strict=True)
                ),
            )
        )
    return found


def _estimates(example: Example, separator: Separator, mask: Literal["soft", "binary"]) -> NDArray[np.float32]:
    """(N, S)."""
    crop_px = separator.model.appearance.crop_px
    pictures = torch.stack([to_input(group, crop_px, generator=None) for group in example.frames])[None]
    motion = None if example.motion is None else torch.from_numpy(example.motion)[None]
    return separator.separate(torch.from_numpy(example.mixture)[None], pictures, motion, mask=mask)[0].numpy()


def _flac(waveform: NDArray[np.float32], rate_hz: int) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(np.nan_to_num(waveform), -1, 1), rate_hz, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
