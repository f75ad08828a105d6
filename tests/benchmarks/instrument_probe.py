"""How well a linear probe tells the instrument from a picture: from what is no instrument it must not.

    python -m tests.benchmarks.instrument_probe 200        # performances of each instrument; prints JSON

"scenery" sees the scene without its player. "person" sees the same person, in the same place, clothes, light and
camera, but with idle arms and no instrument: all that is drawn beside the instrument and the way it is held. (Cutting
the player out of the real picture instead would leave a hole in the shape of the pose, and what an instrument hides of
the clothes tells the instrument too.) "picture" sees the real picture and shows that the probe can learn. All see
8 x 8 cells.
"""

import json
import sys
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stages.performances.figure import FOREARM, UPPER_ARM, arms, head, left_arm, right_arm, torso
from stages.performances.film import Cast, Performance, cast, film, perform
from stages.performances.geometry import compose, place
from stages.performances.players.band import BAND
from stages.performances.scene import standing
from stages.performances.take import Staging, Take

SIDE_PX = 64
CELLS = 8

Picture = NDArray[np.uint8]


def probe(num_performances: int) -> dict[str, Any]:
    """Cross-validated accuracies (5 folds) over `num_performances` of each instrument, and what guessing reaches."""
    seen = [views(name, number) for name in BAND for number in range(num_performances)]
    labels = np.repeat(np.arange(len(BAND)), num_performances)
    chance = 1 / len(BAND)
    scores = {view: accuracy(np.stack([one[view] for one in seen]), labels) for view in seen[0]}
    deviation = round(float(np.sqrt(chance * (1 - chance) / len(labels))), 4)
    return {"instruments": len(BAND), "n": len(labels), "chance": chance, "chance_deviation": deviation, **scores}


def views(name: str, number: int) -> dict[str, NDArray[np.float64]]:
    """What the probe sees of one performance."""
    staging = Staging(shifted=False, silent=None, distracted=number % 2 == 0, idle=0.25, offset_ms=40.0, jitter_ms=15.0)
    take = Take(1, "probe", (name,), number, 2.0, frame_rate_hz=12, side_px=SIDE_PX, staging=staging)
    performance = perform(take)
    drawn = cast(performance)
    nobody = replace(drawn, parts=(), players=(), affines=drawn.affines[:, :0])
    shown = {"scenery": nobody, "person": idle(performance, drawn), "picture": drawn}
    return {view: cells(first_frame(performance, one)) for view, one in shown.items()}


def idle(performance: Performance, drawn: Cast) -> Cast:
    """The person of a performance, arms hanging, in the middle of where player and instrument stand."""
    stand, times_s = performance.scene.stands[0], performance.take.times_s
    frame = compose(drawn.camera, standing(stand, (0.0, 15.0), times_s))
    hanging = np.zeros(len(times_s))
    poses = {"torso": place(0.0, 0.0), "head": place(0.0, -1.5)}
    for side, arm in ((-1, right_arm(UPPER_ARM, FOREARM, bend=1.0)), (1, left_arm(UPPER_ARM, FOREARM, bend=-1.0))):
        poses |= arm.reach(hanging + side * 19.0, hanging + 41.0, 90.0)
    parts = (torso(stand.outfit), head(stand.outfit, 0.0), *arms(stand.outfit, "right"), *arms(stand.outfit, "left"))
    affines = np.stack([compose(frame, poses[part.name]) for part in parts], axis=1)
    return Cast(parts, (0,) * len(parts), affines, drawn.camera)


def first_frame(performance: Performance, drawn: Cast) -> Picture:
    """RGB (SIDE_PX, SIDE_PX, 3)."""
    return next(iter(islice(film(performance, drawn), 1)))


def cells(picture: Picture) -> NDArray[np.float64]:
    """Mean colours of CELLS x CELLS cells, flat."""
    step = SIDE_PX // CELLS
    return picture.reshape(CELLS, step, CELLS, step, 3).mean(axis=(1, 3)).ravel()


def accuracy(features: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Mean accuracy of a regularised linear probe over 5 folds."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    return round(float(cross_val_score(model, features, labels, cv=folds).mean()), 4)


if __name__ == "__main__":
    print(json.dumps(probe(int(sys.argv[1])), indent=1))
