"""Film and the alignment of what is seen with what is heard."""

import torch
from torch.testing import assert_close

from stages.networks.film import Film, alignment, audio_times_s, visual_times_s


def test_times_of_maps_are_the_middles_of_what_their_steps_look_at() -> None:
    """A ramp through the convolutions' own windows: 4 wide, stride 2, padding 1 averages to its middle."""
    ramp = torch.arange(64, dtype=torch.float64)[None, None] * 0.02
    kernel = torch.full((1, 1, 4), 0.25, dtype=torch.float64)
    for levels in (1, 2, 3):
        ramp = torch.nn.functional.conv1d(ramp, kernel, stride=2, padding=1)
        times = audio_times_s(64 >> levels, hop_s=0.02, strides=[2] * levels)
        inside = slice(1, -1)  # at the ends padding joins in
        assert_close(times[inside][1:-1], ramp[0, 0, inside][1:-1])


def test_a_stride_of_one_keeps_times() -> None:
    assert_close(audio_times_s(5, hop_s=0.1, strides=[1, 1]), torch.arange(5, dtype=torch.float64) * 0.1)


def test_visual_steps_lie_between_their_pictures() -> None:
    expected = torch.tensor([1 / 16, 3 / 16, 5 / 16], dtype=torch.float64)
    assert_close(visual_times_s(3, first_s=1 / 16, rate_hz=8, average_steps=1), expected)
    # three differences at 24 Hz, the first back from 0: -1/48, 1/48, 3/48
    assert_close(visual_times_s(1, first_s=-1 / 48, rate_hz=24, average_steps=3), torch.tensor([1 / 48]).double())


def test_finer_sound_gets_motion_interpolated_linearly_and_held_at_the_ends() -> None:
    visual = torch.tensor([0.1, 0.3, 0.5], dtype=torch.float64)
    audio = torch.arange(8, dtype=torch.float64) * 0.1
    values = torch.tensor([2.0, 6.0, -4.0])
    found = alignment(visual, audio) @ values
    assert_close(found, torch.tensor([2.0, 2.0, 4.0, 6.0, 1.0, -4.0, -4.0, -4.0]))


def test_coarser_sound_sees_every_step() -> None:
    """The paper's six strides leave three seconds less than three steps: no motion may fall between them."""
    visual = visual_times_s(23, first_s=1 / 16, rate_hz=8, average_steps=1)
    audio = audio_times_s(3, hop_s=172 / 11025, strides=[2] * 6)
    weights = alignment(visual, audio)
    assert_close(weights.sum(dim=1), torch.ones(3))
    assert weights.sum(dim=0).min() > 0


def test_a_linear_motion_stays_linear_in_true_time() -> None:
    visual = visual_times_s(23, first_s=1 / 16, rate_hz=8, average_steps=1)
    audio = audio_times_s(32, hop_s=260 / 11025, strides=[2, 2])
    inside = (audio >= visual[0]) & (audio <= visual[-1])
    assert inside.sum() > 25
    assert_close((alignment(visual, audio).double() @ visual)[inside], audio[inside], atol=1e-6, rtol=0)


def test_one_step_holds_all_the_time() -> None:
    assert_close(alignment(torch.zeros(1), torch.arange(4.0)), torch.ones(4, 1))


def test_film_scales_and_shifts_by_linear_layers() -> None:
    film = Film(2, 3)
    maps, seen = torch.randn(2, 1, 3, 4, 5), torch.randn(2, 2, 5, 2)
    found = film(maps, seen)
    gamma, beta = film.gamma(seen[1, 0, 4]), film.beta(seen[1, 0, 4])
    assert found.shape == (2, 2, 3, 4, 5)
    assert_close(found[1, 0, :, 2, 4], gamma * maps[1, 0, :, 2, 4] + beta)
    assert_close(film(maps, torch.zeros(2, 2, 5, 2)), maps.expand(-1, 2, -1, -1, -1))
