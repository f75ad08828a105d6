from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from stages.metrics.scores import evaluated
from stages.metrics.vision import Vision
from stages.networks.frames import to_input
from stages.networks.separation import Separator
from stages.networks.separator import PixelsSeparator
from stages.networks.sight import central
from stages.separators import Motions
from tests.synth import struck
from tests.synth.learning import CLIP, MODEL, SPECTROGRAM, MemoryMedia, picture, waveform
from tests.synth.signals import mix_rows

READER: Any = MemoryMedia()


def test_each_source_sees_its_own_frames_and_as_a_control_its_neighbours() -> None:
    torch.manual_seed(1)
    separator = Separator(PixelsSeparator(MODEL), MODEL, CLIP, SPECTROGRAM, "binary")
    (mix,) = evaluated(mix_rows("m", ["0-1", "1-1", "2-1"]))
    sources = torch.stack([torch.from_numpy(waveform(kind, 1)) for kind in range(3)])
    estimates = Vision("pixels", separator, READER, mask="soft")(mix, sources)
    controls = ["swapped_vision", "zero_appearance", "mean_appearance"]
    assert list(estimates) == ["pixels", *(f"pixels:{control}" for control in controls)]

    def alone(kind: int) -> torch.Tensor:
        frames = to_input([picture(kind, 1)], MODEL.appearance.crop_px, generator=None)
        return separator.separate(sources.mean(0)[None], frames[None, None], mask="soft")[0, 0]

    for source in range(3):
        torch.testing.assert_close(estimates["pixels"][source], alone(source), rtol=0, atol=1e-5)
        neighbour = alone((source - 1) % 3)
        torch.testing.assert_close(estimates["pixels:swapped_vision"][source], neighbour, rtol=0, atol=1e-5)
    assert not torch.allclose(alone(0), alone(1), atol=1e-5)


class _TintedMedia(struck.StruckMedia):
    def frames(self, clip_id: str, indices: Sequence[int]) -> list[Any]:
        return [np.full((40, 40, 3), 60 * int(clip_id[2:]), np.uint8) for _ in indices]


def test_wrong_motion_and_wrong_pictures_are_shown_one_by_one() -> None:
    separator, media = struck.separator(seed=1), _TintedMedia()
    (mix,) = evaluated(mix_rows("m", ["0-1", "0-3"]))
    sources = torch.stack([torch.from_numpy(media.audio(clip)) for clip in ("0-1", "0-3")])
    model = separator.model
    assert isinstance(model, Motions)
    found = Vision("motions", separator, media, struck.windows(model), mask="soft")(mix, sources)  # pyright: ignore[reportArgumentType]
    frames, motion = central(media, ["0-1", "0-3"], model.appearance, struck.windows(model))
    assert motion is not None
    turned = motion.flip(0)
    late = torch.cat([motion[:, :, -12:], motion[:, :, :-12]], dim=2)  # of 36 steps, 24 a second
    shown = {
        "motions": (frames, motion),
        "motions:swapped_vision": (frames.flip(0), turned),
        "motions:late_motion": (frames, late),
        "motions:swapped_motion": (frames, turned),
        "motions:swapped_appearance": (frames.flip(0), motion),
    }
    assert list(found)[: len(shown)] == list(shown)
    mixture = sources.mean(0)[None]
    for name, (pictures, moving) in shown.items():
        (expected,) = separator.separate(mixture, pictures[None], moving[None], mask="soft")
        torch.testing.assert_close(found[name], expected, rtol=0, atol=1e-5)
    wrong = [found[name] for name in shown if name != "motions"]
    assert all(not torch.allclose(one, found["motions"], atol=1e-4) for one in wrong)


def test_motion_alone_has_no_appearance_to_swap() -> None:
    separator, media = struck.separator(seed=1, fusion__rule="alone"), struck.StruckMedia()
    (mix,) = evaluated(mix_rows("m", ["0-1", "0-3"]))
    sources = torch.stack([torch.from_numpy(media.audio(clip)) for clip in ("0-1", "0-3")])
    windows = struck.windows(struck.changed())
    found = Vision("motions", separator, media, windows, mask="soft")(mix, sources)  # pyright: ignore[reportArgumentType]
    controls = ["swapped_vision", "late_motion", "zero_motion", "mean_motion"]
    assert [name.partition(":")[2] for name in found][1:5] == controls


def tiny() -> Separator:
    torch.manual_seed(1)
    return Separator(PixelsSeparator(MODEL), MODEL, CLIP, SPECTROGRAM, "binary")


def two_sources() -> torch.Tensor:
    return torch.stack([torch.from_numpy(waveform(kind, 1)) for kind in range(2)])


def test_without_appearance_all_sources_get_the_same_estimate() -> None:
    (mix,) = evaluated(mix_rows("m", ["0-1", "1-1"]))
    separator = tiny()
    with torch.no_grad():
        separator.net.synthesizer.bias.fill_(0.3)
    estimates = Vision("pixels", separator, READER, mask="soft")(mix, two_sources())
    mixture = two_sources().mean(0)
    for control in ("zero_appearance", "mean_appearance"):
        first, second = estimates[f"pixels:{control}"]
        torch.testing.assert_close(first, second, rtol=0, atol=0)
    # With no appearance the mask is sigmoid(bias) everywhere.
    expected = torch.sigmoid(torch.tensor(0.3)) * mixture
    torch.testing.assert_close(estimates["pixels:zero_appearance"][0], expected, rtol=0, atol=1e-4)
    assert not torch.allclose(estimates["pixels:mean_appearance"][0], expected, atol=1e-4)


def test_thresholds_are_swept_on_different2_alone() -> None:
    pair, trio = evaluated([*mix_rows("m", ["0-1", "1-1"]), *mix_rows("n", ["0-1", "1-1", "2-1"])])
    soft, hard = (Vision("pixels", tiny(), READER, mask=mask)(pair, two_sources()) for mask in ("soft", "binary"))
    thresholds = [f"pixels:threshold_0.{tenth}" for tenth in range(1, 10)]
    assert list(soft)[4:] == thresholds
    assert list(hard)[4:] == ["pixels:soft_mask", *thresholds]
    torch.testing.assert_close(hard["pixels"], soft["pixels:threshold_0.5"], rtol=0, atol=0)
    torch.testing.assert_close(hard["pixels:soft_mask"], soft["pixels"], rtol=0, atol=0)
    power = [soft[name].square().sum().item() for name in thresholds]
    assert power == sorted(power, reverse=True) and power[0] > power[-1]
    three = torch.stack([torch.from_numpy(waveform(kind, 1)) for kind in range(3)])
    assert not any("threshold" in name for name in Vision("pixels", tiny(), READER, mask="soft")(trio, three))
