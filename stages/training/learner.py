"""One step of learning: a batch in, an update out, or nothing at all when the numbers are not finite."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from stages.audio.onsets import sound_onsets
from stages.curricula import Phase
from stages.networks.coincidence import OnsetNetwork, log_likelihoods, onset_targets
from stages.networks.correspondence import Correspondence
from stages.networks.separation import Separator
from stages.networks.sight import times_s
from stages.params import Train
from stages.precision import choose_precision
from stages.separators import Motions
from stages.training.batches import Batch
from stages.training.losses import coincidence_loss, correspondence_loss, mask_loss, spectra
from stages.training.norms import join_norms
from stages.training.optimizer import build_optimizer, set_rates
from stages.training.ranks import ALONE, Ranks, joined

SEPARATOR = "separator"  # its name in `Learner.net`


class Learner:
    """A separator, what is pretrained beside it, and their optimizer; `net` holds all that checkpoints must keep.

    One for each phase, whose rates it learns at; pretraining has those of the first phase. Of several ranks each learns
    from its own rows of a batch; they all take the step that one process would take, with the loss of the whole batch.
    """

    def __init__(self, separator: Separator, train: Train, phase: Phase, ranks: Ranks = ALONE) -> None:
        self.separator, self.ranks, self._train, self._phase = separator, ranks, train, phase
        self._device = separator.device
        self._bf16 = choose_precision(train.precision, self._device) == "bf16"
        torch.manual_seed(train.seed)
        self._correspondence = Correspondence(separator.model.channels).to(self._device)
        self.net = nn.ModuleDict({SEPARATOR: separator.net, "correspondence": self._correspondence})
        if separator.net.moving:
            self.net["onsets"] = OnsetNetwork(separator.net.moving).to(self._device)
        self._objectives = {"correspondence": self._correspondence_loss, "coincidence": self._coincidence_loss}
        if ranks.size > 1:
            join_norms(self.net, ranks)
        self._separate = _compiled(separator.net) if train.compile and self._device.type == "cuda" else separator.net
        self.optimizer = build_optimizer(self.net, separator.net, train.optimizer, phase)
        self._buffers = list(self.net.buffers())

    def learn(self, batch: Batch, step: int) -> float:
        """Update the weights by a batch of mixtures after `step` others of the phase; returns the loss.

        A loss or gradient that is not finite gives NaN and leaves weights, moments and batch statistics as they were,
        on every rank, since all see the same sums.
        """
        return self._update(self._mask_loss, batch, step)

    def pretrain(self, batch: Batch, step: int) -> float:
        """The same by a batch of single clips: what looks learns what train.pretrain.objective says."""
        return self._update(self._objectives[self._train.pretrain.objective], batch, step)

    def _update(self, objective: Callable[[Batch], Tensor], batch: Batch, step: int) -> float:
        net = self.net.train()
        before = [buffer.clone() for buffer in self._buffers]
        set_rates(self.optimizer, self._train.optimizer, self._phase, step)
        self.optimizer.zero_grad(set_to_none=True)
        loss = objective(batch)
        loss.backward()
        gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
        loss = loss.detach()
        self.ranks.add_up([loss, *gradients])
        size = loss + torch.nn.utils.get_total_norm(gradients)
        if not math.isfinite(size.item()):
            for buffer, value in zip(self._buffers, before, strict=True):
                buffer.copy_(value)
            return math.nan
        self.optimizer.step()
        return loss.item()

    def _mask_loss(self, batch: Batch) -> Tensor:
        separator = self.separator
        heard = spectra(batch.sources.to(self._device), separator.stft, separator.rows)
        with self._precision():
            motion = None if batch.motion is None else batch.motion.to(self._device)
            logits = self._separate(heard.mixture[:, None], batch.frames.to(self._device), motion)
        return mask_loss(logits.float(), heard, separator.target, separator.model.head, ranks=self.ranks)

    def _correspondence_loss(self, batch: Batch) -> Tensor:
        appearance = self.separator.net.describer
        if appearance is None:
            raise ValueError("train.pretrain: this separator has no appearance network to teach; set objective to none")
        separator = self.separator
        heard = separator.rows.warp(separator.stft(batch.sources[:, 0].to(self._device)).abs())
        with self._precision():
            seen = appearance.pooled(batch.frames.flatten(0, 1).to(self._device))
            sounds, pictures = self._correspondence.describe(heard, seen)
            fits = self._correspondence.fits(joined(self.ranks, sounds), joined(self.ranks, pictures))
        return correspondence_loss(fits.float()) / self.ranks.size

    def _coincidence_loss(self, batch: Batch) -> Tensor:
        separator, settings, model = self.separator, self._train.pretrain, self.separator.model
        if not isinstance(model, Motions) or not separator.net.moving or batch.motion is None:
            raise ValueError(
                "train.pretrain: this separator sees no motion, which the objective coincidence would teach; set it to "
                "none or correspondence"
            )
        steps_s = times_s(model.motion, separator.clip)
        rate_hz, gap_s = separator.clip.sample_rate_hz, settings.sound_gap_ms / 1e3
        heard = [sound_onsets(one, rate_hz, gap_s=gap_s, rise=settings.sound_rise) for one in batch.sources[:, 0]]
        targets = torch.stack([onset_targets(onsets_s, steps_s) for onsets_s in heard]).to(self._device)
        with self._precision():
            logits = self.net["onsets"](separator.net.moves(batch.motion.to(self._device))[:, 0])
        loss = coincidence_loss(log_likelihoods(logits.float(), targets), len(steps_s))
        clips = torch.tensor(float(len(targets)), device=self._device)
        return loss * (clips / self.ranks.summed(clips))

    def _precision(self) -> torch.autocast:
        return torch.autocast(self._device.type, torch.bfloat16, enabled=self._bf16)


def _compiled(net: nn.Module) -> Callable[..., Tensor]:
    """The training step's own forward pass; validation, whose shapes differ, stays as it is.

    Not on the CPU, where it made the step slower (0.94x) and costs a minute of start.
    """
    return torch.compile(net)
