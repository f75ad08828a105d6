"""Whether videos may be trained on: bounds on what is new, and on how far it has drifted from the last good run.

A check on a sample of new videos refuses only what is surely beyond its bound: few videos say little, and one bad file
among three is no reason to stop an unattended run.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, mannwhitneyu

from stages.admission.videos import Video, Videos
from stages.bounds import Admit


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `found` is None where it cannot be told, `note` then says why."""

    name: str
    found: float | None
    bound: float
    refused: bool
    note: str


def examine(present: Videos, known: Videos | None, num_leaks: int, admit: Admit) -> list[Check]:
    """All checks, in the order in which they are shown.

    Args:
        present: Of this run.
        known: Of the last good run; None: all videos are new, and there is nothing to have drifted from.
        num_leaks: Pairs of videos of different splits that share something.
        admit: Bounds.
    """
    old_ids = {video.video_id for video in known.taken} if known else set[str]()
    new = [video for video in present.taken if video.video_id not in old_ids]
    leaks = Check("leaks", num_leaks, admit.max_leaks, num_leaks > admit.max_leaks, "pairs across splits")
    return [
        _rejects(present, known, len(new), admit),
        _flags(new, admit),
        leaks,
        *([] if known is None else _drift(present, known, new, admit)),
    ]


def label_distance(first: Iterable[str | None], second: Iterable[str | None]) -> float:
    """Total variation between the shares of labels, 0..1; videos without a label count as one label of their own."""
    ours, theirs = Counter(first), Counter(second)
    shares = [(ours[label] / max(1, ours.total()), theirs[label] / max(1, theirs.total())) for label in ours | theirs]
    return sum(abs(one - other) for one, other in shares) / 2


def _rejects(present: Videos, known: Videos | None, num_new: int, admit: Admit) -> Check:
    """Files of which nothing was taken, of all new ones; a file with some clips left is a taken one."""
    before = {reject.path for reject in known.refused} if known else set[str]()
    taken = {video.path for video in present.taken}
    num_bad = len({reject.path for reject in present.refused} - before - taken)
    return _share("rejected", (num_bad, num_new + num_bad), "new files", admit.max_reject_share, admit)


def _flags(new: Sequence[Video], admit: Admit) -> Check:
    flagged = sum(video.is_flagged for video in new)
    return _share("still or dubbed", (flagged, len(new)), "new videos", admit.max_flagged_share, admit)


def _share(name: str, counts: tuple[int, int], of: str, bound: float, admit: Admit) -> Check:
    count, total = counts
    if not total:
        return Check(name, None, bound, refused=False, note=f"no {of}")
    # P(so many or more) if the true share were the bound (Clopper and Pearson's test)
    p = binomtest(count, total, bound, alternative="greater").pvalue
    return Check(name, count / total, bound, bool(p < admit.significance), f"{count} of {total} {of}")


def _drift(present: Videos, known: Videos, new: Sequence[Video], admit: Admit) -> Iterator[Check]:
    here = {video.video_id for video in present.taken}
    old = [video for video in known.taken if video.video_id in here]
    num_gone = len(known.taken) - len(old)
    gone = num_gone / max(1, len(known.taken))
    told = f"{num_gone} of the last run's {len(known.taken)} videos"
    yield Check("vanished", gone, admit.max_vanished_share, gone > admit.max_vanished_share, told)
    labels = label_distance((v.label for v in present.taken), (v.label for v in known.taken))
    bound = admit.max_label_distance
    yield Check("labels", labels, bound, labels > bound, "total variation to the last run")
    shift = admit.max_loudness_shift_db
    yield _shifted("loudness, dB", [v.rms_db for v in new], [v.rms_db for v in known.taken], shift, admit)
    ratio = admit.max_duration_ratio
    lengths = [np.log(v.duration_s) for v in new], [np.log(v.duration_s) for v in known.taken]
    found = _shifted("duration", *lengths, float(np.log(ratio)), admit)
    times = None if found.found is None else float(np.exp(found.found))
    yield Check("duration, times", times, ratio, found.refused, found.note)


def _shifted(name: str, new: Sequence[float], old: Sequence[float], bound: float, admit: Admit) -> Check:
    """Distance of the medians; refused where it is beyond the bound and no accident by the rank test."""
    if min(len(new), len(old)) < admit.min_videos:
        few = f"{len(new)} new videos beside {len(old)}, at least {admit.min_videos} of each are needed"
        return Check(name, None, bound, refused=False, note=few)
    found = abs(float(np.median(new) - np.median(old)))
    p = float(mannwhitneyu(new, old).pvalue)
    refused = found > bound and p < admit.significance
    return Check(name, found, bound, refused, f"medians of {len(new)} new and {len(old)} known videos, p {p:.2g}")
