"""Are kinds found without labels instruments? `python -m tests.benchmarks.kinds WORKSPACE MODEL WEIGHTS [file]`.

WORKSPACE is a folder with params.yaml and data/decode, WEIGHTS the weights.safetensors of a checkpoint of MODEL in it.
Asked is what training would draw: kinds equally often, then two different videos of one. How often have they one label?
"""

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import load_file

from stages import layout
from stages.networks.separation import Separator, build
from stages.params import Params, read
from stages.shards.reader import ClipReader
from stages.training.batches import training_clips
from stages.training.curriculum import cluster
from stages.training.kinds import looks, timbres
from stages.training.learner import SEPARATOR
from stages.training.seeding import generator
from stages.training.sources import sources_of
from tests.benchmarks.timing import tell

NUMS = (8, 16, 32)
SEEDS = range(5)


def main(workspace: Path, name: str, weights: Path) -> None:
    torch.set_num_threads(1)
    params, reader = read(workspace / "params.yaml"), ClipReader(workspace / layout.DECODE)
    separator = _separator(params, name, weights)
    sources = sources_of(reader.clips, training_clips(reader.clips, 2, sampling="videos"), ())
    videos = sources.train.by_video
    labels = [str(clips[0].label) for clips in videos]
    agreed: dict[str, dict[int, list[float]]] = {}
    for how, describe in (("look", looks), ("sound", timbres)):
        features = describe(separator, reader, videos)
        for num in NUMS:
            found = [cluster(features, num, generator(seed, "kinds")).kinds(features) for seed in SEEDS]
            agreed.setdefault(how, {})[num] = [round(_agreement(kinds, labels), 3) for kinds in found]
    by_chance = round(_agreement([0] * len(labels), labels), 3)
    tell({"videos": len(labels), "seeds": len(SEEDS), "equal_labels": agreed, "by_chance": by_chance}, argument=4)


def _separator(params: Params, name: str, weights: Path) -> Separator:
    model, ahead = params.models[name], f"{SEPARATOR}."
    net = build(model, params.clip, params.spectrogram)
    net.load_state_dict({k.removeprefix(ahead): v for k, v in load_file(weights).items() if k.startswith(ahead)})
    return Separator(net, model, params.clip, params.spectrogram, params.train.mask)


def _agreement(kinds: Sequence[int], labels: Sequence[str]) -> float:
    """Probability that two videos that training draws have one label."""
    groups: defaultdict[int, list[str]] = defaultdict(list)
    for kind, label in zip(kinds, labels, strict=True):
        groups[kind].append(label)
    pairs = [(Counter(group), len(group)) for group in groups.values() if len(group) > 1]
    return sum(sum(n * (n - 1) for n in counts.values()) / (size * (size - 1)) for counts, size in pairs) / len(pairs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
