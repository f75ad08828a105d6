"""Renders the built-in corpus: performances with sampled instruments and drawn players, and their truth kept apart."""

from pathlib import Path
from typing import Annotated

from stages import layout
from stages.compute.pool import make_all
from stages.params import At, Perform
from stages.performances.corpus import TakeMaker, assemble, plan, recipe
from stages.progress import progress
from stages.shards.store import Store


def run(
    name: str,
    perform: Perform,
    videos: Annotated[str, At("index.videos")],
    shifted: Annotated[tuple[str, ...], At("index.shifted")],
) -> None:
    """Render the arrival folder `name` -> data/videos/<name>/<label>/*.mp4, data/truth/<name>/."""
    target, truths = layout.VIDEOS / name, layout.TRUTH / name
    target.mkdir(parents=True, exist_ok=True)
    truths.mkdir(parents=True, exist_ok=True)
    if Path(videos) != layout.VIDEOS:
        print(f"perform: nothing is rendered, since index.videos is {videos} and not {layout.VIDEOS}")
        return
    takes = plan(name, perform, shifted=name in shifted)
    store = Store(layout.store().resolve())
    maker = TakeMaker(store.root, recipe())
    with store.tidying("perform"), progress("perform", total=len(takes), unit="videos") as meter:
        folders = make_all(maker, takes, lambda _: meter.advance())
    assemble(list(zip(takes, folders, strict=True)), target, truths)
    store.note_use(f"perform@{name}", folders)
    print(f"perform: {len(takes)} videos of {perform.duration_s:g} s in {target}")
