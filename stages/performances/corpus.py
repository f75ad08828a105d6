"""The takes of an arrival folder, and the making of each: once in the store, by any worker, whole or not at all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from stages import performances
from stages.media import encode
from stages.media.encode import write_video
from stages.media.sandbox import version
from stages.params import Perform
from stages.performances import truth
from stages.performances.draws import generator
from stages.performances.film import Take, cast, film, perform
from stages.performances.players.band import instrument
from stages.performances.score import SAMPLE_RATE_HZ
from stages.shards.files import read_json, sha256, sha256_json, write_json
from stages.shards.store import Store, link_file, source_digest

_NAME_DIGITS = 10


def plan(arrival: str, perform: Perform) -> list[Take]:
    """All takes of an arrival folder: solos of every instrument, then duets that go round all pairs in a drawn order.

    Raises ValueError for an instrument that nobody plays.
    """
    for name in perform.instruments:
        instrument(name)
    solos = [((name,), number) for name in perform.instruments for number in range(perform.solos_per_instrument)]
    chosen = solos + _duets(arrival, perform)
    shared = perform.model_dump(include={"seed", "duration_s", "frame_rate_hz", "side_px"})
    return [Take(arrival=arrival, instruments=names, number=number, **shared) for names, number in chosen]


def _duets(arrival: str, perform: Perform) -> list[tuple[tuple[str, ...], int]]:
    draw = generator(perform.seed, arrival, "duets")
    pairs = list(combinations(sorted(set(perform.instruments)), 2))
    order = draw.permutation(len(pairs))
    duets: list[tuple[tuple[str, ...], int]] = []
    for number in range(perform.duets):
        pair = pairs[int(order[number % len(pairs)])]
        duets.append((pair if draw.random() < 0.5 else pair[::-1], number // len(pairs)))
    return duets


def file_name(take: Take) -> str:
    """Neutral: a hash, which tells nothing about what is played."""
    return sha256_json([str(word) for word in take.words])[:_NAME_DIGITS]


@dataclass(frozen=True, slots=True)
class TakeMaker:
    """Renders a take into the store; a worker gets it by pickle."""

    store: Path
    recipe: dict[str, str]  # what stored work must not outlive: code, note samples, ffmpeg

    def __call__(self, take: Take) -> Path:
        """The take's folder: video.mp4, truth.npz, truth.json, stems in duets."""
        return Store(self.store).fetch_or_make("perform", self._key(take), lambda folder: render(folder, take))

    def find(self, take: Take) -> Path | None:
        """The take's folder if it is there and was not touched since its sha256 were last found right."""
        return Store(self.store).find("perform", self._key(take))

    def _key(self, take: Take) -> dict[str, Any]:
        return {"take": asdict(take), **self.recipe}


def recipe() -> dict[str, str]:
    """Hashes of all that renderings depend on besides their take."""
    room = Path(performances.__path__[0])
    samples = sorted((room / "samples").glob("*.*"))
    return {"code": source_digest(room, Path(encode.__file__), *samples), "tool": version()}


def render(folder: Path, take: Take) -> None:
    """Make one video and its truth."""
    performance = perform(take)
    drawn = cast(performance)
    soundtrack = np.sum(performance.stems, axis=0)
    write_video(folder / "video.mp4", film(performance, drawn), take.frame_rate_hz, soundtrack, SAMPLE_RATE_HZ)
    truth.write(folder, performance, drawn)
    write_json(folder / "truth.json", truth.describe(performance, drawn))


def assemble(made: Sequence[tuple[Take, Path]], videos: Path, truths: Path) -> None:
    """Link finished takes into an arrival's folders of videos and of truth, and write the truth's index.json."""
    index: dict[str, Any] = {}
    for take, folder in made:
        name = file_name(take)
        path = Path(take.label) / f"{name}.mp4"
        link_file(folder / "video.mp4", videos / path)
        link_file(folder / "truth.npz", truths / f"{name}.npz")
        for stem in sorted(folder.glob("stem*.flac")):
            link_file(stem, truths / f"{name}.{stem.stem.removeprefix('stem')}.flac")
        facts = read_json(folder / "truth.json")
        index[name] = {"path": path.as_posix(), "sha256": sha256(folder / "video.mp4"), **facts}
    write_json(truths / "index.json", {"schema_version": 1, "videos": index})
