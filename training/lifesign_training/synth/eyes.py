"""Eyes and glasses: sclera, iris, lids, lashes, catch-lights, frames."""

import numpy as np

from lifesign_training.synth.colour import Image
from lifesign_training.synth.fields import Field, over, smoothstep, soft_inside
from lifesign_training.synth.geometry import HeadMaps, Pose
from lifesign_training.synth.identity import Identity
from lifesign_training.synth.lighting import Lighting

__all__ = ["eye_opening", "paint_catch_lights", "paint_eyes", "paint_glasses"]


def _eye_frame(identity: Identity, pose: Pose, maps: HeadMaps) -> tuple[Field, Field, Field]:
    """Return eye coordinates (temple-ward, down) in eye half-widths, and the signed lid distance."""
    side = np.sign(maps.x)
    along = (np.abs(maps.x) - identity.eye_spacing) / identity.eye_size
    down = (maps.y - identity.eye_height) / identity.eye_size + identity.eye_tilt * along
    arch = np.clip(1 - along * along, 0, 1)
    upper, lower = 0.47 * pose.lid * np.sqrt(arch), 0.30 * arch
    outside = np.where(down < 0, -down - upper, down - lower)
    return along * side, down, np.maximum(outside, (np.abs(along) - 1) * 0.5)


def eye_opening(identity: Identity, pose: Pose, maps: HeadMaps) -> Field:
    """Return coverage 0–1 of the open eyes."""
    _, _, outside = _eye_frame(identity, pose, maps)
    return soft_inside(outside, 2 * maps.pixel / identity.eye_size)


def paint_eyes(identity: Identity, pose: Pose, maps: HeadMaps, albedo: Image) -> Image:
    """Paint lids, lashes, sclera, iris and pupil into the albedo."""
    along, down, outside = _eye_frame(identity, pose, maps)
    soft = 2 * maps.pixel / identity.eye_size
    crease = np.exp(-(((outside - 0.20) / 0.09) ** 2)) * (down < 0)
    albedo = albedo * (1 - 0.34 * crease[..., None])
    opening = soft_inside(outside, soft)
    from_iris = np.hypot(along - 0.55 * pose.gaze, down + 0.05)
    sclera = np.float32(0.52) * (1 - 0.45 * smoothstep(0.0, 0.45, np.abs(along) - 0.45))
    sclera = sclera * (1 - 0.45 * smoothstep(-0.12, -0.42, down))
    eye = sclera[..., None] * np.array([1.0, 0.93, 0.88], np.float32)
    eye = over(eye, identity.iris_colour, soft_inside(from_iris - 0.44, soft * 1.2))
    rim = np.exp(-(((from_iris - 0.42) / 0.06) ** 2))
    eye = eye * (1 - 0.6 * rim[..., None])
    eye = over(eye, np.full(3, 0.008, np.float32), soft_inside(from_iris - 0.19, soft * 1.2))
    albedo = over(albedo, eye, opening)
    lash = np.exp(-(((outside + 0.01) / 0.085) ** 2)) * np.where(
        down < 0.02, np.float32(0.88), np.float32(0.35)
    )
    return over(albedo, np.full(3, 0.012, np.float32), np.clip(lash, 0, 1) * (np.abs(along) < 1.15))


def paint_catch_lights(
    identity: Identity, pose: Pose, maps: HeadMaps, light: Lighting, radiance: Image
) -> Image:
    """Add the mirror image of the key light on each cornea to the radiance."""
    along, down, outside = _eye_frame(identity, pose, maps)
    at_x = 0.55 * pose.gaze + 0.20 * float(light.direction[0])
    at_y = -0.05 + 0.20 * float(light.direction[1])
    spot = np.exp(-(((along - at_x) / 0.12) ** 2) - ((down - at_y) / 0.12) ** 2)
    spot = spot * soft_inside(outside, 0.1) * 0.9
    return radiance + spot[..., None] * (light.key + 0.2)


def paint_glasses(identity: Identity, pose: Pose, maps: HeadMaps, light: Lighting, radiance: Image) -> Image:
    """Lay frame, bridge, temples and a faint sky reflection over the radiance."""
    if not identity.glasses:
        return radiance
    size = identity.glasses
    glass_x = maps.x - 0.10 * float(np.sin(pose.yaw))
    along = (np.abs(glass_x) - identity.eye_spacing - 0.01) / size
    down = (maps.y - identity.eye_height - 0.025) / (size * 0.80)
    ring = (along**4 + down**4) ** 0.25
    soft = 2 * maps.pixel / size
    frame = soft_inside(np.abs(ring - 1) - 0.055, soft)
    bridge = soft_inside(np.abs(maps.y - identity.eye_height + 0.03) - 0.014, 2 * maps.pixel)
    bridge = bridge * soft_inside(np.abs(glass_x) - (identity.eye_spacing - size * 0.95), 0.02)
    temple = soft_inside(np.abs(maps.y - identity.eye_height) - 0.016, 2 * maps.pixel)
    temple = temple * (along > 1) * maps.skin
    lens = soft_inside(ring - 1, soft) * 0.045 * smoothstep(0.6, -0.9, down + along * 0.5)
    radiance = radiance + lens[..., None] * (light.sky + 0.3 * light.key) * 1.4
    tone = np.array([0.035, 0.028, 0.025], np.float32) * (light.key + light.sky)
    return over(radiance, tone, np.clip(frame + bridge + temple, 0, 1) * 0.92)
