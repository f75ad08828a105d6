"""The page as a browser would read it: parsed, nothing loaded from elsewhere, sounds that decode."""

import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import soundfile

from stages.judging.comparison import Apart, Change, Comparison, KindRow
from stages.judging.listening import Heard
from stages.judging.page import render, render_standings

ROWS = (
    KindRow("all kinds", 30, 20, 5.0, 4.0, 1.0, 0.4, 1.6),
    KindRow("different2", 2, 1, 5.0, 9.0, -4.0, None, None),
)
FOUND = Comparison(
    first="pixels 2",
    second="pixels <1>",
    kinds=ROWS,
    params=(Change("train.steps", "1", "<script>alert(1)</script>"),),
    tags=(),
    apart=(
        Apart("mix1", "different2", ("violin", "flute"), 8.0, 3.0),
        Apart("mix2", "different2", ("a", "b"), 1.0, 2.0),
    ),
)
VOID = {"meta", "audio", "line", "circle", "br"}


class Parsed(HTMLParser):
    """Tags with attributes, text, and tags that were opened but not closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.open = "", []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def flac(value: float) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.full(400, value, np.float32), 4000, format="FLAC")
    return buffer.getvalue()


def test_scores_changes_and_sounds_stand_in_one_file_that_loads_nothing() -> None:
    heard = Heard("mix1", ("violin", "flute"), flac(0.1), ((flac(0.2), flac(0.3), flac(0.4)),) * 2)
    page = Parsed(render(FOUND, [heard], None))
    assert page.open == []
    assert "script" not in {tag for tag, _ in page.tags}  # what a param says is text
    assert "<script>alert(1)</script>" in page.text and "pixels <1>" in page.text
    for said in ("+1.00", "+0.40 to +1.60", "too few videos", "violin + flute (different2)", "8.0 against 3.0 dB"):
        assert said in page.text
    sources = [attrs["src"] or "" for tag, attrs in page.tags if tag == "audio"]
    assert len(sources) == 1 + 2 * 3
    assert all(source.startswith("data:audio/flac;base64,") for source in sources)
    decoded = [soundfile.read(io.BytesIO(base64.b64decode(source.partition(",")[2])))[0] for source in sources]
    np.testing.assert_allclose([wave.mean() for wave in decoded], [0.1, *(0.2, 0.3, 0.4) * 2], atol=1e-4)
    links = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("src", "href")]
    assert [link for link in links if not str(link).startswith("data:")] == []


def test_bars_lie_on_one_scale_with_zero_in_the_middle() -> None:
    text = render(FOUND, [], "no mixes here")
    page = Parsed(text)
    means = [float(attrs["cx"] or "") for tag, attrs in page.tags if tag == "circle"]
    middle = 120
    assert means[0] > middle > means[1]
    assert (means[0] - middle) / (middle - means[1]) == 1 / 4 or abs(
        (means[0] - middle) * 4 - (middle - means[1])
    ) < 0.5
    assert re.search(r"Nothing to listen to: no mixes here", page.text)
    assert "audio" not in {tag for tag, _ in page.tags}


def told(address: str, mean_db: float | None, *, lacking: str = "") -> dict[str, Any]:
    """A version as `as_json` tells it, its interval 1 dB to either side."""
    names = ("kind", "num_mixes", "num_videos", "mean_db", "low_db", "high_db", "num_silent")
    about = {"address": address, "aliases": ("champion",), "verdict": None, "lacking": lacking}
    if mean_db is None:
        return about | {"scores": [], "over_champion_db": None}
    values = ("a", 3, 4, mean_db, mean_db - 1, mean_db + 1, 0)
    return about | {"scores": [dict(zip(names, values, strict=True))], "over_champion_db": [mean_db - 5, None, None]}


def test_versions_stand_on_one_scale_and_who_lacks_scores_says_why() -> None:
    rows = [told("pixels/2", 5.0), told("pixels/1", 2.0), told("pixels/3", None, lacking="<b>damaged</b>")]
    page = Parsed(render_standings(rows, mixes="ab" * 32, mask="soft"))
    assert not page.open or page.open == ["html"]
    assert "<b>damaged</b>" in page.text  # what an error says is text
    assert {"script", "b"}.isdisjoint(tag for tag, _ in page.tags)
    lines = [attrs for tag, attrs in page.tags if tag == "line"]
    means = [float(attrs["cx"] or "") for tag, attrs in page.tags if tag == "circle"]
    assert [(float(line["x1"] or ""), float(line["x2"] or "")) for line in lines] == [(143.0, 235.0), (5.0, 97.0)]
    assert means == [189.0, 51.0]
    assert "-3.00" in page.text
