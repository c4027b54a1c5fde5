"""Generated files are current: regenerating them changes nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "proto", sorted((_ROOT / "proto/lifesign/pb").glob("*.proto")), ids=lambda path: path.stem
)
def test_wire_messages_are_those_of_the_proto_files(proto: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "grpc_tools.protoc", f"-I{_ROOT / 'proto'}",
        f"--python_out={tmp_path}", f"--pyi_out={tmp_path}", str(proto),
    ]  # fmt: skip
    subprocess.run(command, check=True)

    for suffix in ("py", "pyi"):
        generated = tmp_path / f"lifesign/pb/{proto.stem}_pb2.{suffix}"
        committed = _ROOT / f"services/lifesign/pb/{proto.stem}_pb2.{suffix}"
        assert generated.read_text() == committed.read_text(), "run make proto"


@pytest.mark.parametrize("lock", sorted((_ROOT / "requirements").glob("*.txt")), ids=lambda path: path.stem)
def test_every_locked_requirement_has_a_hash_and_no_address(lock: Path) -> None:
    text = lock.read_text()

    requirements = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]

    assert requirements
    assert all(line.endswith("\\") for line in requirements), "a requirement without hashes"
    assert "://" not in text
    assert "--index-url" not in text
