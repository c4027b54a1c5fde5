"""What surrounds the face: hair, ears, neck and clothes, as lit radiance layers."""

from dataclasses import dataclass

import numpy as np

from lifesign_training.synth.colour import Colour, Image
from lifesign_training.synth.fields import Field, bump, over, smooth_noise, smoothstep, soft_inside
from lifesign_training.synth.geometry import HeadMaps, Pose
from lifesign_training.synth.identity import HairStyle, Identity
from lifesign_training.synth.lighting import Lighting, irradiance

__all__ = ["Clothes", "draw_clothes", "paint_body", "paint_ears", "paint_front_hair", "paint_long_hair"]


@dataclass(frozen=True)
class Clothes:
    """A shirt: two linear RGB colours, stripe period in half-frames (0 = plain), stripe direction."""

    colour: Colour
    second: Colour
    period: float
    upright: bool
    collar: float


def draw_clothes(rng: np.random.Generator) -> Clothes:
    """Draw a shirt; 35 % are striped, which gives bona fide pictures natural aliasing."""
    colour = rng.uniform(0.02, 0.55, 3).astype(np.float32)
    grey = colour.mean(dtype=np.float32)
    colour = grey + (colour - grey) * np.float32(rng.uniform(0.2, 0.9))
    striped = rng.random() < 0.35
    return Clothes(
        colour=colour,
        second=np.clip(colour * np.float32(rng.uniform(0.3, 2.2)), 0.01, 0.7),
        period=float(rng.uniform(0.025, 0.09)) if striped else 0.0,
        upright=bool(rng.random() < 0.5),
        collar=float(rng.uniform(0.10, 0.22)),
    )


def _lit(light: Lighting, normal_x: Field, normal_y: Field, wrap: float = 0.25) -> Image:
    depth = np.sqrt(np.clip(1 - normal_x * normal_x - normal_y * normal_y, 0.02, 1.0))
    normals = np.stack([normal_x, normal_y, depth], axis=-1)
    return irradiance(normals, light, wrap=np.full(3, wrap, np.float32))


def paint_body(identity: Identity, maps: HeadMaps, light: Lighting, clothes: Clothes, below: Image) -> Image:
    """Lay neck and shirt over the background."""
    u, v = maps.u, maps.v
    half = identity.half_width * 0.58
    flare = half * (1 + 0.5 * smoothstep(1.25, 1.65, v))
    neck = soft_inside(np.abs(u) - flare, 2 * maps.pixel) * soft_inside(0.5 - v, 0.1)
    shade = _lit(light, np.clip(u / flare, -0.95, 0.95), np.full_like(u, 0.15), 0.3)
    under_chin = 1 - 0.62 * bump(u, v, (0, 0.92), (0.75, 0.34))
    tendon = 1 - 0.10 * bump(np.abs(u), v, (0.20, 1.35), (0.05, 0.3))
    below = over(below, identity.albedo * 0.92 * shade * (under_chin * tendon)[..., None], neck)
    slope = (
        1.32
        + 0.20 * np.clip(np.abs(u) - half, 0, None) ** 1.3
        + 0.25 * np.clip(1 - np.abs(u) / half, 0, 1) * (clothes.collar * 4)
    )
    shirt = soft_inside(slope - v, 3 * maps.pixel)
    cloth = np.broadcast_to(clothes.colour, below.shape)
    if clothes.period:
        along = (u if clothes.upright else v) / (clothes.period * 2.2)
        cloth = over(cloth, clothes.second, 0.5 + 0.5 * np.clip(3 * np.sin(2 * np.pi * along), -1, 1))
    shade = _lit(light, np.clip(u * 0.35, -0.8, 0.8), np.full_like(u, -0.25))
    hem = 1 - 0.45 * np.exp(-(((v - slope) / 0.05) ** 2))
    folds = 1 - 0.12 * np.sin(u * 6 + v * 3) * smoothstep(1.3, 2.2, v)
    return over(below, cloth * shade * (hem * folds)[..., None], shirt)


def paint_ears(identity: Identity, pose: Pose, maps: HeadMaps, light: Lighting, below: Image) -> Image:
    """Lay the ears behind the face."""
    turn = float(np.sin(pose.yaw))
    side = np.sign(maps.u)
    out = (np.abs(maps.u) - identity.half_width * (0.97 - 0.10 * side * turn)) / (
        0.105 * (1 + 0.5 * side * turn)
    )
    down = (maps.v - identity.eye_height - 0.12) / 0.20
    away = np.hypot(out, down)
    cover = soft_inside(away - 1, 0.25)
    shade = _lit(light, np.clip(side * out * 0.5, -0.9, 0.9), np.zeros_like(out), 0.35)
    inner = 1 - 0.45 * np.exp(-(((away - 0.45) / 0.25) ** 2))
    tint = identity.albedo * np.array([1.0, 0.90, 0.88], np.float32)
    return over(below, tint * shade * inner[..., None], cover)


def _strands(identity: Identity, maps: HeadMaps) -> Field:
    """Return streaks along the hair, 1 ± 0.3, fixed per person."""
    rng = np.random.default_rng([identity.seed, 3])
    size = maps.u.shape[0]
    if identity.hair_style in (HairStyle.CURLY, HairStyle.CROPPED):
        return 1 + 0.22 * smooth_noise(rng, size, max(2.0, 0.05 / maps.pixel))
    phases = rng.uniform(0, 6.28, 4)
    bend = maps.u / (0.55 + 0.45 * np.clip(1 + maps.v, 0, 1.5))
    streak = sum(
        np.sin(bend * float(f) + float(p) + 2 * np.sin(maps.v * 2 + float(p)))
        for f, p in zip((19, 37, 61, 97), phases, strict=True)
    )
    return (1 + 0.11 * np.asarray(streak)).astype(np.float32)


def _hair_radiance(identity: Identity, maps: HeadMaps, light: Lighting) -> Image:
    reach = 1.25
    nx, ny = np.clip(maps.u / reach, -0.9, 0.9), np.clip(maps.v / reach, -0.9, 0.5)
    strands = _strands(identity, maps)
    base = identity.hair_colour * _lit(light, nx, ny, 0.2) * strands[..., None]
    band = np.exp(-(((maps.v + 0.72 + 0.10 * maps.u * maps.u) / 0.14) ** 2))
    gloss = 0.010 if identity.hair_style is HairStyle.CURLY else 0.035
    sheen = band * np.clip(strands, 0, 2) ** 2 * max(0.25, -float(light.direction[1]))
    return base + (gloss * sheen)[..., None] * (light.key + 0.3 * light.sky)


def _outline(identity: Identity, maps: HeadMaps) -> Field:
    """Return the signed distance to the hair's outer contour above the ears."""
    volume = {
        HairStyle.CROPPED: 0.035,
        HairStyle.CURLY: identity.hair_volume + 0.14,
        HairStyle.LONG: identity.hair_volume + 0.03,
    }.get(identity.hair_style, identity.hair_volume)
    rng = np.random.default_rng([identity.seed, 4])
    rough = 0.030 if identity.hair_style is HairStyle.CURLY else 0.008
    edge = smooth_noise(rng, maps.u.shape[0], max(2.0, 0.09 / maps.pixel)) * rough
    across = np.abs(maps.u) / (identity.half_width + volume)
    above = maps.v / (1 + volume)
    distance: Field = (np.sqrt(across * across + above * above) - 1 + edge).astype(np.float32)
    return distance


def paint_long_hair(identity: Identity, maps: HeadMaps, light: Lighting, below: Image) -> Image:
    """Lay the hair behind head and shoulders; short cuts show only a rim."""
    outer = _outline(identity, maps)
    if identity.hair_style is HairStyle.LONG:
        wide = (
            identity.half_width + identity.hair_volume + 0.05 + 0.05 * np.sin(maps.v * 3 + identity.seed % 7)
        )
        curtain = np.maximum(np.abs(maps.u) - wide, np.maximum(-maps.v, maps.v - 1.5))
        outer = np.minimum(outer, curtain)
    else:
        outer = np.maximum(outer, maps.v - 0.12)
    shade = 1 - 0.45 * smoothstep(0.3, 1.2, maps.v)
    return over(below, _hair_radiance(identity, maps, light) * shade[..., None], soft_inside(outer, 0.035))


def paint_front_hair(identity: Identity, maps: HeadMaps, light: Lighting, below: Image) -> Image:
    """Lay the hair over the forehead and temples, with a soft shadow below the hairline."""
    u, y = maps.u, maps.y
    across = np.abs(u) / identity.half_width
    style = identity.hair_style
    line = identity.hairline + (0.17 if style is HairStyle.FRINGE else 0.0)
    side = 0.55 if style in (HairStyle.LONG, HairStyle.FRINGE) else 0.42
    sweep = 0.10 * u * (1 if identity.seed % 2 else -1) if style is HairStyle.SHORT else 0.0
    rng = np.random.default_rng([identity.seed, 5])
    ragged = smooth_noise(rng, u.shape[0], max(2.0, 0.05 / maps.pixel)) * 0.018
    edge = line + side * across**4 + sweep + ragged
    if style is HairStyle.LONG:
        edge = edge + 1.3 * smoothstep(0.86, 1.02, across)
    distance = np.maximum((y - edge).astype(np.float32), _outline(identity, maps))
    softness = 0.10 if style is HairStyle.CROPPED else 0.045
    shadow = 0.40 * np.exp(-np.clip(y - edge, 0, None) / 0.07) * (maps.radius < 1.02)
    below = below * (1 - shadow[..., None])
    cover = soft_inside(distance, softness)
    if style is HairStyle.CROPPED:
        cover = cover * 0.9
    return over(below, _hair_radiance(identity, maps, light), cover)
