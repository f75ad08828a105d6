"""The built-in corpus: which takes there are, how any worker renders one into the store, whole or not at all."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from stages.media import encode
from stages.media.encode import write_video
from stages.media.sandbox import version
from stages.params import Perform, Programme
from stages.performances import truth
from stages.performances.draws import generator
from stages.performances.film import cast, film, perform
from stages.performances.players.band import instrument
from stages.performances.score import SAMPLE_RATE_HZ
from stages.performances.take import Staging, Take
from stages.performances.version import digest
from stages.shards.files import read_json, sha256, sha256_json, write_json
from stages.shards.store import Store, link_file, source_digest

_NAME_DIGITS = 10

Chosen = tuple[tuple[str, ...], int]  # instruments from left to right, number among the takes of the same ones


def plan(arrival: str, perform: Perform, *, shifted: bool) -> list[Take]:
    """All takes of an arrival folder: solos of every instrument, duets of two different and of two equal ones.

    Duets go round all pairs, twins round all instruments, each in a drawn order. Raises ValueError for an instrument
    that nobody plays.
    """
    for name in perform.instruments:
        instrument(name)
    programme = perform.shifted if shifted else perform.regular
    shared = perform.model_dump(include={"seed", "duration_s", "frame_rate_hz", "side_px"})
    return [
        Take(
            arrival=arrival,
            instruments=names,
            number=number,
            staging=_staging(perform, arrival, " ".join(sorted(names)), number, shifted=shifted),
            **shared,
        )
        for names, number in _choose(arrival, perform, programme)
    ]


def _choose(arrival: str, perform: Perform, programme: Programme) -> list[Chosen]:
    names = sorted(set(perform.instruments))
    solos = [((name,), number) for name in perform.instruments for number in range(programme.solos_per_instrument)]
    twins = [(name, name) for name in names]
    return [
        *solos,
        *_go_round(list(combinations(names, 2)), programme.duets, generator(perform.seed, arrival, "duets")),
        *_go_round(twins, programme.twins, generator(perform.seed, arrival, "twins")),
    ]


def _go_round(pairs: list[tuple[str, str]], count: int, draw: np.random.Generator) -> list[Chosen]:
    order = draw.permutation(len(pairs))
    chosen: list[Chosen] = []
    for number in range(count):
        pair = pairs[int(order[number % len(pairs)])]
        chosen.append((pair if draw.random() < 0.5 else pair[::-1], number // len(pairs)))
    return chosen


def _staging(perform: Perform, *words: object, shifted: bool) -> Staging:
    """Who is silent and what moves behind is drawn for each take from its words, without knowing the instruments."""
    staging, words = perform.staging, (perform.seed, *words)
    draw = generator(*words, "staging")
    with_silent, with_distractor = draw.random() < staging.silent_share, draw.random() < staging.distractor_share
    # The highest draw of all instruments: a further one changes only the takes in which it is chosen.
    silent = max(sorted(perform.instruments), key=lambda name: generator(*words, "silent", name).random())
    return Staging(
        shifted=shifted,
        silent=silent if with_silent else None,
        distracted=bool(with_distractor),
        **staging.model_dump(include={"idle", "offset_ms", "jitter_ms"}),
    )


def file_name(take: Take) -> str:
    """Neutral: a hash, which tells nothing about what is played."""
    return sha256_json([str(word) for word in take.words])[:_NAME_DIGITS]


@dataclass(frozen=True, slots=True)
class TakeMaker:
    """Renders a take into the store; a worker gets it by pickle."""

    store: Path
    recipe: dict[str, str]  # what stored work must not outlive: code and note samples, coder, ffmpeg

    def __call__(self, take: Take) -> Path:
        """The take's folder: video.mp4, truth.npz, truth.json, stems where several sound."""
        return Store(self.store).fetch_or_make("perform", self._key(take), lambda folder: render(folder, take))

    def find(self, take: Take) -> Path | None:
        """The take's folder if it is there and was not touched since its sha256 were last found right."""
        return Store(self.store).find("perform", self._key(take))

    def _key(self, take: Take) -> dict[str, Any]:
        return {"take": asdict(take), **self.recipe}


def recipe() -> dict[str, str]:
    """Hashes of all that renderings depend on besides their take."""
    return {"code": digest(), "coder": source_digest(Path(encode.__file__)), "tool": version()}


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
    write_json(truths / "index.json", {"schema_version": 2, "generator": digest(), "videos": index})
