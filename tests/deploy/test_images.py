import re

import pytest


def stages(dockerfile):
    """Return stage name → its lines, with continuations joined."""
    found = {}
    for line in dockerfile.replace("\\\n", " ").splitlines():
        if match := re.match(r"FROM (\S+) AS (\S+)", line):
            found[match[2]] = [line]
        elif found and line and not line.startswith("#"):
            found[list(found)[-1]].append(line)
    return found


@pytest.fixture(scope="module")
def dockerfile(root):
    return stages((root / "Dockerfile").read_text("utf-8"))


TARGETS = ("gateway", "evaluation", "serving", "training")


def test_hadolint_finds_no_fault(check, root):
    check("hadolint", root / "Dockerfile")


@pytest.mark.parametrize("target", TARGETS)
def test_an_image_runs_as_a_number_without_a_shell(dockerfile, target):
    lines = dockerfile[target]
    assert "USER 10001:10001" in lines
    assert sum(line.startswith("ENTRYPOINT [") for line in lines) == 1
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert not any("curl" in line for line in lines)
    assert f"COPY --from={target}-environment /opt/lifesign /opt/lifesign" in lines


@pytest.mark.parametrize("target", TARGETS)
def test_only_locked_requirements_are_installed(dockerfile, root, target):
    lines = dockerfile[f"{target}-environment"]
    assert f"COPY requirements/{target}.txt /requirements.txt" in lines
    for line in lines:
        if "install" in line:
            assert "--require-hashes" in line or "--no-index" in line
    locked = (root / f"requirements/{target}.txt").read_text("utf-8")
    assert "--hash=sha256:" in locked
    assert "://" not in locked


@pytest.mark.parametrize(
    ("target", "expected"), [("gateway", False), ("evaluation", False), ("serving", True), ("training", True)]
)
def test_only_serving_and_training_contain_tensorflow(root, target, expected):
    locked = (root / f"requirements/{target}.txt").read_text("utf-8")
    assert bool(re.search(r"^(tensorflow|keras)\b", locked, re.M)) is expected


def test_the_gateway_image_has_no_scientific_stack(root):
    locked = (root / "requirements/gateway.txt").read_text("utf-8")
    assert not re.search(r"^(scipy|pyarrow|matplotlib|pandas|sqlalchemy)\b", locked, re.M)


@pytest.mark.parametrize("target", TARGETS)
def test_locks_agree_with_what_is_tested(root, target):
    def versions(name):
        text = (root / f"requirements/{name}.txt").read_text("utf-8")
        return set(re.findall(r"^([\w.-]+==[\w.+!-]+)", text, re.M))

    assert versions(target) <= versions("dev")


def test_the_build_context_holds_only_what_is_copied(root, dockerfile):
    allowed = {
        line[1:].rstrip("/")
        for line in (root / ".dockerignore").read_text("utf-8").splitlines()
        if line.startswith("!")
    }
    for lines in dockerfile.values():
        for line in lines:
            if line.startswith("COPY ") and "--from" not in line:
                for source in line.split()[1:-1]:
                    assert source.split("/")[0] in allowed, line
                    assert (root / source).exists(), line
