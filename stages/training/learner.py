"""One step of learning: a batch in, an update out, or nothing at all when the numbers are not finite."""

import math

import torch
from torch import Tensor

from stages.networks.separation import Separator
from stages.params import Train
from stages.training.batches import Batch
from stages.training.losses import mask_loss, spectra
from stages.training.optimizer import build_optimizer, set_rates


class Learner:
    """A separator and its optimizer."""

    def __init__(self, separator: Separator, train: Train) -> None:
        self.separator, self._train = separator, train
        self.optimizer = build_optimizer(separator.net, train.optimizer)
        self._device = separator.net.synthesizer.bias.device
        self._buffers = list(separator.net.buffers())

    def learn(self, batch: Batch, step: int) -> float:
        """Update the weights; returns the loss.

        A loss or gradient that is not finite gives NaN and leaves weights, moments and batch statistics as they were.
        """
        net = self.separator.net.train()
        before = [buffer.clone() for buffer in self._buffers]
        set_rates(self.optimizer, self._train.optimizer, step)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self._loss(batch)
        loss.backward()
        gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
        size = loss.detach() + torch.nn.utils.get_total_norm(gradients)
        if not math.isfinite(size.item()):
            for buffer, value in zip(self._buffers, before, strict=True):
                buffer.copy_(value)
            return math.nan
        self.optimizer.step()
        return loss.item()

    def _loss(self, batch: Batch) -> Tensor:
        separator, train = self.separator, self._train
        heard = spectra(batch.sources.to(self._device), separator.stft, separator.rows)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=train.precision == "bf16"):
            logits = separator.net(heard.mixture[:, None], batch.frames.to(self._device))
        return mask_loss(logits.float(), heard, separator.target, separator.model.head)
