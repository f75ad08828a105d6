"""A small decoded world with fixed mixes of its test split."""

from pathlib import Path

from stages import layout
from stages.params import Evaluate
from stages.shards.schema import MixSource
from stages.shards.tables import write_rows
from tests.synth.learning import write_world
from tests.synth.signals import mix_rows

EVALUATE = Evaluate(mask="soft", filter_taps=32, bootstrap_resamples=200, bootstrap_seed=1)


def write_test_world(root: Path) -> None:
    """Decoded clips under `root` and two test mixes beside two validation mixes."""
    write_world(root)
    rows = [
        *mix_rows("valid", ["0-0", "1-0"], "validation"),
        *mix_rows("mix0", ["0-2", "1-2"]),
        *mix_rows("mix1", ["2-2", "3-2"]),
    ]
    write_rows(root / layout.MIXES, rows, MixSource)
