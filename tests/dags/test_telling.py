"""The summary of a run: what was new, scores with intervals, the verdict, links."""

from pathlib import Path
from typing import Any

from telling import Told, receipts, run_page, summary, version_page

VERSION: dict[str, Any] = {
    "number": "4",
    "run_id": "abc",
    "tags": {"verdict": "rejected", "reasons": "surely not better; it is too slow"},
}
SCORES: dict[str, Any] = {
    "same2": {"si_sdri": None, "si_sdri_low": None, "si_sdri_high": None, "n": 0},
    "different2": {"si_sdri": 5.25, "si_sdri_low": 4.5, "si_sdri_high": 6.0, "n": 60},
    "video2": {"si_sdri": 1.0, "si_sdri_low": None, "si_sdri_high": None, "n": 1},
}


def told(**changes: Any) -> Told:
    values: dict[str, Any] = {
        "arrival": {"arrival": "inbox-20260102-ab", "videos": ["a.mp4", "b.mp4"]},
        "admission": {"new": 2, "videos": 40},
        "metrics": {"pixels": SCORES},
        "versions": {"pixels": VERSION},
        "outcomes": {"pixels": "rejected"},
        "duration_s": 3723.4,
    }
    return Told(**values | changes)


def test_it_says_what_was_new_how_good_it_is_and_why_it_was_not_promoted() -> None:
    text = summary(told(), "http://me:secret@mlflow.example:5000")
    assert text.splitlines() == [
        "**New**: 2 videos arrived in inbox-20260102-ab; 2 of 40 were not in the last good run",
        "",
        "**pixels version 4**: rejected (verdict rejected)",
        "* surely not better",
        "* it is too slow",
        "* different2: SI-SDR improved by 5.25 dB [4.50, 6.00], 60 mixes",
        "* video2: SI-SDR improved by 1.00 dB, 1 mixes",
        "* version: http://mlflow.example:5000/#/models/pixels/versions/4",
        "* run: http://mlflow.example:5000/#/runs/abc",
        "",
        "**Time**: 1:02:03",
        "",
        "MLflow: http://mlflow.example:5000",
    ]


def test_a_run_without_news_or_wish_to_promote_says_that() -> None:
    text = summary(told(arrival={}, admission={}, outcomes={}), "sqlite:////w/mlflow.db")
    assert "**New**: no video arrived\n" in text
    assert "nobody asked to promote it" in text
    assert "mlflow ui --backend-store-uri sqlite:////w/mlflow.db" in text


def test_pages_of_a_registry_in_a_file_are_those_of_a_local_server() -> None:
    assert version_page("sqlite:////w/mlflow.db", "pixels", "1") == "http://127.0.0.1:5000/#/models/pixels/versions/1"
    assert run_page("https://mlflow.example/x/", "r") == "https://mlflow.example/x/#/runs/r"


def test_receipts_are_read_by_model(tmp_path: Path) -> None:
    (tmp_path / "pixels.json").write_text('{"version": "1"}', encoding="utf-8")
    (tmp_path / "motions.json").write_text('{"version": "2"}', encoding="utf-8")
    assert receipts(tmp_path) == {"motions": {"version": "2"}, "pixels": {"version": "1"}}
