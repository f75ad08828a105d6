"""Made-up pairs of frames with their flow, of seeds that no lesson has."""

import torch

from stages.motion.synthetic import Pairs, draw_pairs
from stages.motion.textures import draw_textures
from stages.teaching.curriculum import difficulty

SIDE_PX = 128


def hard_pairs(seed: int, *, scale: float, scenes: int) -> Pairs:
    """As hard as they get, but for motions of a scale in [0, 1]; both orders of each scene."""
    random = torch.Generator().manual_seed(seed)
    return draw_pairs(draw_textures(20, random), difficulty(1.0, scale), scenes, SIDE_PX, random)
