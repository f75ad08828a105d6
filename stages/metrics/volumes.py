"""How loud a separator takes each place of its picture to be (Zhao et al. 2018, section 4.4: the sound of a pixel).

Axes: N sources of a mix, S samples, P frames of a clip, C channels of motion, V its steps, X cells of its square, G x G
cells of the square that a separator looks at, R log-frequency rows, T spectrogram frames.
"""

import torch
from torch import Tensor

from stages.networks.network import Change
from stages.networks.separation import Separator, activate

_MOST_CELLS = 8  # a side: more are pooled, or a large network would take minutes
_AT_ONCE = 12  # cells


@torch.no_grad()
def volumes(separator: Separator, mixture: Tensor, frames: Tensor, motion: Tensor | None, *, bf16: bool) -> Tensor:
    """Energy (N, G, G) of what is cut out of a mixture (S,) when a cell is all that is seen of a source.

    The other sources, with which it may have to share, are seen as they are.

    Args:
        separator: Put into the state of evaluation.
        mixture: In [-1, 1].
        frames: (N, P, 3, H, W).
        motion: (N, C, V, X, X), where the separator sees motion.
        bf16: Whether networks compute in it: nearly twice as fast where the processor does.
    """
    net, device = separator.net.eval(), separator.device
    shown_frames, moving = frames[None].to(device), None if motion is None else motion[None].to(device)
    magnitude = separator.stft(mixture[None].to(device)).abs()
    heard = separator.rows.warp(magnitude)[:, None]
    fast = torch.autocast(device.type, torch.bfloat16, enabled=bf16)
    with fast:
        whole = net.logits(heard, net.describe(shown_frames, moving, Change())).float()  # (1, N, R, T)
        cells = net.describe_cells(shown_frames, moving, _MOST_CELLS)[0]  # (N, G, G, ...)
    found: list[Tensor] = []
    for source, of_source in enumerate(cells.flatten(1, 2)):
        for some in of_source.split(_AT_ONCE):
            logits = whole.repeat(len(some), 1, 1, 1)
            with fast:
                logits[:, source] = net.logits(heard, some[None])[0]
            masks = activate(logits, separator.target, separator.model.head)[:, source]
            found.append((separator.rows.unwarp(masks) * magnitude).square().sum(dim=(-2, -1)).cpu())
    return torch.cat(found).reshape(cells.shape[:3])
