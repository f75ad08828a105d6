"""The stage on small decoded clips: what it leaves behind, and what makes it work anew."""

import re
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from stages import flow, layout
from stages.keeping.pruning import prune
from stages.motion.pwcnet import PRESETS, PWCNet
from stages.motion.weights import save
from stages.params import Flow
from stages.shards.check import ShardError
from stages.shards.files import read_json, sha256
from stages.shards.flow_reader import FlowReader
from stages.shards.schema import Reject
from stages.shards.tables import read_rows
from tests.synth.media import CLIP
from tests.synth.moving import FLOW, Shift, moving_folder

CLIPS = [[Shift(0), Shift(1, -3, 2)], [Shift(2, 1, 3, height=48, width=32)], [Shift(3, 0, 0), Shift(4, -1, -1)]]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIXELS_SERIAL", "1")
    moving_folder(layout.DECODE, CLIPS)
    return tmp_path


def changed(**values: object) -> Flow:
    return FLOW.model_copy(update=values)


def hashes() -> dict[str, str]:
    return {str(path): sha256(path) for path in layout.FLOW.rglob("*") if path.is_file()}


def made_at() -> dict[str, int]:
    """Shards of the store by the moment at which they were made."""
    return {str(path): path.stat().st_ino for path in Path(".store/flow").glob("*/flow.arrow")}


@pytest.mark.usefixtures("workspace")
def test_what_moved_comes_out_with_who_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    flow.run(CLIP, FLOW, 0.0)
    reader = FlowReader()
    assert len(reader.clips) == 5
    for clip in reader.clips:
        shift = next(s for shard in CLIPS for s in shard if s.number == int(clip.clip_id[-5:]))
        inner = reader.flow_px(clip.clip_id)[:, :, 2:-2, 2:-2]
        assert np.abs(inner - np.array([shift.right_px, shift.down_px])[:, None, None]).max() < 0.3
        assert reader.valid(clip.clip_id)[:, 2:-2, 2:-2].all()
        about = reader.about(clip.clip_id)
        assert (about["backend"], about["weights_sha256"], about["frame_rate_hz"]) == ("dis", "none", "8")
    assert read_rows(layout.FLOW_REJECTS, Reject) == []
    origin = read_json(layout.FLOW_ORIGIN)
    assert (origin["backend"], origin["device"], origin["weights_licence"]) == ("dis", "cpu", None)
    said = capsys.readouterr()
    assert re.search(
        r"^flow by dis \(opencv [\d.]+, cpu\): 15 pairs of 5 clips in 3 shards, .* rejected: none", said.out
    )
    assert re.search(r"flow: dis \(opencv .*: 15/15 pairs, .* pairs/s, ETA 0 s", said.err)


@pytest.mark.usefixtures("workspace")
def test_workers_batches_and_shares_change_no_byte_and_nothing_is_done_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    flow.run(CLIP, FLOW, 0.0)
    whole = hashes()
    monkeypatch.setenv("PIXELS_SERIAL", "")
    with monkeypatch.context() as patch:
        patch.setattr("stages.compute.pool._start", lambda *_: pytest.fail("ray was started"))
        flow.run(CLIP, changed(batch_pairs=1, num_cpus=0.5, num_gpus=0.25, device="cpu"), 0.0)
    monkeypatch.setenv("PIXELS_STORE", "other")
    monkeypatch.setenv("PIXELS_WORKERS", "2")
    flow.run(CLIP, changed(batch_pairs=3, num_cpus=0.5), 0.0)
    assert hashes() == whole


@pytest.mark.usefixtures("workspace")
def test_what_decides_about_the_flow_makes_it_anew() -> None:
    flow.run(CLIP, FLOW, 0.0)
    before = {path.name for path in (layout.FLOW / "shards").iterdir()}
    free = FLOW.consistency.model_copy(update={"check": False})
    flow.run(CLIP, changed(consistency=free), 0.0)
    after = {path.name for path in (layout.FLOW / "shards").iterdir()}
    assert len(before) == len(after) == 3 and not before & after


@pytest.mark.usefixtures("workspace")
def test_a_new_arrival_costs_its_own_shard() -> None:
    flow.run(CLIP, FLOW, 0.0)
    before = made_at()
    moving_folder(layout.DECODE, [*CLIPS, [Shift(9, 2, 2)]])
    flow.run(CLIP, FLOW, 0.0)
    assert len(made_at()) == 4 and before.items() < made_at().items()
    assert len(FlowReader().clips) == 6


@pytest.mark.usefixtures("workspace")
def test_a_damaged_shard_is_found_and_remade_alone() -> None:
    flow.run(CLIP, FLOW, 0.0)
    whole, before = hashes(), made_at()
    shard = sorted((layout.FLOW / "shards").iterdir())[0]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)  # in place: the link in the store is damaged as well
    reader = FlowReader()
    with pytest.raises(ShardError, match=rf"{shard.name}.*damaged; run `PIXELS_VERIFY=1 dvc repro .* flow`"):
        [reader.vectors(clip.clip_id) for clip in reader.clips]
    flow.run(CLIP, FLOW, 0.0)
    assert hashes() == whole
    assert len(set(before.items()) - set(made_at().items())) == 1


@pytest.mark.usefixtures("workspace")
def test_a_damaged_shard_of_frames_ends_the_stage_with_its_name() -> None:
    shard = layout.SHARDS / "first-1.arrow"
    shard.write_bytes(shard.read_bytes()[:-8])
    with pytest.raises(ValueError, match=r"first-1\.arrow.*single-item decode"):
        flow.run(CLIP, FLOW, 0.0)


def test_gc_keeps_what_this_folder_is_made_of_and_frees_what_it_was(workspace: Path) -> None:
    store = workspace / ".store"
    free = FLOW.consistency.model_copy(update={"check": False})
    for section in (changed(consistency=free), FLOW):
        flow.run(CLIP, section, 0.0)
    rooms = {pruned.room: pruned for pruned in prune(store, keep_days=0, now_s=time.time() + 9, dry_run=False)}
    assert (len(rooms["flow"].kept), len(rooms["flow"].removed)) == (3, 3)
    whole = hashes()
    flow.run(CLIP, FLOW, 0.0)
    assert hashes() == whole


@pytest.mark.usefixtures("workspace")
def test_a_network_s_licence_goes_with_what_it_made() -> None:
    torch.manual_seed(1)
    path = layout.WEIGHTS / "own.safetensors"
    save(PWCNet(PRESETS["lite"]), path, preset="lite", licence="CC-BY-NC-SA-4.0", half=True)
    neural = changed(backend="pwcnet", preset="lite", weights=path.name, device="cpu", batch_pairs=16)
    flow.run(CLIP, neural, 0.0)
    reader, origin = FlowReader(), read_json(layout.FLOW_ORIGIN)
    about = reader.about(reader.clips[0].clip_id)
    assert (about["backend"], about["weights_sha256"]) == ("pwcnet", sha256(path))
    assert about["weights_licence"] == origin["weights_licence"] == "CC-BY-NC-SA-4.0"
    names = {clip.shard for clip in reader.clips}
    torch.manual_seed(2)
    save(PWCNet(PRESETS["lite"]), path, preset="lite", licence="CC-BY-NC-SA-4.0", half=True)
    flow.run(CLIP, neural, 0.0)
    assert not names & {clip.shard for clip in FlowReader().clips}
