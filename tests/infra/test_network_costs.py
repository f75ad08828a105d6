"""The table of docs/networks.md says what the networks of today are."""

from pathlib import Path

from infra.network_costs import rewritten

DOCUMENT = Path("docs/networks.md")


def test_the_table_is_what_is_counted_today() -> None:
    """Made anew by `python -m infra.network_costs docs/networks.md`."""
    text = DOCUMENT.read_text(encoding="utf-8")
    assert rewritten(text) == text
    assert "| 12.27 |" in text  # I3D's 12.29 M without its head, its stem for two channels in place of three
