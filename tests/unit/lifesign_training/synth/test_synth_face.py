import numpy as np
import pytest

from lifesign_training.synth.face import Sitting, portrait
from lifesign_training.synth.geometry import Pose, draw_pose, face_box, head_maps, head_surface
from lifesign_training.synth.hair import draw_clothes
from lifesign_training.synth.identity import draw_identity
from lifesign_training.synth.lighting import LIGHTINGS, draw_lighting
from lifesign_training.synth.masks import rigid_mask
from lifesign_training.synth.scene import BACKGROUNDS, background

FRONT = Pose(
    yaw=0.0, pitch=0.0, roll=0.0, centre_x=0.0, centre_y=0.0, scale=0.7, gaze=0.0, lid=1.0, smile=0.3
)
SIZE = 96


def sitting(lighting="indoor_even", pose=FRONT):
    rng = np.random.default_rng(5)
    return Sitting(pose, draw_lighting(lighting, rng), draw_clothes(rng), "wall", 8)


def test_a_person_is_the_same_person_again():
    first, again = draw_identity(11, "mst04"), draw_identity(11, "mst04")

    assert first.moles == again.moles
    assert np.array_equal(first.albedo, again.albedo)
    assert draw_identity(12, "mst04").eye_spacing != first.eye_spacing


def test_a_darker_tone_gives_a_darker_cheek():
    cheek = np.s_[52:58, 36:44]

    light, dark = (
        portrait(draw_identity(11, tone), sitting(), SIZE)[cheek].mean() for tone in ("mst02", "mst09")
    )

    assert light > 5 * dark


@pytest.mark.parametrize("lighting", LIGHTINGS)
def test_radiance_is_finite_and_never_negative(lighting):
    image = portrait(draw_identity(3, "mst06"), sitting(lighting), SIZE)

    assert image.shape == (SIZE, SIZE, 3)
    assert image.dtype == np.float32
    assert np.isfinite(image).all()
    assert image.min() >= 0


def test_side_light_makes_one_half_of_the_face_darker():
    def asymmetry(lighting):
        image = portrait(draw_identity(11, "mst04"), sitting(lighting), SIZE)[40:66, 28:68].mean(axis=2)
        left, right = image[:, :20].mean(), image[:, 20:].mean()
        return abs(left - right) / (left + right)

    assert asymmetry("indoor_side") > 2 * asymmetry("indoor_even")


def test_normals_are_unit_vectors_that_face_the_camera():
    person = draw_identity(11, "mst04")
    surface = head_surface(person, FRONT, head_maps(person, FRONT, SIZE))

    assert np.linalg.norm(surface.normals, axis=2) == pytest.approx(np.ones((SIZE, SIZE)), abs=1e-4)
    assert surface.normals[..., 2].min() > 0


def test_turning_the_head_moves_the_features_to_that_side():
    person = draw_identity(11, "mst04")
    turned = Pose(**{**vars(FRONT), "yaw": 0.4})

    def nose_column(pose):
        maps = head_maps(person, pose, SIZE)
        return int(np.argmin(np.abs(maps.x[SIZE // 2 + 8, SIZE // 4 : -SIZE // 4])))

    assert nose_column(turned) > nose_column(FRONT) + 5


def test_the_face_box_holds_the_skin():
    person = draw_identity(11, "mst04")
    rng = np.random.default_rng(0)
    for _ in range(5):
        pose = draw_pose(rng)
        box = face_box(person, pose)
        skin = head_maps(person, pose, SIZE).skin > 0.5
        rows, columns = np.nonzero(skin)
        centre = (columns.mean() / SIZE * 2 - 1, rows.mean() / SIZE * 2 - 1)
        assert box.left < centre[0] < box.right
        assert box.top < centre[1] < box.bottom
        assert (box.right - box.left) == pytest.approx(np.ptp(columns) / SIZE * 2, abs=0.2)


@pytest.mark.parametrize("kind", BACKGROUNDS)
def test_a_place_is_lit_and_repeatable(kind):
    light = draw_lighting("outdoor", np.random.default_rng(1))

    first, again = (background(kind, light, np.random.default_rng(9), 64) for _ in range(2))

    assert first.min() > 0
    assert np.array_equal(first, again)


def test_a_rigid_mask_changes_the_face_and_leaves_the_room():
    attacker, victim = draw_identity(1, "mst05"), draw_identity(2, "mst05")

    masked = rigid_mask(attacker, victim, sitting(), SIZE, 1.0)
    bare = portrait(attacker, sitting(), SIZE)

    assert np.abs(masked - bare)[40:66, 34:62].mean() > 0.02
    assert np.array_equal(masked[:6, :6], bare[:6, :6])
