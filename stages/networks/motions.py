"""The whole model `motions` (Zhao et al. 2019, figure 2).

Axes: B mixtures, N sources of a mixture, P frames of a clip, C channels of motion, V its steps, X cells of its square,
K_v fused features, R log-frequency rows, T spectrogram frames, A steps of a map of the audio network.
"""

import torch
from torch import Tensor, nn

from stages.networks.appearance import AppearanceNetwork
from stages.networks.film import alignment, audio_times_s
from stages.networks.fusion import FusionNetwork
from stages.networks.network import Change, SeparatorNetwork
from stages.networks.sight import times_s
from stages.networks.synthesizer import Synthesizer
from stages.networks.trajectory import TrajectoryNetwork
from stages.networks.unet import ModulatedUNet
from stages.params import Clip, Spectrogram
from stages.separators import Motions

_CHANNELS = {"none": 0, "difference": 1, "flow": 2, "trajectories": 2}  # C
_APPEARANCE_STRIDE = 16


class MotionsSeparator(SeparatorNetwork):
    """Looks at each source's first frame and at how it moves.

    `motion_rms` is the root mean square of motion in training, by which all motion is divided; 1 until it is set.
    """

    motion_rms: Tensor

    def __init__(self, model: Motions, clip: Clip, spectrogram: Spectrogram) -> None:
        super().__init__()
        self._visual_s, self._hop_s = times_s(model.motion, clip), spectrogram.hop_samples / clip.sample_rate_hz
        look, channels, rule = model.appearance, _CHANNELS[model.motion.input], model.fusion.rule
        self.appearance = None if rule == "alone" else AppearanceNetwork(model.channels, look)
        self.trajectory = TrajectoryNetwork(channels, model.trajectory) if channels else None
        self.register_buffer("motion_rms", torch.ones(()))
        side = look.crop_px // _APPEARANCE_STRIDE
        if self.trajectory is not None:
            side = model.motion.side_cells
            for stride in model.trajectory.strides:
                side = -(-side // stride)
        self.fusion = FusionNetwork(self.moving, 0 if rule == "alone" else model.channels, side, model.fusion)
        filmed, features = model.conditioning == "film", model.fusion.channels
        self.audio = ModulatedUNet(
            1 if filmed else features,
            time_strides=model.audio.time_strides,
            base_channels=model.audio.base_channels,
            film=dict.fromkeys(sorted(model.audio.film_levels), features) if filmed else {},
        )
        self.synthesizer = None if filmed else Synthesizer(features)
        seen = {"appearance": self.appearance, "motion": self.trajectory}
        self.ablations = tuple(f"{how}_{what}" for what, part in seen.items() if part for how in ("zero", "mean"))

    @property
    def describer(self) -> AppearanceNetwork | None:
        """The appearance network; none where motion stands alone."""
        return self.appearance

    @property
    def moving(self) -> int:
        """Features of the motion network."""
        return 0 if self.trajectory is None else self.trajectory.outputs

    @property
    def trunk(self) -> nn.Module:
        """The ResNet, and the motion network: what the paper teaches at a tenth of the rate."""
        parts = [self.appearance.trunk] if self.appearance is not None else []
        return nn.ModuleList([*parts, self.trajectory] if self.trajectory is not None else parts)

    def describe(self, frames: Tensor, motion: Tensor | None, change: Change) -> Tensor:
        """Fused features (B, N, V, K_v); V is 1 without motion."""
        moves, looks = self._parts(frames, motion, change)
        return self.fusion(moves, looks).transpose(1, 2).unflatten(0, frames.shape[:2])

    def describe_cells(self, frames: Tensor, motion: Tensor | None, most: int) -> Tensor:
        """Fused features of each cell, (B, N, G, G, V, K_v)."""
        moves, looks = self._parts(frames, motion, Change())
        return self.fusion.alone(moves, looks, most).transpose(-1, -2).unflatten(0, frames.shape[:2])

    def logits(self, mixture_magnitude: Tensor, seen: Tensor) -> Tensor:
        """Mask logits (B, N, R, T) from fused features (B, N, V, K_v)."""
        num_frames = mixture_magnitude.shape[-1]
        if self.synthesizer is not None:
            maps = self.audio(mixture_magnitude, {})[:, 0]
            return self.synthesizer.over_time(self._at(seen, num_frames, level=0), maps)
        levels = [int(level) for level in self.audio.film]
        timed = {level: self._at(seen, self.audio.steps(num_frames, level), level=level) for level in levels}
        return self.audio(mixture_magnitude, timed)[:, :, 0]

    def moves(self, motion: Tensor | None) -> Tensor:
        """What the motion network says of each cell and step, (B, N, K_m, V, y, x), of motion (B, N, C, V, X, X)."""
        if self.trajectory is None:
            raise ValueError("this separator has no motion network")
        if motion is None:
            raise ValueError("this separator sees motion: expected (B, N, C, V, X, X), found none")
        return self.trajectory(motion.flatten(0, 1) / self.motion_rms).unflatten(0, motion.shape[:2])

    def _parts(self, frames: Tensor, motion: Tensor | None, change: Change) -> tuple[Tensor | None, Tensor | None]:
        """Features of motion (B N, K_m, V, y, x) and of appearance (B N, K_a, h, w), where they are seen."""
        moves = looks = None
        if self.trajectory is not None:
            moves = change.motion(self.moves(motion)).flatten(0, 1)
        if self.appearance is not None:
            cells = torch.sigmoid(self.appearance.cells(frames.flatten(0, 1)))
            looks = change.appearance(cells.unflatten(0, frames.shape[:2])).flatten(0, 1)
        return moves, looks

    def _at(self, seen: Tensor, num_steps: int, *, level: int) -> Tensor:
        """Features (B, N, A, K_v) at the times of a map's steps, from features (B, N, V, K_v)."""
        times = audio_times_s(num_steps, hop_s=self._hop_s, strides=self.audio.time_strides[:level])
        weights = alignment(self._visual_s[: seen.shape[2]], times)
        return weights.to(seen.device, seen.dtype) @ seen
