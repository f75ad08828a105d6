"""Damaged bytes are found before they are used, named, and only what they belong to is made anew."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.harness import damage, finish, results, start, tail
from tests.synth.world import call, commands


def made(workspace: Path) -> dict[str, int]:
    """Shards of the store with the times at which they were made."""
    return {path.parent.name: path.stat().st_mtime_ns for path in workspace.glob(".store/decode/*/clips.arrow")}


def twin(workspace: Path, shard: Path) -> Path:
    """The stored shard of which a file of data/decode is another name or a copy."""
    (found,) = (p for p in workspace.glob(".store/decode/*/clips.arrow") if p.read_bytes() == shard.read_bytes())
    return found


def shards(workspace: Path) -> Iterator[Path]:
    yield from sorted(workspace.glob("data/decode/shards/*.arrow"))


@pytest.mark.parametrize("kind", ["flip", "cut", "zero"])
def test_a_damaged_shard_is_named_and_only_that_one_is_made_anew(world: Path, kind: str) -> None:
    before = results(world)
    shard = random.Random(kind).choice(list(shards(world)))
    stored = twin(world, shard)
    linked = stored.samefile(shard)
    damage(shard, kind)
    if not linked:
        damage(stored, kind)
    process = start(commands(world)["evaluate@pixels"], world)
    assert process.wait(timeout=300) == 1
    assert f"{shard.relative_to(world)}: " in tail(world) and "PIXELS_VERIFY=1 dvc repro" in tail(world)

    before_ns = made(world)
    finish(commands(world)["decode"], world, PIXELS_VERIFY="1", PIXELS_SERIAL="1")
    changed = {name for name, made_ns in made(world).items() if before_ns.get(name) != made_ns}
    assert changed == {stored.parent.name}
    assert results(world) == before


def test_the_named_command_repairs_what_dvc_has_cached(world: Path) -> None:
    before = results(world)
    call("dvc commit --force --quiet decode", world)
    shard = next(shards(world))
    damage(shard, "flip")
    call("PIXELS_VERIFY=1 PIXELS_SERIAL=1 dvc repro --force --single-item decode", world)
    assert results(world) == before


@pytest.mark.parametrize("name", ["data/decode/clips.parquet", "data/mixes/mixes.parquet", "data/decode/manifest.json"])
def test_a_damaged_table_is_named(world: Path, name: str) -> None:
    damage(world / name, "zero")
    process = start(commands(world)["evaluate@pixels"], world)
    assert process.wait(timeout=300) == 1
    assert f"{name}: " in tail(world)


def test_damaged_weights_are_named(world: Path) -> None:
    damage(world / "models/pixels/weights.safetensors", "flip")
    process = start(commands(world)["evaluate@pixels"], world)
    assert process.wait(timeout=300) == 1
    assert "models/pixels/weights.safetensors: sha256" in tail(world)
