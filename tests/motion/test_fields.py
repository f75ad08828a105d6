import pickle
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from stages.motion.estimator import find_origin
from stages.motion.fields import FieldMaker
from stages.motion.grid import CELL_PX, num_cells
from stages.params import Flow
from stages.shards.flow_schema import GRID_PX, ClipFlow, cells_of
from stages.shards.reader import ClipReader
from tests.synth.moving import FLOW, Shift, moving_folder

CLIPS = (
    Shift(0),
    Shift(1, -3, 2),
    Shift(2, num_frames=1),
    Shift(3, 1, 3, height=48, width=32),
    Shift(4, 0, 0, num_frames=2, height=48, width=32),
)


class Diary:
    """Keeps the ids of each attempt that was ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, ...]] = []

    @contextmanager
    def __call__(self, clip_ids: Sequence[str]) -> Iterator[None]:
        yield
        self.ended.append(tuple(clip_ids))


def estimated(folder: Path, flow: Flow, diary: Diary | None = None) -> list[ClipFlow]:
    if not (folder / "manifest.json").exists():
        moving_folder(folder, [CLIPS])
    reader = ClipReader(folder)
    maker = pickle.loads(pickle.dumps(FieldMaker(flow, find_origin(flow, Path()), Path())))
    return list(maker(reader, reader.clips, diary or Diary()))


def test_every_clip_has_the_flow_of_its_motion(tmp_path: Path) -> None:
    flows = estimated(tmp_path, FLOW)
    assert [flow.clip_id for flow in flows] == [f"v0-{clip.number:05d}" for clip in CLIPS]
    for clip, flow in zip(CLIPS, flows, strict=True):
        assert flow.vectors.shape == (clip.num_frames - 1, 2, -(-clip.height // 4), -(-clip.width // 4))
        inner = flow.vectors[:, :, 2:-2, 2:-2] / 64
        assert np.abs(inner - np.array([clip.right_px, clip.down_px])[:, None, None]).max(initial=0) < 0.3
        assert flow.valid[:, 2:-2, 2:-2].all()


@pytest.mark.parametrize("batch_pairs", [1, 4, 5, 64])
def test_the_size_of_a_batch_changes_no_byte(tmp_path: Path, batch_pairs: int) -> None:
    one, other = estimated(tmp_path, FLOW), estimated(tmp_path, FLOW.model_copy(update={"batch_pairs": batch_pairs}))
    for mine, its in zip(one, other, strict=True):
        assert mine.vectors.tobytes() == its.vectors.tobytes() and mine.valid.tobytes() == its.valid.tobytes()


def test_batches_go_across_clips_but_not_across_sizes(tmp_path: Path) -> None:
    diary = Diary()
    estimated(tmp_path, FLOW.model_copy(update={"batch_pairs": 8}), diary)  # 4 pairs, both directions
    several = [ids for ids in diary.ended if len(ids) > 1]
    assert several == [("v0-00000", "v0-00001"), ("v0-00003", "v0-00004")]


def test_without_the_check_all_that_stays_in_the_frame_is_valid(tmp_path: Path) -> None:
    strict = FLOW.consistency.model_copy(update={"relative": 0.0, "absolute_px2": 0.0})
    free = strict.model_copy(update={"check": False})
    checked, unchecked = (estimated(tmp_path, FLOW.model_copy(update={"consistency": c}))[1] for c in (strict, free))
    assert checked.vectors.tobytes() == unchecked.vectors.tobytes()
    # 3 px to the left, 2 px down: the first column leaves the frame, the lowest row goes to its edge
    assert unchecked.valid[:, :-1, 1:].all() and not unchecked.valid[:, 1:-1, 0].any()
    assert checked.valid.mean() < 0.5


def test_a_flow_that_fits_nothing_is_not_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moving_folder(tmp_path, [CLIPS[:1]])
    maker, reader = FieldMaker(FLOW, find_origin(FLOW, Path()), Path()), ClipReader(tmp_path)

    def broken(first: object, _: object) -> object:
        return maker.flow and first[:, :2, ::4, ::4] * np.nan  # type: ignore[index]

    monkeypatch.setitem(vars(maker), "estimator", broken)
    (flow,) = maker(reader, reader.clips, Diary())
    assert not flow.vectors.any() and not flow.valid.any()


def test_the_grid_of_motion_is_that_of_the_shards() -> None:
    assert (CELL_PX, num_cells(30)) == (GRID_PX, cells_of(30))
