"""Where each pixel lies on the head: pose, silhouette, head-frame coordinates, relief and normals."""

from dataclasses import dataclass, replace

import numpy as np

from lifesign_training.synth.fields import Field, bump, frame_grid, sample, smoothstep, soft_inside
from lifesign_training.synth.identity import Identity, skin_texture

__all__ = [
    "Box",
    "HeadMaps",
    "Pose",
    "Surface",
    "draw_pose",
    "face_box",
    "frontal_pose",
    "head_maps",
    "head_surface",
]

_DEPTH = 0.75  # half-depth of the head in face units


@dataclass(frozen=True)
class Pose:
    """How the head is held; angles in radians, positions and ``scale`` in half-frames."""

    yaw: float
    pitch: float
    roll: float
    centre_x: float
    centre_y: float
    scale: float
    gaze: float
    lid: float
    smile: float


@dataclass(frozen=True)
class Box:
    """An axis-aligned face box in half-frames: −1…1 is the frame."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class HeadMaps:
    """Per-pixel coordinates, each ``(size, size)``.

    ``u, v`` lie in the image plane in face units, ``x, y`` on the head (they turn with it),
    ``radius`` is 1 on the silhouette, ``skin`` its coverage, ``pixel`` one pixel in face units.
    """

    u: Field
    v: Field
    x: Field
    y: Field
    depth: Field
    radius: Field
    skin: Field
    pixel: float


@dataclass(frozen=True)
class Surface:
    """Unit normals ``(size, size, 3)`` (x right, y down, z to the camera) and ambient occlusion 0–1."""

    normals: Field
    occlusion: Field


def draw_pose(rng: np.random.Generator, *, scale: tuple[float, float] = (0.56, 0.80)) -> Pose:
    """Draw a head pose: yaw ±25°, pitch and roll ±12°, with gaze, eyelids and mouth."""

    def angle(degrees: float) -> float:
        return float(np.radians(np.clip(rng.normal(0, degrees / 2), -degrees, degrees)))

    size = float(rng.uniform(*scale))
    return Pose(
        yaw=angle(25),
        pitch=angle(12),
        roll=angle(12),
        centre_x=float(rng.uniform(-0.10, 0.10)),
        centre_y=float(rng.uniform(-0.04, 0.10)),
        scale=size,
        gaze=float(rng.uniform(-0.35, 0.35)),
        lid=float(rng.uniform(0.72, 1.0)),
        smile=float(rng.uniform(-0.25, 1.0)),
    )


def frontal_pose(pose: Pose) -> Pose:
    """Return the pose of a passport picture: straight, centred, large."""
    return replace(pose, yaw=0.0, pitch=0.0, roll=0.0, centre_x=0.0, centre_y=0.0, scale=0.86)


def face_box(identity: Identity, pose: Pose) -> Box:
    """Return the box of the visible face, hairline to chin, in half-frames."""
    half_u, top, bottom = identity.half_width * 0.98, identity.hairline, 1.0
    cos, sin = abs(np.cos(pose.roll)), abs(np.sin(pose.roll))
    middle = (top + bottom) / 2
    half_v = (bottom - top) / 2
    centre_x = pose.centre_x - pose.scale * middle * np.sin(pose.roll)
    centre_y = pose.centre_y + pose.scale * middle * np.cos(pose.roll)
    half_w = pose.scale * (half_u * cos + half_v * sin * 0.6)
    half_h = pose.scale * (half_v * cos + half_u * sin * 0.6)
    return Box(
        float(centre_x - half_w), float(centre_y - half_h), float(centre_x + half_w), float(centre_y + half_h)
    )


def head_maps(identity: Identity, pose: Pose, size: int) -> HeadMaps:
    """Map every pixel of a ``size`` px frame to the head: an ellipsoid with a tapered, squarish jaw."""
    frame_x, frame_y = frame_grid(size)
    cos, sin = float(np.cos(pose.roll)), float(np.sin(pose.roll))
    dx, dy = (frame_x - pose.centre_x) / pose.scale, (frame_y - pose.centre_y) / pose.scale
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    jaw = np.clip(v, 0.0, 1.2)
    width = identity.half_width * (1 - identity.jaw_taper * jaw * jaw)
    power = np.where(v > 0, identity.jaw_power, 2.0).astype(np.float32)
    ratio = np.clip(np.abs(u / width), 0, 3)
    radius = (ratio**power + np.abs(v) ** power) ** (1 / power)
    pixel = 2.0 / size / pose.scale
    depth = np.sqrt(np.clip(1 - radius * radius, 0.0, 1.0))
    toward = depth * _DEPTH
    x = u * float(np.cos(pose.yaw)) - toward * float(np.sin(pose.yaw))
    y = v * float(np.cos(pose.pitch)) - toward * float(np.sin(pose.pitch)) * 0.8
    return HeadMaps(
        u=u, v=v, x=x, y=y, depth=depth, radius=radius,
        skin=soft_inside(radius - 1, 2.2 * pixel), pixel=pixel,
    )  # fmt: skip


def _features(identity: Identity, pose: Pose, maps: HeadMaps) -> Field:
    """Return the height of nose, brows, cheeks, lips, chin and eye sockets above the ellipsoid."""
    x, y = maps.x, maps.y
    # The nose stands out of the surface, so it moves more than the skin when the head turns.
    nose_x = x - 0.16 * float(np.sin(pose.yaw))
    eye, tip = identity.eye_height, identity.eye_height + identity.nose_length
    wide = identity.nose_width
    mouth = identity.mouth_height
    ridge = np.exp(-((nose_x / (0.55 * wide + 0.05 * np.clip(y - eye, 0, 1))) ** 2))
    ridge = ridge * smoothstep(eye - 0.10, eye + 0.15, y) * smoothstep(tip + 0.09, tip - 0.05, y)
    height = (0.11 + 0.05 * np.clip((y - eye) / identity.nose_length, 0, 1)) * ridge
    height += 0.10 * bump(nose_x, y, (0.0, tip - 0.02), (wide * 0.9, 0.085))
    side = np.abs(nose_x)
    height += 0.055 * bump(side, y, (wide, tip + 0.005), (0.06, 0.06))
    mirrored = np.abs(x)
    height += 0.10 * bump(mirrored, y, (0.40, 0.24), (0.20, 0.19))
    height += 0.06 * bump(mirrored, y, (0.28, eye - 0.17), (0.22, 0.075))
    height -= 0.115 * bump(mirrored, y, (identity.eye_spacing - 0.03, eye), (0.16, 0.10))
    height += 0.05 * bump(mirrored, y, (identity.eye_spacing, eye + 0.005), (0.10, 0.06))
    height += 0.045 * bump(x, y, (0.0, mouth - 0.035), (0.20, 0.035))
    height += 0.055 * bump(x, y, (0.0, mouth + 0.05), (0.17, 0.045))
    height -= 0.030 * bump(x, y, (0.0, mouth + 0.13), (0.18, 0.045))
    height += 0.085 * bump(x, y, (0.0, 0.87), (0.20, 0.12))
    fold = mirrored - (0.17 + 0.35 * np.clip(y - tip, -0.1, 0.4))
    crease = np.exp(-((fold / 0.035) ** 2)) * smoothstep(tip - 0.05, tip + 0.08, y)
    folded: Field = height - (0.018 + 0.02 * max(pose.smile, 0.0)) * crease * smoothstep(
        mouth + 0.12, mouth, y
    )
    return folded


def head_surface(identity: Identity, pose: Pose, maps: HeadMaps, *, relief: float = 1.0) -> Surface:
    """Return normals and occlusion; ``relief`` scales the features (0 = a bare ellipsoid)."""
    height = _DEPTH * maps.depth
    bumps = _features(identity, pose, maps)
    side = skin_texture(identity.seed).relief
    grain = sample(side, (maps.x + 1) * 79.5, (maps.y + 1) * 79.5)
    height = height + relief * (bumps * 0.9 + 0.0011 * grain)
    down, right = np.gradient(height, maps.pixel)
    right, down = np.clip(right, -2.6, 2.6), np.clip(down, -2.6, 2.6)
    length = 1 / np.sqrt(right * right + down * down + 1)
    normals = np.stack([-right * length, -down * length, length], axis=-1)
    eye = identity.eye_height
    occlusion = (
        1 - 0.42 * bump(np.abs(maps.x), maps.y, (identity.eye_spacing - 0.06, eye), (0.17, 0.11)) * relief
    )
    tip = eye + identity.nose_length
    occlusion -= 0.30 * bump(maps.x, maps.y, (0.0, tip + 0.10), (0.13, 0.05)) * relief
    occlusion -= 0.25 * smoothstep(0.82, 1.0, maps.radius)
    return Surface(normals.astype(np.float32), np.clip(occlusion, 0.2, 1.0))
