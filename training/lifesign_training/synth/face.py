"""A person in a place: geometry, skin, eyes, hair and clothes composed into one radiance image."""

from dataclasses import dataclass

import numpy as np

from lifesign_training.synth.colour import Image
from lifesign_training.synth.complexion import skin_albedo
from lifesign_training.synth.eyes import paint_catch_lights, paint_eyes, paint_glasses
from lifesign_training.synth.fields import over
from lifesign_training.synth.geometry import HeadMaps, Pose, Surface, head_maps, head_surface
from lifesign_training.synth.hair import (
    Clothes,
    paint_body,
    paint_ears,
    paint_front_hair,
    paint_long_hair,
)
from lifesign_training.synth.identity import Identity
from lifesign_training.synth.lighting import Lighting, highlight, irradiance
from lifesign_training.synth.scene import background

__all__ = ["Sitting", "finish_portrait", "own_skin", "portrait", "start_portrait"]

SKIN_WRAP = np.array([0.34, 0.20, 0.13], np.float32)


@dataclass(frozen=True)
class Sitting:
    """Everything in front of the camera except the person's identity."""

    pose: Pose
    light: Lighting
    clothes: Clothes
    place: str
    place_seed: int


def start_portrait(identity: Identity, sitting: Sitting, maps: HeadMaps) -> Image:
    """Return background, body, back hair and ears: all that lies behind the face."""
    rng = np.random.default_rng([sitting.place_seed, 7])
    scene = background(sitting.place, sitting.light, rng, maps.u.shape[0])
    scene = paint_long_hair(identity, maps, sitting.light, scene)
    scene = paint_body(identity, maps, sitting.light, sitting.clothes, scene)
    return paint_ears(identity, sitting.pose, maps, sitting.light, scene)


def shade_skin(identity: Identity, surface: Surface, albedo: Image, light: Lighting) -> Image:
    """Return the radiance of living skin: wrapped diffuse light plus a tight oily highlight."""
    diffuse = irradiance(surface.normals, light, wrap=SKIN_WRAP, occlusion=surface.occlusion)
    soft = 0.35 + 0.65 * surface.occlusion
    shine = highlight(surface.normals, light, 28.0) * identity.oiliness * 0.9 * soft
    sheen = highlight(surface.normals, light, 6.0) * 0.012
    lit_skin: Image = albedo * diffuse * soft[..., None] + (shine + sheen)[..., None] * light.key
    return lit_skin


def finish_portrait(identity: Identity, sitting: Sitting, maps: HeadMaps, scene: Image, skin: Image) -> Image:
    """Lay the lit face, catch-lights, front hair and glasses over the scene."""
    scene = over(scene, skin, maps.skin)
    scene = paint_catch_lights(identity, sitting.pose, maps, sitting.light, scene)
    scene = paint_front_hair(identity, maps, sitting.light, scene)
    return paint_glasses(identity, sitting.pose, maps, sitting.light, scene)


def portrait(identity: Identity, sitting: Sitting, size: int) -> Image:
    """Return the radiance ``(size, size, 3)`` of a living person in a place."""
    maps = head_maps(identity, sitting.pose, size)
    scene = start_portrait(identity, sitting, maps)
    skin = own_skin(identity, sitting, maps, head_surface(identity, sitting.pose, maps))
    return finish_portrait(identity, sitting, maps, scene, skin)


def own_skin(identity: Identity, sitting: Sitting, maps: HeadMaps, surface: Surface) -> Image:
    """Return the radiance ``(size, size, 3)`` of a person's own face, eyes included."""
    albedo = paint_eyes(identity, sitting.pose, maps, skin_albedo(identity, sitting.pose, maps))
    return shade_skin(identity, surface, albedo, sitting.light)
