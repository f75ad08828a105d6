from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest

from stages.shards.schema import MixSource
from tests.synth.shards import clip_media, clip_row


@pytest.mark.parametrize(
    "change",
    [
        {"frames": ()},
        {"frames": (b"x", b"")},
        {"height": 0},
        {"audio": np.zeros(9, np.float32)},
        {"audio": np.zeros((9, 1), np.int16)},
        {"audio": np.zeros(0, np.int16)},
        {"motion": np.zeros((3, 4, 5), np.uint8)},
        {"motion": np.zeros((3, 4, 4), np.float32)},
    ],
    ids=str,
)
def test_media_of_a_wrong_form_are_refused_with_the_clips_name(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="clip v0-00003"):
        replace(clip_media(3), **change)


@pytest.mark.parametrize("change", [{"split": "dev"}, {"start_sample": -1}, {"num_samples": 0}, {"num_frames": 0}])
def test_impossible_rows_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="clip v0-00003"):
        replace(clip_row(3), **change)


def test_values_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        clip_row(0).path = "other"  # type: ignore[misc]


def test_a_source_of_no_split_is_refused() -> None:
    with pytest.raises(ValueError, match="mix m"):
        MixSource("m", "different2", "dev", 0, "c", "v", None)  # type: ignore[arg-type]
