"""One plan row becomes one picture: person, medium and camera put together."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lifesign_training.synth.camera import (
    DEVICES,
    SOURCE_CAMERA,
    Shot,
    draw_shot,
    photograph,
    sensor_side,
)
from lifesign_training.synth.colour import MONK_TONES, Image, decode_srgb
from lifesign_training.synth.displays import draw_display, screen_radiance
from lifesign_training.synth.face import Sitting, portrait
from lifesign_training.synth.fields import over, soft_inside
from lifesign_training.synth.geometry import Box, Pose, draw_pose, face_box, frontal_pose
from lifesign_training.synth.hair import draw_clothes
from lifesign_training.synth.identity import Identity, draw_identity
from lifesign_training.synth.lighting import LIGHTINGS, Lighting, draw_lighting, flat_irradiance
from lifesign_training.synth.masks import CutOut, paper_mask, rigid_mask
from lifesign_training.synth.placement import Sheet, capture_box, draw_placement, place
from lifesign_training.synth.plan import PlanRow
from lifesign_training.synth.prints import draw_print, paper_radiance, reflectance
from lifesign_training.synth.scene import BACKGROUNDS, background

__all__ = ["Rendered", "render", "render_image"]

_LIVE_STEPS = 2  # radiance samples per sensor px and axis
_MEDIUM_STEPS = 3  # screens and halftones have finer structure
_SOURCE_SIZE = 1.9  # side of the attacker's source photo over the output side
_LIVE_SCALE = (0.56, 0.80)
_SOURCE_SCALE = (0.54, 0.72)


@dataclass(frozen=True)
class Rendered:
    """A picture, uint8 ``(size, size, 3)`` sRGB, and what is known about it.

    ``face`` is in half-frames; ``medium`` is "none" and ``pitch`` (sensor px) 0 where there is none.
    """

    image: NDArray[np.uint8]
    face: Box
    yaw: float
    glasses: bool
    beard: bool
    jpeg_quality: int
    medium: str
    pitch: float
    border_visible: bool


@dataclass(frozen=True)
class _Scene:
    """Radiance for the capture camera, and the row's facts."""

    radiance: Image
    face: Box
    yaw: float
    medium: str = "none"
    pitch: float = 0.0
    border_visible: bool = False


def render_image(row: PlanRow) -> NDArray[np.uint8]:
    """Return the picture of a plan row, uint8 ``(size, size, 3)`` sRGB."""
    return render(row).image


def render(row: PlanRow) -> Rendered:
    """Render a plan row; a pure function of the row."""
    rng = np.random.default_rng([row.seed, 101])
    person = draw_identity(row.subject_seed, row.tone)
    light = draw_lighting(row.lighting, rng)
    shot = draw_shot(DEVICES[row.device], rng, light=light.exposure)
    if row.species.startswith("replay"):
        # Focusing on a bright screen close by is harder than on a face at arm's length.
        shot = replace(shot, blur=shot.blur * float(rng.uniform(1.0, 1.35)))
    if row.jpeg_quality is not None:
        shot = replace(shot, jpeg_quality=row.jpeg_quality)
    scene = _stage(row, person, light, shot, rng)
    return Rendered(
        image=photograph(scene.radiance, shot, row.size),
        face=scene.face,
        yaw=scene.yaw,
        glasses=person.glasses > 0,
        beard=person.beard > 0,
        jpeg_quality=shot.jpeg_quality,
        medium=scene.medium,
        pitch=scene.pitch,
        border_visible=scene.border_visible,
    )


def _stage(row: PlanRow, person: Identity, light: Lighting, shot: Shot, rng: np.random.Generator) -> _Scene:
    side = sensor_side(shot.device, row.size)
    if not row.species:
        sitting = _sitting(row.session_seed, light, draw_pose(rng, scale=_LIVE_SCALE))
        radiance = portrait(person, sitting, side * _LIVE_STEPS)
        return _Scene(radiance, face_box(person, sitting.pose), sitting.pose.yaw)
    if row.species.startswith("mask"):
        return _masked(row, person, light, side, rng)
    return _recaptured(row, person, light, side, rng)


def _sitting(session_seed: int, light: Lighting, pose: Pose) -> Sitting:
    rng = np.random.default_rng([session_seed, 102])
    clothes = draw_clothes(rng)
    place_name = BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))]
    return Sitting(pose, light, clothes, place_name, int(rng.integers(2**31)))


def _source_photo(row: PlanRow, person: Identity, pose: Pose, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return the attacker's photo of the person: the first of the two cameras."""
    size = round(row.size * _SOURCE_SIZE / 2) * 2
    light = draw_lighting(LIGHTINGS[int(rng.integers(len(LIGHTINGS)))], rng)
    sitting = _sitting(row.session_seed, light, pose)
    shot = draw_shot(SOURCE_CAMERA, rng, light=max(light.exposure, 0.5))
    return photograph(portrait(person, sitting, size), replace(shot, motion=(0, 0)), size)


def _recaptured(
    row: PlanRow, person: Identity, light: Lighting, side: int, rng: np.random.Generator
) -> _Scene:
    """Photograph a print or a screen that shows the source photo."""
    pose = draw_pose(rng, scale=_SOURCE_SCALE)
    photo = _source_photo(row, person, pose, rng)
    is_print = row.species.startswith("print")
    placement = draw_placement(rng, bends=is_print)
    sheet = place(placement, side=side, steps=_MEDIUM_STEPS)
    shown = sheet.look_up(decode_srgb(photo))
    if is_print:
        job = draw_print(row.species, row.strength, rng)
        paper = reflectance(shown, sheet.x_px, sheet.y_px, job, samples_per_px=_MEDIUM_STEPS)
        radiance = paper_radiance(paper, sheet.x, sheet.y, job, light, placement.bend)
        medium, pitch = "paper", job.pitch
        frame = np.float32(0.84) * flat_irradiance(light)
    else:
        display = draw_display(row.species, row.strength, rng)
        radiance = screen_radiance(
            shown, sheet.x, sheet.y, sheet.x_px, sheet.y_px, display, light, samples_per_px=_MEDIUM_STEPS
        )
        medium = "oled" if row.species == "replay_phone_oled" else "lcd"
        pitch = display.pitch
        frame = np.float32(0.02) * flat_irradiance(light)
    if sheet.border_visible:
        radiance = _surround(radiance, sheet, frame, light, rng)
    return _Scene(
        radiance,
        capture_box(placement, face_box(person, pose)),
        pose.yaw,
        medium,
        pitch,
        sheet.border_visible,
    )


def _surround(
    radiance: Image, sheet: Sheet, frame: NDArray[np.float32], light: Lighting, rng: np.random.Generator
) -> Image:
    """Lay the medium with its margin or bezel into the attacker's room."""
    room = background(BACKGROUNDS[int(rng.integers(len(BACKGROUNDS)))], light, rng, radiance.shape[0])
    margin = float(rng.uniform(0.0, 0.07))
    edge = np.maximum(np.abs(sheet.x), np.abs(sheet.y)) - 1 - margin
    below = over(room, frame, soft_inside(edge, 0.012))
    return over(below, radiance, sheet.inside)


def _masked(row: PlanRow, person: Identity, light: Lighting, side: int, rng: np.random.Generator) -> _Scene:
    """Put the person's face on an attacker's head."""
    names = list(MONK_TONES)
    near = names.index(row.tone) + int(rng.integers(-2, 3))
    attacker = draw_identity(row.attacker_seed, names[int(np.clip(near, 0, len(names) - 1))])
    attacker = replace(attacker, glasses=0.0)
    sitting = _sitting(row.attacker_seed + row.session_seed, light, draw_pose(rng, scale=_LIVE_SCALE))
    pose, size = sitting.pose, side * _LIVE_STEPS
    box = face_box(attacker, pose)
    if row.species == "mask_rigid_3d":
        radiance = rigid_mask(attacker, person, sitting, size, row.strength)
        return _Scene(radiance, box, pose.yaw, "moulded", 0.0, True)
    frontal = frontal_pose(draw_pose(rng))
    photo = decode_srgb(_source_photo(row, person, frontal, rng))
    job = draw_print("print_laser" if rng.random() < 0.6 else "print_inkjet_photo", row.strength, rng)
    cut = CutOut(photo, 0.0, frontal.scale, job)
    radiance = paper_mask(attacker, sitting, cut, size, samples_per_px=_LIVE_STEPS)
    return _Scene(radiance, box, pose.yaw, "paper", job.pitch, True)
