"""What speaks for a model: scores, curves and mixes to listen to, gathered from the workspace."""

import math
import shutil
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

from stages import layout
from stages.networks.motion_fields import open_motion
from stages.networks.separation import Separator, load
from stages.shards.files import read_json, write_json
from stages.shards.reader import ClipReader
from stages.shards.schema import MixSource
from stages.shards.tables import read_rows
from stages.tracking.examples import Example, read_examples, write_example
from stages.tracking.latency import latency_ms, size_bytes
from stages.tracking.server import flatten

VIDEOS = "videos.json"  # artifact of a version's run: whose sound and pictures are in it
LATENCY, SIZE = "serving/latency_ms", "serving/size_bytes"  # metrics of a version's run
_SHARED = ("baselines", "counts")  # parts of reports/metrics.json that are the same for all models


class Evidence:
    """The workspace's results on one model.

    Args:
        name: The model's.
        num_examples: Test mixes to write down as sound.
        mask: How their estimates are made.
    """

    def __init__(self, name: str, *, num_examples: int, mask: Literal["soft", "binary"]) -> None:
        self._name, self._num_examples = name, num_examples
        self._mask: Literal["soft", "binary"] = mask
        self.separator_folder = layout.model(name)

    @property
    def input_example(self) -> Example:
        """The first test mix."""
        if not self._examples:
            raise ValueError(f"{layout.MIXES}: no mix of the split test, whose first is a version's input example")
        return self._examples[0]

    def metrics(self) -> dict[str, float]:
        """Scores of the model, its controls and the baselines, named like `different2/si_sdri`, and what it costs.

        Only numbers; LATENCY and SIZE were taken on this machine.
        """
        content = read_json(layout.METRICS)
        if self._name not in content:
            raise ValueError(f"{layout.METRICS}: holds no scores of {self._name}; run `dvc repro report`")
        controls = {"controls": content.get("controls", {}).get(self._name, {})}
        shared = {part: content[part] for part in _SHARED if part in content}
        leaves = flatten(content[self._name] | controls | shared, "/")
        scores = {name.replace(":", "-"): float(value) for name, value in leaves.items() if _is_number(value)}
        taken_ms = latency_ms(self._separator, self.input_example, mask=self._mask)
        return scores | {LATENCY: taken_ms, SIZE: float(size_bytes(self.separator_folder))}

    def curves(self) -> Iterator[tuple[str, int, float]]:
        """Name, step and value of each point of the training's validations."""
        for point in read_json(self.separator_folder / "curves.json")["validation"]:
            step = point["step"]
            yield from ((f"curves/{name}", step, v) for name, v in point.items() if name != "step" and _is_number(v))

    def videos(self) -> dict[str, list[str]]:
        """Ids of the videos that the model was trained on, was chosen by, and shows in its examples."""
        shown = {video_id for example in self._examples for video_id in example.video_ids}
        return read_json(self.separator_folder / layout.TRAINING_VIDEOS) | {"examples": sorted(shown)}

    def write(self, folder: Path) -> None:
        """Copy scores, metrics, lock and params into a new folder and write examples/ and VIDEOS beside them."""
        folder.mkdir(parents=True)
        write_json(folder / VIDEOS, self.videos())
        for path in (layout.evaluation(self._name) / "scores.parquet", layout.METRICS, layout.LOCK, layout.PARAMS):
            if path.is_file():  # a stage that is run by hand, without DVC, has no lock yet
                shutil.copyfile(path, folder / path.name)
        for position, example in enumerate(self._examples[: self._num_examples]):
            write_example(
                example,
                self._separator,
                folder / "examples" / f"{position:02d}_{example.mix_id}",
                mask=self._mask,
                sample_rate_hz=self._separator.clip.sample_rate_hz,
            )

    @cached_property
    def _separator(self) -> Separator:
        return load(self.separator_folder)

    @cached_property
    def _examples(self) -> list[Example]:
        rows = read_rows(layout.MIXES, MixSource)
        windows = open_motion(self._separator.model, self._separator.clip)
        return read_examples(ClipReader(), rows, self._separator, max(1, self._num_examples), windows)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
