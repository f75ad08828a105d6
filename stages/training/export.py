"""From the best checkpoint to the files of a model."""

from pathlib import Path
from typing import Any

import torch

from stages import layout
from stages.networks.resnet import find_start, start_from
from stages.networks.separation import Separator, build, save
from stages.params import Clip, Spectrogram, Train
from stages.separators import Model
from stages.shards.files import write_json
from stages.training.checkpoint import Checkpoints, TrainingState

# By the number of axes: filters of pictures and spectrograms, and of motion.
_CHANNELS_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}


def new_separator(
    clip: Clip, spectrogram: Spectrogram, model: Model, train: Train, *, device: torch.device
) -> Separator:
    """An untrained separator, its weights drawn from train.seed but for those that `appearance.weights` names."""
    torch.manual_seed(train.seed)
    net = build(model, clip, spectrogram)
    start = find_start(model.appearance.weights, layout.WEIGHTS)
    if start is not None and net.describer is not None:
        start_from(net.describer, start)
    net = net.to(device)
    if train.channels_last:
        for parameter in net.parameters():
            if parameter.ndim in _CHANNELS_LAST:
                parameter.data = parameter.data.to(memory_format=_CHANNELS_LAST[parameter.ndim])
    return Separator(net, model, clip, spectrogram, train.mask)


def best_step(state: TrainingState) -> int:
    """The step whose weights a leg hands on: the best one, the last where nothing could be validated."""
    return state.step if state.best_step is None else state.best_step


def export(
    separator: Separator, checkpoints: Checkpoints, state: TrainingState, folder: Path, *, card: dict[str, Any]
) -> None:
    """Write the weights that validated best (the last ones where nothing could be validated), model.json, curves.json.

    Args:
        separator: Receives those weights.
        checkpoints: Hold them.
        state: Of the finished run.
        folder: The model's.
        card: Further values for model.json.
    """
    step = best_step(state)
    separator.net.load_state_dict(checkpoints.weights(step))
    write_json(folder / "curves.json", {"validation": state.history, "bad_batches": state.bad_batches})
    reached = {"steps": state.step, "best_step": step, "validation_si_sdr_db": state.best_si_sdr_db}
    save(separator, folder, card | reached)
