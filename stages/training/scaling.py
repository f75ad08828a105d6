"""How strong motion is in the training clips, so that networks see it at unit strength whatever it is measured in."""

import torch

from stages.networks.motions import MotionsSeparator
from stages.networks.separation import Separator
from stages.networks.sight import MotionWindows, Pictures, central
from stages.separators import Motions
from stages.training.batches import TrainingClips

_MOST_VIDEOS = 512  # beyond which another one changes the figure by nothing that counts


def scale_motion(separator: Separator, pictures: Pictures, clips: TrainingClips, windows: MotionWindows | None) -> None:
    """Give a separator the root mean square of the motion it will learn from; one that asks for none is left alone.

    Over the first clip of each of at most 512 videos, evenly chosen, on their central squares: a function of the data
    alone, so that a run that goes on after a kill finds the same figure.
    """
    net, model = separator.net, separator.model
    if not (isinstance(model, Motions) and isinstance(net, MotionsSeparator) and windows and windows.fields):
        return
    if model.motion.unit_rms:
        videos = clips.by_video[:: -(-len(clips.by_video) // _MOST_VIDEOS)]
        net.motion_rms.fill_(motion_rms(pictures, [ids[0] for ids in videos], model, windows))


def motion_rms(pictures: Pictures, clip_ids: list[str], model: Motions, windows: MotionWindows) -> float:
    """Root mean square over clips, channels, steps and cells; 1 where nothing moves at all."""
    powers: list[torch.Tensor] = []
    for clip_id in clip_ids:
        _, motion = central(pictures, [clip_id], model.appearance, windows)
        if motion is not None:
            powers.append(motion.double().square().mean())
    return torch.stack(powers).mean().sqrt().item() or 1.0
