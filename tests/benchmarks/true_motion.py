"""How far trajectories stray from true motion: `python -m tests.benchmarks.true_motion [result.json]`.

No benchmark of speed. Medians over all points of a part and all stretches in which it moves, px of the frame. `still`
is how far the part was carried: the error of no motion at all. `true` follows the true flow on the quarter grid, so it
says what thin parts lose to the grid. The others follow estimated flow: DIS's, and that of our PWC-Net as `params.yaml`
has it, with one look and with two.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from pathlib import Path

import torch
from torch import Tensor

from stages import layout
from stages.motion.consistency import inside, leads_home
from stages.motion.estimator import FlowEstimator, build, find_origin
from stages.motion.trajectories import Size
from stages.params import Flow, read
from tests.benchmarks.timing import tell
from tests.synth.true_motion import errors_px, lively_stretches, median_errors_px, moving, true_flow

PARTS = {
    "violin": ("bow", "right_hand", "right_forearm"),
    "cello": ("bow", "right_hand", "right_forearm"),
    "xylophone": ("right_mallet", "right_hand"),
}
SIGHTS = {"128 px, 8 Hz": (128, 8), "192 px, 24 Hz": (192, 24)}  # as clips are stored by default; as films are rendered
STEPS = (1, 4, 8)
LEAST_SHARE = 0.02  # of the frame's side: a part that is carried less in a stretch counts as resting
DURATION_S = 4.0
BATCH_PAIRS = 16
ESTIMATORS = {"dis": {"backend": "dis"}, "ours": {"looks": 1}, "ours twice": {"looks": 2}}  # changes of params
DOUBTED = "ours"  # whose lost points are counted


def main() -> None:
    torch.set_num_threads(1)
    declared = read(Path("params.yaml")).flow
    wanted = {name: declared.model_copy(update=changes) for name, changes in ESTIMATORS.items()}
    table = {name: seen(wanted, *sight) for name, sight in SIGHTS.items()}
    about = {name: str(find_origin(flow, layout.WEIGHTS)) for name, flow in wanted.items()}
    tell({"seconds": DURATION_S, "flow": about, "median_error_px": table})


def seen(wanted: dict[str, Flow], side_px: int, frame_rate_hz: int) -> dict[str, dict[str, dict[str, float]]]:
    """Errors by part and number of steps."""
    estimators = {name: build(flow, find_origin(flow, layout.WEIGHTS), layout.WEIGHTS) for name, flow in wanted.items()}
    found: dict[str, dict[str, dict[str, float]]] = {}
    for instrument, parts in PARTS.items():
        film = moving(instrument, side_px=side_px, frame_rate_hz=frame_rate_hz, duration_s=DURATION_S)
        ways = film.frames[:-1], film.frames[1:]
        estimated = {name: estimate(estimator, *ways)[None] for name, estimator in estimators.items()}
        doubted = estimated[DOUBTED]
        valid = believed(doubted[0], estimate(estimators[DOUBTED], *ways[::-1]), film.size)
        flows = {"true": true_flow(film)} | estimated
        for part in parts:
            for steps in STEPS:
                stretches = lively_stretches(film, part, steps, LEAST_SHARE * side_px)
                errors = median_errors_px(film, part, flows, stretches)
                all_points = sum(len(errors_px(film, part, doubted, stretch)) for stretch in stretches)
                kept = torch.cat([errors_px(film, part, doubted, stretch, valid) for stretch in stretches])
                errors |= {f"{DOUBTED}_not_lost": float(kept.median()), "share_not_lost": len(kept) / all_points}
                rounded = {name: round(value, 2) for name, value in errors.items()}
                found.setdefault(f"{instrument}: {part}", {})[f"{steps} steps"] = rounded
    return found


def estimate(estimator: FlowEstimator, first: Tensor, second: Tensor) -> Tensor:
    """Flow of all pairs, (S, 2, h, w)."""
    batches = zip(first.split(BATCH_PAIRS), second.split(BATCH_PAIRS), strict=True)
    return torch.cat([estimator(*batch) for batch in batches])


def believed(flow: Tensor, back: Tensor, size: Size) -> Tensor:
    """Validity by the default check, (1, S, h, w)."""
    home = leads_home(flow, back, relative=0.01, absolute_px2=0.5)
    return (home & inside(flow, size.height, size.width)).float()[None]


if __name__ == "__main__":
    main()
