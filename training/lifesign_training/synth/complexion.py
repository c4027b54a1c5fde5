"""The colour of skin: tone, blood, texture, lips, brows, beard, freckles and moles."""

import numpy as np

from lifesign_training.synth.colour import Image
from lifesign_training.synth.fields import bump, over, sample, smoothstep, soft_inside
from lifesign_training.synth.geometry import HeadMaps, Pose
from lifesign_training.synth.identity import Identity, skin_texture

__all__ = ["skin_albedo"]

# How much each channel is absorbed.
_MELANIN = np.array([0.75, 0.95, 1.0], np.float32)
_HAEMOGLOBIN = np.array([0.10, 0.62, 0.55], np.float32)


def skin_albedo(identity: Identity, pose: Pose, maps: HeadMaps) -> Image:
    """Return the albedo ``(size, size, 3)`` of the bare face, without eyes, hair and glasses."""
    texture = skin_texture(identity.seed)
    column, row = (maps.x + 1) * 79.5, (maps.y + 1) * 79.5
    tint = 1 + sample(texture.tint, column, row)
    skin: Image = identity.albedo * tint[..., None]
    skin = _blood(identity, maps, skin)
    if identity.freckles:
        spots = sample(texture.spots, column, row) * bump(maps.x, maps.y, (0, 0.18), (0.6, 0.35))
        skin = skin * (1 - np.clip(0.55 * identity.freckles * spots, 0, 0.6)[..., None] * _MELANIN)
    skin = _beard(identity, maps, skin)
    skin = _lips(identity, pose, maps, skin)
    skin = _brows(identity, pose, maps, skin)
    for x, y, radius in identity.moles:
        skin = skin * (1 - 0.75 * bump(maps.x, maps.y, (x, y), (radius, radius))[..., None] * _MELANIN)
    return _nostrils(identity, pose, maps, skin)


def _blood(identity: Identity, maps: HeadMaps, skin: Image) -> Image:
    side = np.abs(maps.x)
    tip = identity.eye_height + identity.nose_length
    flush = 0.55 * bump(side, maps.y, (0.42, 0.28), (0.22, 0.20))
    flush += 0.45 * bump(maps.x, maps.y, (0, tip), (0.13, 0.10))
    flush += 0.25 * bump(maps.x, maps.y, (0, 0.9), (0.2, 0.1))
    skin = skin * (1 - (0.34 * identity.ruddiness * flush)[..., None] * _HAEMOGLOBIN)
    tired = bump(side, maps.y, (identity.eye_spacing - 0.03, identity.eye_height + 0.11), (0.13, 0.05))
    return skin * (1 - 0.16 * tired[..., None] * np.array([0.7, 1.0, 0.8], np.float32))


def _beard(identity: Identity, maps: HeadMaps, skin: Image) -> Image:
    if not identity.beard:
        return skin
    mouth = identity.mouth_height
    side = np.abs(maps.x)
    lower = smoothstep(0.40, 0.62, maps.y + 0.55 * (side - 0.30))
    hollow = bump(maps.x, maps.y, (0, mouth), (identity.mouth_width * 1.05, 0.075))
    stubble = np.clip(skin_texture(identity.seed + 1).relief, -2, 2)
    grain = 0.75 + 0.25 * sample(stubble, (maps.x + 1) * 79.5, (maps.y + 1) * 79.5)
    cover = np.clip(lower - 1.15 * hollow, 0, 1) * np.clip(grain, 0.2, 1.0) * (0.25 + 0.65 * identity.beard)
    return over(skin, identity.hair_colour * 1.1 + 0.02, cover * 0.95)


def _lips(identity: Identity, pose: Pose, maps: HeadMaps, skin: Image) -> Image:
    half, full = identity.mouth_width * (1 + 0.08 * pose.smile), identity.lip_fullness
    across = np.clip(np.abs(maps.x) / half, 0, 1.3)
    line = identity.mouth_height + 0.012 - 0.055 * pose.smile * across * across
    rise = maps.y - line
    taper = np.clip(1 - across * across, 0, 1)
    bow = 1 - 0.28 * np.exp(-((maps.x / 0.035) ** 2))
    upper, lower = full * 0.8 * taper * bow, full * 1.15 * np.sqrt(taper)
    outside = np.where(rise < 0, -rise - upper, rise - lower)
    cover = soft_inside(outside, 0.028) * (across < 1.02)
    rose = identity.albedo * np.array([0.80, 0.44, 0.46], np.float32) + np.array(
        [0.045, 0.010, 0.014], np.float32
    )
    lit = over(skin, rose, cover * 0.8)
    slit = np.exp(-((rise / 0.014) ** 2)) * soft_inside(np.abs(maps.x) - half * 1.02, 0.05)
    return lit * (1 - 0.80 * slit[..., None])


def _brows(identity: Identity, pose: Pose, maps: HeadMaps, skin: Image) -> Image:
    along = (np.abs(maps.x) - identity.eye_spacing) / 0.165
    middle = identity.eye_height - 0.175 - identity.brow_arch * (1 - (along - 0.25) ** 2)
    middle = middle - 0.03 * identity.eye_tilt * along + 0.01 * pose.smile
    thickness = identity.brow_thickness * np.clip(1.05 - 0.38 * (along + 1), 0.25, 1)
    cover = soft_inside(np.abs(maps.y - middle) - thickness, 0.030) * soft_inside(np.abs(along) - 1, 0.25)
    strokes = 0.82 + 0.18 * np.sin(maps.x * 150 + np.sign(maps.x) * maps.y * 110)
    return over(skin, np.minimum(identity.hair_colour, 0.16) * 0.9, cover * strokes * 0.88)


def _nostrils(identity: Identity, pose: Pose, maps: HeadMaps, skin: Image) -> Image:
    nose_x = maps.x - 0.13 * float(np.sin(pose.yaw))
    base = identity.eye_height + identity.nose_length + 0.045
    holes = bump(np.abs(nose_x), maps.y, (identity.nose_width * 0.55, base), (0.040, 0.024))
    return skin * (1 - 0.82 * holes[..., None])
