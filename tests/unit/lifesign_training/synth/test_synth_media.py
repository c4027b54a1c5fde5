"""Prints, screens and how they stand before the camera."""

from dataclasses import replace

import numpy as np
import pytest

from lifesign_training.synth.displays import draw_display, screen_radiance
from lifesign_training.synth.geometry import Box
from lifesign_training.synth.lighting import draw_lighting
from lifesign_training.synth.placement import Placement, capture_box, draw_placement, place
from lifesign_training.synth.prints import draw_print, reflectance

SIDE, STEPS = 32, 3
LIGHT = draw_lighting("indoor_even", np.random.default_rng(0))
STRAIGHT = Placement(zoom=0.8, turn=0.0, shift=(0.0, 0.0), perspective=(0.0, 0.0), bend=0.0)


def grey(value):
    return np.full((SIDE * STEPS, SIDE * STEPS, 3), value, np.float32)


def print_of(value, species="print_laser", **changes):
    job = replace(draw_print(species, 1.0, np.random.default_rng(2)), **changes)
    sheet = place(STRAIGHT, side=SIDE, steps=STEPS)
    return reflectance(grey(value), sheet.x_px, sheet.y_px, job, samples_per_px=STEPS)


def spread_along_rows(image):
    return float(image.mean(axis=2).std())


@pytest.mark.parametrize("species", ["print_laser", "print_inkjet_photo"])
def test_more_ink_reflects_less(species):
    means = [print_of(value, species).mean() for value in (0.9, 0.5, 0.2, 0.02)]

    assert means == sorted(means, reverse=True)
    assert means[0] < 0.9  # paper is never brighter than paper
    assert means[-1] < 0.15


def test_a_resolved_halftone_has_dots_and_an_unresolved_one_none():
    coarse, fine = print_of(0.2, pitch=2.2), print_of(0.2, pitch=0.5)

    assert spread_along_rows(coarse) > 4 * spread_along_rows(fine)
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.25)


def screen_of(species, pitch, strength=1.0):
    drawn = draw_display(species, strength, np.random.default_rng(4))
    display = replace(drawn, pitch=pitch, reflection=0.0, glare=0.0, banding=0.0, tilt=(0.0, 0.0))
    sheet = place(STRAIGHT, side=SIDE, steps=STEPS)
    return screen_radiance(
        grey(0.5), sheet.x, sheet.y, sheet.x_px, sheet.y_px, display, LIGHT, samples_per_px=STEPS
    )


@pytest.mark.parametrize("species", ["replay_lcd_monitor", "replay_tablet", "replay_phone_oled"])
def test_sub_pixels_show_only_when_the_grid_resolves_them(species):
    coarse, fine = screen_of(species, 2.0), screen_of(species, 0.4)

    assert coarse[..., 0].std() > 0.1
    assert fine[..., 0].std() < 0.02
    assert coarse.mean() == pytest.approx(fine.mean(), rel=0.15)


def test_red_and_blue_stripes_of_a_monitor_do_not_coincide():
    screen = screen_of("replay_lcd_monitor", 2.0)

    assert np.corrcoef(screen[..., 0].ravel(), screen[..., 2].ravel())[0, 1] < 0


def test_strength_scales_the_structure():
    weak, strong = (screen_of("replay_tablet", 1.5, strength)[..., 0].std() for strength in (0.2, 1.0))

    assert strong > 1.5 * weak


def test_a_filling_sheet_has_no_border_and_a_small_one_has():
    assert not place(STRAIGHT, side=SIDE, steps=1).border_visible
    assert place(replace(STRAIGHT, zoom=1.2), side=SIDE, steps=1).border_visible


def test_about_sixty_percent_of_placements_fill_the_frame():
    rng = np.random.default_rng(0)

    filling = sum(draw_placement(rng, bends=True).zoom < 1 for _ in range(400))

    assert 210 < filling < 290


def test_the_box_follows_the_sheet():
    box = Box(-0.4, -0.4, 0.4, 0.4)

    seen = capture_box(replace(STRAIGHT, zoom=0.5), box)

    assert seen == pytest.approx(Box(-0.8, -0.8, 0.8, 0.8)) or (
        seen.left == pytest.approx(-0.8) and seen.bottom == pytest.approx(0.8)
    )
