"""Whether what is heard begins when something begins to move: the likelihood of coinciding onsets.

With a_t, v_t in {0, 1} for onsets of sound and of motion in frame t, and each frame a match with probability p,
log L = N_match log p + (T - N_match) log(1 - p) and N_match = 2 a'v - 1'a - 1'v + T. A tolerance of n frames counts in
a'v every onset of motion that is within n frames of one of sound. Onsets of motion are more than 2 n frames apart, so
no two of them count for one onset of sound, and N_match is what it would be if each were moved to where it belongs.
(The onsets are those of Barzelay and Schechner 2007, Harmony in motion: sudden sound, accelerating motion.)

Axes: C clips of a video, R regions of the picture, T motion frames, S = T circular shifts of the sound, G cells a side.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from stages.audio.onsets import peaks

_STILLEST = 0.1  # luma levels: smaller changes of a region's motion are those of a codec
_REACH_S = 0.25  # of the local mean, to either side
_LONGEST_REPEAT_FRAMES = 2  # a picture that stays longer stands still
_CHUNK = 256  # pairs at once


@dataclass(frozen=True, slots=True)
class Evidence:
    """How well sound and motion coincide in the region of the picture and with the lead that fit best."""

    num_frames: int  # T
    num_audio_onsets: int
    num_visual_onsets: int  # of that region
    p: float  # maximum-likelihood probability of a match, N_match / T
    ll: float  # log-likelihood at p, nats a frame
    lift: float  # log-likelihood under p less its mean over all circular shifts of the sound, each fitted alike


def spread_repeats(motion: Tensor) -> Tensor:
    """Motion (T, G, G) where what follows one or two repeated pictures is spread evenly over them.

    A film of fewer pictures a second than the motion signal repeats some: their difference is exactly zero everywhere,
    and the next one shows the motion of all of them at once.
    """
    spread, length = motion.clone(), 0
    for frame, still in enumerate((motion.flatten(1).amax(dim=1) == 0).tolist()):
        if not still and 0 < length <= _LONGEST_REPEAT_FRAMES:
            spread[frame - length : frame + 1] = motion[frame] / (length + 1)
        length = length + 1 if still else 0
    return spread


def motion_rise(motion: Tensor) -> Tensor:
    """Half-wave rectified change of motion, (T, G, G): entry t is what frame t has more than t - 1; 0 at first."""
    return functional.pad(functional.relu(motion[1:] - motion[:-1]), (0, 0, 0, 0, 1, 0))


def region_curves(rise: Tensor) -> Tensor:
    """Root mean square of the rise in 3 x 3 overlapping regions, each half the picture wide and high, (R, T)."""
    half = rise.shape[-1] // 2
    return functional.avg_pool2d(rise.square()[:, None], half, half // 2).sqrt().flatten(1).T


def cell_curves(rise: Tensor) -> Tensor:
    """Root mean square of the rise in each cell and its neighbours, (G, G, T)."""
    around = functional.avg_pool2d(rise.square()[:, None], 3, 1, 1, count_include_pad=False)
    return around[:, 0].sqrt().permute(1, 2, 0)


def visual_onsets(curves: Tensor, motion_rate_hz: int, *, tolerance: int, rise: float) -> Tensor:
    """Where motion speeds up, bool (..., T), for curves (..., T); `rise` is in units of a curve's own mean."""
    relative = curves / (curves.mean(dim=-1, keepdim=True) + _STILLEST)
    return peaks(relative, gap=2 * tolerance + 1, reach=round(_REACH_S * motion_rate_hz), rise=rise)


def on_motion_frames(times_s: Tensor, num_frames: int, motion_rate_hz: int, *, first_s: float) -> Tensor:
    """Onsets of sound on the frames of motion's rise, bool (T,): each on the frame that is nearest.

    Args:
        times_s: (N,), on any clock.
        num_frames: T.
        motion_rate_hz: Of the motion signal.
        first_s: Time of entry 0 of `motion_rise` on that clock. Motion frame t is the difference of pictures t - 1 and
            t and so stands for the time between them; its rise from frame t - 1 is the acceleration at picture t - 1.
    """
    frames = torch.floor((times_s - first_s) * motion_rate_hz + 0.5).long()
    onsets = torch.zeros(num_frames, dtype=torch.bool)
    onsets[frames[(frames >= 0) & (frames < num_frames)]] = True
    return onsets


def num_matches(num_hits: Tensor, num_audio: Tensor, num_visual: Tensor, num_frames: int) -> Tensor:
    """N_match = 2 a'v - 1'a - 1'v + T."""
    return 2 * num_hits - num_audio - num_visual + num_frames


def log_likelihood(matches: Tensor, num_frames: int, p: Tensor) -> Tensor:
    """N_match log p + (T - N_match) log(1 - p), nats; with 0 log 0 = 0."""
    return torch.xlogy(matches, p) + torch.xlogy(num_frames - matches, 1 - p)


def hits(sound: Tensor, motion: Tensor, *, tolerance: int) -> Tensor:
    """Number a'v of onsets of motion (..., T) within `tolerance` frames of one of sound (T,) or (..., T)."""
    return (_widened(sound, tolerance) * motion.float()).sum(dim=-1)


def shifted_hits(sound: Tensor, motion: Tensor, *, tolerance: int) -> Tensor:
    """Hits at each circular shift of the sound, (..., R, S), of sound (..., T) and motion (..., R, T); 0 first."""
    num_frames = sound.shape[-1]
    steps = torch.arange(num_frames)
    shifted = _widened(sound, tolerance)[..., (steps[:, None] - steps) % num_frames]  # (..., T, S)
    return motion.float() @ shifted


def weigh(sound: Tensor, motion: Tensor, *, tolerance: int, leads: int) -> list[Evidence]:
    """Evidence of B pairs of sound and motion.

    A pair may be of C clips: region and lead are then one for all of them, and each clip's sound is shifted in itself.

    Args:
        sound: Onsets, bool (B, C, T).
        motion: Onsets of each region, bool (B, C, R, T).
        tolerance: Frames.
        leads: Motion may lead by 0 to so many frames (in a circle), whichever fits best.
    """
    chunks = zip(sound.split(_CHUNK), motion.split(_CHUNK), strict=True)
    return [evidence for some, others in chunks for evidence in _weigh(some, others, tolerance, leads)]


def _weigh(sound: Tensor, motion: Tensor, tolerance: int, leads: int) -> list[Evidence]:
    num_frames = sound.shape[1] * sound.shape[2]
    num_audio, num_visual = sound.sum(dim=(1, 2)), motion.sum(dim=(1, 3))  # (B,), (B, R)
    hits_BRS = shifted_hits(sound, motion, tolerance=tolerance).sum(dim=1)
    unled_BRS = region_ranks(hits_BRS, num_visual[..., None])
    ranks_BRS = torch.stack([unled_BRS.roll(lead, dims=-1) for lead in range(leads + 1)]).amax(dim=0)
    matches = ranks_BRS.amax(dim=1).double() - num_audio[:, None] + num_frames  # (B, S)
    p = matches[:, 0] / num_frames
    # at one p for all: a shift's own maximum would be high for too few matches as well as for many
    bounded = p.clamp(0.5 / num_frames, 1 - 0.5 / num_frames)
    under_p = log_likelihood(matches, num_frames, bounded[:, None])
    lift = (under_p[:, 0] - under_p.mean(dim=1)) / num_frames
    ll = log_likelihood(matches[:, 0], num_frames, p) / num_frames
    chosen = num_visual.gather(1, ranks_BRS[..., 0].argmax(dim=1, keepdim=True))[:, 0]
    columns = (num_audio.tolist(), chosen.tolist(), p.tolist(), ll.tolist(), lift.tolist())
    return [Evidence(num_frames, *values) for values in zip(*columns, strict=True)]


def region_ranks(num_hits: Tensor, num_visual: Tensor) -> Tensor:
    """2 a'v - 1'v: orders regions for fixed sound and p > 1/2; without the 2 none would beat a still one."""
    return 2 * num_hits - num_visual


def coincidence_map(sound: Tensor, cells: Tensor, *, tolerance: int) -> Tensor:
    """Rank of each cell, (G, G), of onsets of sound (T,) and of each cell (G, G, T): where the sound is seen."""
    return region_ranks(hits(sound, cells, tolerance=tolerance), cells.sum(dim=-1))


def around(maps: Tensor) -> Tensor:
    """Mean of each cell and the two next to it in all directions, float (N, G, G): players are larger than a cell."""
    return functional.avg_pool2d(maps.float()[:, None], 5, 1, 2, count_include_pad=False)[:, 0]


def area_under_curve(matched: Sequence[float], mismatched: Sequence[float]) -> float | None:
    """Probability that a matched pair scores higher than a mismatched one, ties counting half; None without either."""
    if not matched or not mismatched:
        return None
    own = torch.tensor(matched, dtype=torch.float64)
    others = torch.tensor(mismatched, dtype=torch.float64).sort().values
    below = torch.searchsorted(others, own) + torch.searchsorted(others, own, right=True)
    return (below.double() / (2 * len(others))).mean().item()


def _widened(sound: Tensor, tolerance: int) -> Tensor:
    """1 within `tolerance` frames of an onset, else 0; float, same shape."""
    flat = sound.float().reshape(-1, 1, sound.shape[-1])
    return functional.max_pool1d(flat, 2 * tolerance + 1, stride=1, padding=tolerance).reshape(sound.shape)
