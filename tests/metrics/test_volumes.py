"""Volumes of cells against a separator that is shown one cell at a time."""

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from stages.metrics.volumes import volumes
from stages.networks.network import Change
from stages.networks.separation import Separator
from stages.networks.separator import PixelsSeparator
from tests.synth import struck
from tests.synth.learning import CLIP, MODEL, NUM_SAMPLES, SPECTROGRAM

RANDOM = torch.Generator().manual_seed(9)
_SOUND = 0.1 * torch.randn(NUM_SAMPLES, generator=RANDOM)
_STRUCK = 0.1 * torch.randn(struck.NUM_SAMPLES, generator=RANDOM)
_FRAMES = torch.randn(2, 1, 3, 32, 32, generator=RANDOM)


def _pixels(head: str) -> Separator:
    torch.manual_seed(2)
    model = MODEL.model_copy(update={"head": head})
    return Separator(PixelsSeparator(model), model, CLIP, SPECTROGRAM, "binary")


def _energy(separator: Separator, mask: torch.Tensor, sound: torch.Tensor) -> torch.Tensor:
    """Of what masks (..., R, T) cut out."""
    magnitude = separator.stft(sound).abs()
    return (separator.rows.unwarp(mask) * magnitude).square().sum(dim=(-2, -1))


def test_a_cell_of_pixels_is_described_by_its_own_features_and_competes_with_the_other_source() -> None:
    for head in ("independent", "competitive"):
        separator = _pixels(head)
        net = separator.net.eval()
        assert isinstance(net, PixelsSeparator)
        found = volumes(separator, _SOUND, _FRAMES, None, bf16=False)
        assert found.shape == (2, 2, 2)
        with torch.no_grad():
            maps = net.audio(separator.rows.warp(separator.stft(_SOUND).abs())[None, None])
            cells, whole = torch.sigmoid(net.appearance.cells(_FRAMES)), net.appearance(_FRAMES)
            for source, row, column in torch.cartesian_prod(*[torch.arange(2)] * 3).tolist():
                mine, other = (
                    net.synthesizer(one[None, None], maps)[0, 0]
                    for one in (cells[source, :, row, column], whole[1 - source])
                )
                mask = torch.sigmoid(mine - other) if head == "competitive" else torch.sigmoid(mine)
                assert_close(found[source, row, column], _energy(separator, mask, _SOUND), rtol=1e-4, atol=1e-5)


def _seen() -> tuple[torch.Tensor, torch.Tensor]:
    """Frames and motion of two sources."""
    return torch.randn(2, 1, 3, 32, 32, generator=RANDOM), torch.randn(2, 1, 36, 8, 8, generator=RANDOM)


@pytest.mark.parametrize("changes", [{}, {"conditioning": "synthesizer"}, {"head": "independent"}])
def test_the_only_cell_is_as_loud_as_the_source_is_separated(changes: dict[str, Any]) -> None:
    separator = struck.separator(seed=2, trajectory__strides=[2, 2, 2], **changes)
    frames, motion = _seen()
    found = volumes(separator, _STRUCK, frames, motion, bf16=False)
    assert found.shape == (2, 1, 1)
    whole = separator.soft_masks(_STRUCK[None], frames[None], motion[None])[0]
    expected = (whole * separator.stft(_STRUCK).abs()).square().sum(dim=(-2, -1))
    assert_close(found.flatten(), expected, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(expected[0], expected[1])


def test_each_cell_is_heard_by_its_own_features_against_all_of_the_other_source() -> None:
    separator = struck.separator(seed=2)
    frames, motion = _seen()
    found = volumes(separator, _STRUCK, frames, motion, bf16=False)
    assert found.shape == (2, 4, 4)
    net, heard = separator.net, separator.rows.warp(separator.stft(_STRUCK).abs())[None, None]
    with torch.no_grad():
        cells = net.describe_cells(frames[None], motion[None], 8)[0]
        whole = net.describe(frames[None], motion[None], Change())[0]
        for source, row, column in ((0, 0, 0), (0, 3, 1), (1, 2, 2)):
            pair = [whole[0], whole[1]]
            pair[source] = cells[source, row, column]
            mask = torch.softmax(net.logits(heard, torch.stack(pair)[None])[0], dim=0)[source]
            assert_close(found[source, row, column], _energy(separator, mask, _STRUCK), rtol=1e-4, atol=1e-5)


def test_fused_features_of_cells_are_those_whose_maximum_describes_the_source() -> None:
    separator = struck.separator(seed=2, fusion__time_convolutions=0)
    frames, motion = (seen[None] for seen in _seen())
    with torch.no_grad():
        cells = separator.net.describe_cells(frames, motion, 8)
        whole = separator.net.describe(frames, motion, Change())
        few = separator.net.describe_cells(frames, motion, 2)
    assert cells.shape == (1, 2, 4, 4, *whole.shape[2:])
    assert_close(cells.amax(dim=(2, 3)), whole)
    assert few.shape[2:4] == (2, 2)
    assert_close(few.amax(dim=(2, 3)), whole)
