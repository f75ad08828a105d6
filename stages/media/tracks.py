"""What ffmpeg's pipes carry, kept as it arrives in small form in unnamed temporary files: memory stays bounded."""

# Axes: H, W frame; G motion cells a side; C channels

import os
import tempfile
from array import array
from itertools import pairwise
from typing import IO

import numpy as np
import simplejpeg
from numpy.typing import NDArray

MOTION_GAIN = 4  # stored motion = this * mean absolute difference of luma: small movements survive the 8 bits
CELL_PX = 8  # motion is measured on pictures of this many pixels a cell and side, then averaged over the cell
_FULL_SCALE = 32768
# below 1 % of the channels' energy the mean of left and right is their cancellation, not their sound
_CANCELLED = 0.01


class _Spool:
    """An unnamed temporary file that is written at its end and read anywhere."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as its track)

    def append(self, data: bytes) -> None:
        self._file.write(data)

    def read(self, num_bytes: int, offset: int) -> bytes:
        self._file.flush()
        return os.pread(self._file.fileno(), max(0, num_bytes), offset)


class _Records:
    """Cuts a byte stream into records of one size."""

    def __init__(self, record_bytes: int) -> None:
        self._record_bytes, self._rest = record_bytes, b""

    def take(self, data: bytes) -> memoryview:
        """All whole records that have arrived and were not taken yet."""
        joined = self._rest + data if self._rest else data
        whole = len(joined) - len(joined) % self._record_bytes
        self._rest = joined[whole:]
        return memoryview(joined)[:whole]


class FrameTrack:
    """Frames as JPEG. Input: planes of yuv420p pictures with even sides, full range."""

    def __init__(self, height: int, width: int, quality: int) -> None:
        self.height, self.width, self._quality = height, width, quality
        self._records = _Records(height * width * 3 // 2)
        self._spool = _Spool()
        self._starts = array("q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def feed(self, data: bytes) -> None:
        """Encode the frames that are complete."""
        pictures = np.frombuffer(self._records.take(data), np.uint8).reshape(-1, self.height * self.width * 3 // 2)
        for picture in pictures:
            encoded = self._encode(picture)
            self._spool.append(encoded)
            self._starts.append(self._starts[-1] + len(encoded))

    def read(self, start: int, stop: int) -> list[bytes]:
        """JPEGs of the frames start <= index < stop that there are."""
        bounds = self._starts[start : min(stop, len(self)) + 1]
        return [self._spool.read(end - begin, begin) for begin, end in pairwise(bounds)]

    def _encode(self, picture: NDArray[np.uint8]) -> bytes:
        luma, chroma = self.height * self.width, self.height * self.width // 4
        half = (self.height // 2, self.width // 2)
        return simplejpeg.encode_jpeg_yuv_planes(
            picture[:luma].reshape(self.height, self.width),
            picture[luma : luma + chroma].reshape(half),
            picture[luma + chroma :].reshape(half),
            self._quality,
        )


class MotionTrack:
    """Motion of each cell. Input: luma pictures of (CELL_PX * G) squared."""

    def __init__(self, side_cells: int) -> None:
        self._cells, self._side_px = side_cells, side_cells * CELL_PX
        self._records = _Records(self._side_px**2)
        self._spool = _Spool()
        self._before: NDArray[np.uint8] | None = None
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def feed(self, data: bytes) -> None:
        """Compare each complete picture with the one before; the first has none and no motion."""
        pictures = np.frombuffer(self._records.take(data), np.uint8).reshape(-1, self._side_px, self._side_px)
        for picture in pictures:
            before = picture if self._before is None else self._before
            self._spool.append(cell_motion(before, picture, self._cells).tobytes())
            self._before = picture
            self._length += 1

    def read(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Motion, (T, G, G), for the start <= index < stop that there are."""
        area = self._cells**2
        data = self._spool.read((stop - start) * area, start * area)
        return np.frombuffer(data, np.uint8).reshape(-1, self._cells, self._cells)


def cell_motion(before: NDArray[np.uint8], after: NDArray[np.uint8], cells: int) -> NDArray[np.uint8]:
    """Mean absolute difference of two square luma pictures in each of G x G cells.

    Returns:
        MOTION_GAIN times the mean, rounded half up and clipped at 255, (G, G).
    """
    change = np.maximum(before, after) - np.minimum(before, after)
    rows = change.reshape(cells, -1, change.shape[1]).sum(axis=1, dtype=np.uint32)
    totals = rows.reshape(cells, cells, -1).sum(axis=2, dtype=np.uint32)
    area = (change.shape[0] // cells) ** 2
    return np.minimum((totals * MOTION_GAIN + area // 2) // area, 255).astype(np.uint8)


class SoundTrack:
    """Sound as int16. Input: interleaved float32 of 1 or 2 channels; what exceeds full scale is clipped."""

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._records = _Records(4 * channels)
        self._spool = _Spool()
        self._energies = np.zeros(channels + 1)  # of each channel, and of their mean
        self.num_bad = 0  # samples that are no finite numbers
        self.peak = 0  # largest |sample|, 32768 = full scale
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def feed(self, data: bytes) -> None:
        """Keep the samples that are complete."""
        samples = np.frombuffer(self._records.take(data), np.float32).reshape(-1, self._channels)
        finite = np.isfinite(samples)
        self.num_bad += int(finite.size - np.count_nonzero(finite))
        kept = np.where(finite, samples, np.float32(0)).clip(-1, (_FULL_SCALE - 1) / _FULL_SCALE).astype(np.float64)
        self._energies += [*np.square(kept).sum(axis=0), np.square(kept.mean(axis=1)).sum()]
        stored = np.rint(kept * _FULL_SCALE)
        self.peak = max(self.peak, int(np.abs(stored).max(initial=0)))
        self._spool.append(stored.astype(np.int16).tobytes())
        self._length += len(samples)

    def read(self, start: int, stop: int) -> NDArray[np.int16]:
        """Mono, (S,), for the start <= index < stop that there are.

        The mean of the channels, or the louder one alone where left and right cancel each other.
        """
        record_bytes = 2 * self._channels
        data = self._spool.read((stop - start) * record_bytes, start * record_bytes)
        samples = np.frombuffer(data, np.int16).reshape(-1, self._channels)
        if self._energies[-1] < _CANCELLED * self._energies[:-1].max():
            return samples[:, int(self._energies[:-1].argmax())].copy()
        return (samples.sum(axis=1, dtype=np.int32) // self._channels).astype(np.int16)
