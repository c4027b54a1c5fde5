"""Tiny sets in the layouts of public liveness sets: two people, every species, and the known traps.

The images are those of ``brightness_dataset``: bona fide ones are the brighter. Each function writes below
a folder and returns it.
"""

import json
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from lifesign.labels import ATTACK, BONA_FIDE
from lifesign.testing.brightness_dataset import write_brightness_image

__all__ = [
    "STAND_INS",
    "write_casia_fasd",
    "write_celeba_spoof",
    "write_cifar_100",
    "write_lcc_fasd",
    "write_msu_mfsd",
    "write_nuaa",
    "write_oulu_npu",
    "write_replay_attack",
    "write_rose_youtu",
    "write_siw",
]

_SIZE = 32


def write_nuaa(root: Path) -> Path:
    r"""Write ``raw/`` with lists: with ``\``, a picture that is not there, one twice, one misnamed."""
    raw = root / "raw"
    clients = [
        f"{person}/{person}_01_0{place}_01_{n}.jpg"
        for person in ("0001", "0002")
        for place in (5, 7)
        for n in (1, 2)
    ]
    imposters = [f"{person}/{person}_00_00_01_{n}.jpg" for person in ("0001", "0002") for n in range(4)]
    _images(raw / "ClientRaw", clients, BONA_FIDE)
    _images(raw / "ImposterRaw", imposters, ATTACK, seed=1)
    _images(raw / "ClientRaw", ["0002/0002_01_05_03_99.jpg", "0002/holiday.jpg"], BONA_FIDE, seed=2)
    _lines(raw / "client_train_raw.txt", clients[:4])
    _lines(
        raw / "client_test_raw.txt",
        [
            *(f"{name} 10 20 110 120" for name in clients[4:]),
            clients[4],
            "0002/0002_01_05_02_7.jpg",
            "0002/0001_01_05_02_7.jpg",
            "0002/holiday.jpg",
        ],
    )
    _lines(raw / "imposter_train_raw.txt", [name.replace("/", "\\") for name in imposters[:4]])
    _lines(raw / "imposter_test_raw.txt", [name.replace("/", "\\") for name in imposters[4:]])
    return root


def write_oulu_npu(root: Path) -> Path:
    """Write frames in folders (train, test) and by name (dev), protocols 1 and 3.1, and wrong lines."""
    users = {"Train": (1, 20), "Dev": (21, 35), "Test": (36, 55)}
    lists: dict[str, list[str]] = {}
    for split, people in users.items():
        for person in people:
            for code in range(1, 6):
                name = f"1_1_{person:02d}_{code}"
                label = BONA_FIDE if code == 1 else ATTACK
                names = [f"{name}/{n:03d}.jpg" for n in (0, 6)]
                if split == "Dev":
                    names = [f"{name}_frame{n}.png" for n in (0, 6)]
                _images(root / f"{split}_files", names, label, seed=person * 10 + code)
                sign = "+1" if code == 1 else "-2" if split == "Test" and code > 3 else "-1"
                lists.setdefault(split, []).append(f"{sign},{name}")
    _images(root / "Train_files", ["1_1_40_1/000.jpg"], BONA_FIDE)
    lists["Train"] += ["+1,1_1_01_2", "+1, 1_1_36_1", "+1,9_9_99_9", "nonsense", "+1,1_2_02_1"]
    lists["Test"] += ["-1,1_1_36_4"]
    for split, lines in lists.items():
        _lines(root / f"Protocols/Protocol_1/{split}.txt", lines)
        _lines(root / f"Protocols/Protocol_3/{split}_1.txt", [line.replace(",", ", ") for line in lines[:10]])
    return root


def write_celeba_spoof(root: Path) -> Path:
    """Write 64 × 32 images with boxes (one empty, one negative, one absent), and rows that contradict."""
    test: dict[str, list[int]] = {}
    train: dict[str, list[int]] = {}
    for labels, split, person in ((train, "train", "10"), (test, "test", "20")):
        for number in range(3):
            path = f"Data/{split}/{person}/live/{number:06d}.png"
            labels[path] = _celeba(glasses=number < 2, sex=1, age=number < 1)
            _wide_image(root / path, BONA_FIDE, number)
        for kind in range(1, 11):
            path = f"Data/{split}/{person}/spoof/{kind + 100:06d}.jpg"
            labels[path] = _celeba(kind=kind, light=1 + kind % 4, place=1 + kind % 2)
            _wide_image(root / path, ATTACK, kind)
            _lines((root / path).with_name(f"{kind + 100:06d}_BB.txt"), ["56 112 112 56 0.99"])
        _lines(root / f"Data/{split}/{person}/live/000000_BB.txt", ["-22.4 0 112 224 0.9"])
        _lines(root / f"Data/{split}/{person}/live/000001_BB.txt", [])
    _wide_image(root / "Data/test/20/live/unlabelled.png", BONA_FIDE, 9)
    test["Data/test/20/live/000001.png"] = _celeba(kind=9)
    test["Data/test/20/spoof/000101.jpg"] = _celeba(kind=0, spoof=1)
    test["Data/test/20/spoof/000102.jpg"] = [1, 2, 3]
    test["Data/test/20/spoof/gone.jpg"] = _celeba(kind=3)
    test["Data/train/10/live/000000.png"] = train["Data/train/10/live/000000.png"]
    for split, labels in (("train", train), ("test", test)):
        _text(root / f"metas/intra_test/{split}_label.json", json.dumps(labels))
    _text(root / "metas/protocol1/test_label.json", json.dumps(dict(list(test.items())[5:8])))
    return root


def write_lcc_fasd(root: Path) -> Path:
    """Write class folders for training and development, flat names for evaluation, and one of no class."""
    for split in ("training", "development"):
        _images(root / f"LCC_FASD/LCC_FASD_{split}/real", ["a.png", "b.png"], BONA_FIDE)
        _images(root / f"LCC_FASD/LCC_FASD_{split}/spoof", ["a.png", "b.png"], ATTACK, seed=1)
    evaluation = root / "LCC_FASD/LCC_FASD_evaluation"
    _images(evaluation, ["real_1.png", "real_2.png"], BONA_FIDE, seed=2)
    _images(evaluation, ["spoof_1.png", "spoof_2.png", "unclear_1.png"], ATTACK, seed=3)
    return root


def write_replay_attack(root: Path) -> Path:
    """Write frames in folders, an enrolment video, and a print that claims to show a video."""
    for split, clients in (("train", ("001", "002")), ("devel", ("003",)), ("test", ("009", "011"))):
        for client in clients:
            real = f"client{client}_session01_webcam_authenticate_adverse_1"
            _images(root / f"{split}/real/{real}", ["0.png", "10.png"], BONA_FIDE, seed=int(client))
            for support in ("fixed", "hand"):
                for kind in ("print_{}_highdef_photo", "mobile_{}_mobile_video", "highdef_{}_highdef_photo"):
                    name = f"attack_{kind.format(f'client{client}_session01')}_controlled"
                    _images(root / f"{split}/attack/{support}/{name}", ["0.png"], ATTACK, seed=int(client))
    strange = "attack_print_client009_session01_highdef_video_adverse"
    _images(root / f"test/attack/hand/{strange}", ["0.png"], ATTACK)
    _images(root / "enroll/test/client009_session01_webcam_authenticate_controlled_1", ["0.png"], BONA_FIDE)
    return root


def write_casia_fasd(root: Path) -> Path:
    """Write all twelve videos of people 1 and 2 in both releases, and a person beyond the training's."""
    live = {"1", "2", "HR_1"}
    names = [*map(str, range(1, 9)), *(f"HR_{n}" for n in range(1, 5))]
    for split in ("train", "test"):
        for person in (1, 2):
            for name in names:
                label = BONA_FIDE if name in live else ATTACK
                _images(root / f"{split}_release/{person}/{name}", ["0001.png"], label, seed=person)
    _images(root / "train_release/21/1", ["0001.png"], BONA_FIDE)
    _images(root / "train_release/1/HR_5", ["0001.png"], ATTACK)
    return root


def write_msu_mfsd(root: Path) -> Path:
    """Write both devices and the three media, the lists, and a client that is in neither."""
    media = ("printed_photo", "ipad_video", "iphone_video")
    for client in ("001", "002", "003", "007"):
        for device in ("android", "laptop"):
            real = f"real_client{client}_{device}_SD_scene01"
            _images(
                root / "scene01/real", [f"{real}_frame{n}.png" for n in (0, 1)], BONA_FIDE, seed=int(client)
            )
            for medium in media:
                attack = f"attack_client{client}_{device}_SD_{medium}_scene01"
                _images(root / "scene01/attack", [f"{attack}_frame0.png"], ATTACK, seed=int(client))
    _images(root / "scene01/real", ["attack_client001_android_SD_ipad_video_scene01_frame0.png"], ATTACK)
    _text(root / "scene01/real/real_client001_android_SD_scene01.face", "0,1,2,3,4")
    _lines(root / "train_sub_list.txt", ["02", "03"])
    _lines(root / "test_sub_list.txt", ["01"])
    return root


def write_siw(root: Path) -> Path:
    """Write live, print and replay videos of two people, one typed against its folder."""
    for split, people in (("Train", ("003",)), ("Test", ("001", "002"))):
        for person in people:
            _images(root / f"{split}/live/{person}/{person}-1-1-1-1", ["0.png", "1.png"], BONA_FIDE)
            for kind, medium in ((2, 1), (2, 2), (3, 1), (3, 4)):
                name = f"{person}-2-{kind}-{medium}-2"
                _images(root / f"{split}/spoof/{person}/{name}", ["0.png"], ATTACK, seed=kind)
    _images(root / "Test/live/001/001-1-3-1-1", ["0.png"], ATTACK)
    return root


def write_rose_youtu(root: Path) -> Path:
    """Write all eight kinds for one person per split, and a name of another grammar."""
    for split, person in (("train", 2), ("test", 12)):
        for kind in ("G", "Ps", "Pq", "Vl", "Vm", "Mc", "Mf", "Mu"):
            label = BONA_FIDE if kind == "G" else ATTACK
            name = f"{kind}_NT_5s_wg_E_{person}_1"
            _images(root / split / str(person), [f"{name}_frame{n}.png" for n in (1, 2)], label, seed=person)
    _images(root / "test/12", ["X_T_HS_g_E_12_1_frame1.png"], ATTACK)
    return root


def write_cifar_100(root: Path) -> Path:
    """Write ``cifar-100-python`` with four fine and two coarse classes, as Python 2 pickled it."""
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(100)
    for split, count in (("train", 12), ("test", 8)):
        fine = [row % 4 for row in range(count)]
        pixels = rng.integers(0, 256, (count, 3072)).astype(np.uint8)
        batch = {b"data": pixels, b"fine_labels": fine, b"coarse_labels": [one // 2 for one in fine]}
        (folder / split).write_bytes(pickle.dumps(batch, protocol=2))
    names = {
        b"fine_label_names": [b"apple", b"pear", b"bear", b"wolf"],
        b"coarse_label_names": [b"fruit", b"large_carnivores"],
    }
    (folder / "meta").write_bytes(pickle.dumps(names, protocol=2))
    return root


STAND_INS = {
    "nuaa": write_nuaa,
    "oulu-npu": write_oulu_npu,
    "celeba-spoof": write_celeba_spoof,
    "lcc-fasd": write_lcc_fasd,
    "replay-attack": write_replay_attack,
    "casia-fasd": write_casia_fasd,
    "msu-mfsd": write_msu_mfsd,
    "siw": write_siw,
    "rose-youtu": write_rose_youtu,
    "cifar-100": write_cifar_100,
}
"""Layout name → the function that writes its stand-in."""


def _images(folder: Path, names: Iterable[str], label: str, *, seed: int = 0) -> None:
    rng = np.random.default_rng((seed, label == BONA_FIDE))
    for name in names:
        write_brightness_image(folder / name, rng, label, _SIZE)


def _wide_image(path: Path, label: str, seed: int) -> None:
    level = (145 if label == BONA_FIDE else 110) + seed
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 32), (level, level, level)).save(path)


def _celeba(
    *, kind: int = 0, light: int = 0, place: int = 0, spoof: int | None = None, **traits: int
) -> list[int]:
    attributes = [0] * 40
    for name, position in _TRAIT_POSITIONS.items():
        attributes[position] = int(traits.get(name, 0))
    return [*attributes, kind, light, place, int(kind > 0) if spoof is None else spoof]


_TRAIT_POSITIONS: Mapping[str, int] = {"glasses": 15, "sex": 20, "age": 39}


def _lines(path: Path, lines: Iterable[str]) -> None:
    _text(path, "".join(f"{line}\n" for line in lines))


def _text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
