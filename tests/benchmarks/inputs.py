"""The input of training beside a DataLoader over a folder of frames: `python -m tests.benchmarks.inputs [file]`."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import tempfile
from pathlib import Path

import numpy as np
import soundfile
import torch
import yaml
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from stages.networks.frames import to_input, which_frames
from stages.params import Params
from stages.separators import Appearance
from stages.shards.reader import ClipReader
from stages.training.batches import Batches, pool_of, training_clips
from stages.training.curriculum import Sampler
from stages.training.seeding import generator
from tests.benchmarks.folder import FULL_SIZE, NUM_FRAMES, SIDE_PX, make
from tests.benchmarks.timing import interleaved, tell

REPEATS, CLIPS, BATCH, STEPS = 5, 8, 8, 6
PAPER = Path(__file__).parents[2] / "presets/paper-music.yaml"


class FolderMixtures(Dataset[tuple[Tensor, Tensor]]):
    """Two clips of a folder a mixture, read as reference code does: PIL, resize, wav."""

    def __init__(self, root: Path, ids: list[str], appearance: Appearance) -> None:
        self._root, self._ids, self._appearance = root, ids, appearance

    def __len__(self) -> int:
        return BATCH * STEPS

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        random = generator(1, index)
        chosen = torch.randperm(len(self._ids), generator=random)[:2]
        sounds, looks = zip(*(self._read(self._ids[int(clip)], random) for clip in chosen), strict=True)
        return torch.stack(sounds) / 2, torch.stack(looks)

    def _read(self, clip_id: str, random: torch.Generator) -> tuple[Tensor, Tensor]:
        look, folder = self._appearance, self._root / clip_id
        width = round(SIDE_PX * FULL_SIZE[1] / FULL_SIZE[0])
        indices = which_frames(NUM_FRAMES, look.num_frames, look.frame_stride, random)
        images = [Image.open(folder / f"{i:06d}.jpg").convert("RGB").resize((width, SIDE_PX)) for i in indices]
        sound, _ = soundfile.read(folder / "sound.wav", dtype="float32")
        return torch.from_numpy(sound), to_input([np.asarray(i) for i in images], look.crop_px, generator=random)


def main() -> None:
    torch.set_num_threads(1)
    params = Params.model_validate(yaml.safe_load(PAPER.read_text(encoding="utf-8")))
    look = params.models["pixels"].appearance
    train = params.train.model_copy(update={"batch_mixtures": BATCH})
    with tempfile.TemporaryDirectory() as room:
        ids = make(Path(room), CLIPS)
        reader = ClipReader(Path(room) / "decode")
        pool = pool_of(reader.clips, training_clips(reader.clips, 2, sampling=train.sampling))
        batches = Batches(reader, Sampler(pool, train.curriculum["pixels"][0], train.seed), look, train)
        folder = FolderMixtures(Path(room) / "folder", ids, look)
        methods = {
            "DataLoader, folder, 2 workers": lambda: list(DataLoader(folder, BATCH, num_workers=2)),
            "ours": lambda: [batches.at(step) for step in range(STEPS)],
        }
        spent = interleaved(methods, REPEATS)
    rates = {name: round(2 * BATCH * STEPS / value, 1) for name, value in spent.items()}
    ratio = spent["DataLoader, folder, 2 workers"] / spent["ours"]
    tell({"n": REPEATS, "clips_a_cpu_s": rates, "ratio": round(ratio, 2)})


if __name__ == "__main__":
    main()
