"""Somebody else's face worn by an attacker: a paper cut-out, or a rigid moulded mask."""

from dataclasses import dataclass, replace

import numpy as np

from lifesign_training.synth.colour import Image, luma
from lifesign_training.synth.complexion import skin_albedo
from lifesign_training.synth.eyes import eye_opening
from lifesign_training.synth.face import (
    Sitting,
    finish_portrait,
    own_skin,
    start_portrait,
)
from lifesign_training.synth.fields import Field, blur, over, sample, smooth_noise, soft_inside
from lifesign_training.synth.geometry import HeadMaps, Surface, head_maps, head_surface
from lifesign_training.synth.identity import Identity
from lifesign_training.synth.lighting import highlight, irradiance
from lifesign_training.synth.prints import PrintJob, reflectance

__all__ = ["CutOut", "paper_mask", "rigid_mask"]

_NO_WRAP = np.zeros(3, np.float32)


@dataclass(frozen=True)
class CutOut:
    """A frontal photo to be printed life-size: linear light, and where its head frame lies in it."""

    photo: Image
    centre: float
    scale: float
    job: PrintJob


@dataclass(frozen=True)
class _Wearer:
    maps: HeadMaps
    surface: Surface
    scene: Image
    own_skin: Image
    eyes: Field


def _wear(attacker: Identity, sitting: Sitting, size: int) -> _Wearer:
    """Render the attacker's own head, and where the eyes look through."""
    maps = head_maps(attacker, sitting.pose, size)
    scene = start_portrait(attacker, sitting, maps)
    surface = head_surface(attacker, sitting.pose, maps)
    skin = own_skin(attacker, sitting, maps, surface)
    # The hole is a little larger than the eye.
    opened = replace(attacker, eye_size=attacker.eye_size * 1.18)
    return _Wearer(maps, surface, scene, skin, eye_opening(opened, replace(sitting.pose, lid=1.35), maps))


def _cover(maps: HeadMaps, attacker: Identity, ragged: Field, reach: float) -> Field:
    """Return the signed distance to the mask's edge, an oval a little smaller than the face."""
    across = maps.x / (attacker.half_width * reach)
    along = (maps.y - 0.14) / (0.86 * reach)
    distance: Field = np.sqrt(across * across + along * along) - 1 + ragged
    return distance


def _assemble(wearer: _Wearer, mask: Image, distance: Field, strength: float, rim: float) -> Image:
    """Lay the mask over the attacker's face with the shadow and rim of its edges."""
    soft = 2.5 * wearer.maps.pixel
    cover = soft_inside(distance, soft)
    shadow = np.exp(-np.clip(distance, 0, None) / 0.045) * (1 - cover)
    skin = wearer.own_skin * (1 - 0.75 * min(strength + 0.2, 1.0) * shadow)[..., None]
    edge = np.exp(-((distance + rim) ** 2) / (2 * (0.6 * rim) ** 2))
    mask = (
        mask
        + (0.16 * min(strength, 1.4) * edge)[..., None] * mask.mean(axis=(0, 1))
        + mask * (0.5 * min(strength, 1.4) * edge)[..., None]
    )
    hole = wearer.eyes
    # A dark gap runs around each hole: the mask stands off the skin.
    wide = blur(hole, 0.022 / wearer.maps.pixel)
    ring = np.clip(4 * wide * (1 - wide), 0, 1)
    return over(skin, mask, cover * (1 - hole)) * (1 - 0.75 * min(strength, 1.2) * ring)[..., None]


def paper_mask(
    attacker: Identity, sitting: Sitting, cut: CutOut, size: int, *, samples_per_px: float
) -> Image:
    """Return the radiance of an attacker who wears a printed face with holes for the eyes."""
    wearer = _wear(attacker, sitting, size)
    maps, strength = wearer.maps, cut.job.strength
    half = cut.photo.shape[0] / 2
    # Paper wraps sideways, so features spread less than on the head they were taken from.
    seen = sample(
        cut.photo,
        (cut.centre + cut.scale * maps.x + 1) * half - 0.5,
        (cut.centre + cut.scale * maps.y + 1) * half - 0.5,
    )
    sensor_px = 1 / (maps.pixel * samples_per_px)
    paper = reflectance(seen, maps.x * sensor_px, maps.y * sensor_px, cut.job, samples_per_px=samples_per_px)
    rng = np.random.default_rng([cut.job.seed, 41])
    flat = head_surface(attacker, sitting.pose, maps, relief=0.12)
    creases = blur(smooth_noise(rng, size, 0.24 / maps.pixel), 1.0) * 0.26 * strength
    down, right = np.gradient(creases, 0.12 / 1.0)
    normals = flat.normals + np.stack([right, down, np.zeros_like(right)], axis=-1)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    normals = (normals * 0.7 + np.array([0, 0, 0.3], np.float32)).astype(np.float32)
    mask = paper * irradiance(normals, sitting.light, wrap=_NO_WRAP)
    mask += (
        highlight(normals, sitting.light, 12.0)[..., None]
        * sitting.light.key
        * np.float32(0.10 * cut.job.gloss)
    )
    ragged = smooth_noise(rng, size, 0.22 / maps.pixel) * 0.012
    skin = _assemble(wearer, mask, _cover(maps, attacker, ragged, 0.93), strength, 0.018)
    return finish_portrait(attacker, sitting, maps, wearer.scene, skin)


def rigid_mask(attacker: Identity, victim: Identity, sitting: Sitting, size: int, strength: float) -> Image:
    """Return the radiance of an attacker in a moulded mask: no light below its surface, broad gloss."""
    wearer = _wear(attacker, sitting, size)
    maps = wearer.maps
    calm = replace(sitting.pose, smile=0.0)
    albedo = skin_albedo(replace(victim, freckles=0.0, ruddiness=victim.ruddiness * 0.4), calm, maps)
    albedo = blur(albedo, (0.015 + 0.02 * min(strength, 1.4)) / maps.pixel)
    grey = luma(albedo)[..., None]
    albedo = grey + (albedo - grey) * np.float32(1 - 0.38 * min(strength, 1.4))
    # The mould has the victim's features on the attacker's outline.
    moulded = replace(victim, half_width=attacker.half_width, seed=attacker.seed)
    surface = head_surface(moulded, calm, maps, relief=0.85)
    smooth = blur(surface.normals, 0.012 / maps.pixel)
    diffuse = irradiance(smooth, sitting.light, wrap=_NO_WRAP, occlusion=surface.occlusion)
    shine = highlight(smooth, sitting.light, 11.0) * np.float32(0.22 * min(0.4 + 0.6 * strength, 1.3))
    mask = albedo * diffuse + shine[..., None] * sitting.light.key
    rng = np.random.default_rng([sitting.place_seed, 42])
    ragged = smooth_noise(rng, size, 0.5 / maps.pixel) * 0.004
    skin = _assemble(wearer, mask, _cover(maps, attacker, ragged, 0.96), strength, 0.030)
    return finish_portrait(attacker, sitting, maps, wearer.scene, skin)
