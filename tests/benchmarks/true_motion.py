"""How far trajectories stray from true motion: `python -m tests.benchmarks.true_motion [result.json]`.

No benchmark of speed. Medians over all points of a part and all stretches in which it moves, px of the frame. `still`
is how far the part was carried: the error of no motion at all. `true` follows the true flow on the quarter grid, so it
says what thin parts lose to the grid. The others follow estimated flow.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import torch
from torch import Tensor

from stages.motion.consistency import inside, leads_home
from stages.motion.opencv_flow import DisEstimator
from stages.motion.trajectories import Size
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


def main() -> None:
    torch.set_num_threads(1)
    tell({"seconds": DURATION_S, "median_error_px": {name: seen(*sight) for name, sight in SIGHTS.items()}})


def seen(side_px: int, frame_rate_hz: int) -> dict[str, dict[str, dict[str, float]]]:
    """Errors by part and number of steps."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for instrument, parts in PARTS.items():
        film = moving(instrument, side_px=side_px, frame_rate_hz=frame_rate_hz, duration_s=DURATION_S)
        dis = DisEstimator()(film.frames[:-1], film.frames[1:])
        valid = believed(dis, DisEstimator()(film.frames[1:], film.frames[:-1]), film.size)
        flows = {"true": true_flow(film), "dis": dis[None]}
        for part in parts:
            for steps in STEPS:
                stretches = lively_stretches(film, part, steps, LEAST_SHARE * side_px)
                errors = median_errors_px(film, part, flows, stretches)
                all_points = sum(len(errors_px(film, part, dis[None], stretch)) for stretch in stretches)
                kept = torch.cat([errors_px(film, part, dis[None], stretch, valid) for stretch in stretches])
                errors |= {"dis_not_lost": float(kept.median()), "share_not_lost": len(kept) / all_points}
                rounded = {name: round(value, 2) for name, value in errors.items()}
                found.setdefault(f"{instrument}: {part}", {})[f"{steps} steps"] = rounded
    return found


def believed(flow: Tensor, back: Tensor, size: Size) -> Tensor:
    """Validity by the default check, (1, S, h, w)."""
    home = leads_home(flow, back, relative=0.01, absolute_px2=0.5)
    return (home & inside(flow, size.height, size.width)).float()[None]


if __name__ == "__main__":
    main()
