import subprocess
import sys

import pytest

# Each takes 15 to 400 MB to load, and no evaluation needs it to start.
HEAVY = (
    "fastapi",
    "keras",
    "lifesign.evaluation.store.database",
    "matplotlib",
    "pandas",
    "pyarrow.dataset",
    "ray",
    "scipy.cluster",
    "scipy.ndimage",
    "scipy.optimize",
    "scipy.spatial",
    "scipy.stats",
    "sklearn",
    "sqlalchemy",
    "tensorflow",
)


@pytest.mark.parametrize(
    "module",
    [
        "lifesign.cli.evaluate",
        "lifesign.evaluation.service",
        "lifesign.evaluation.imported_predictions.evaluation",
        "lifesign.evaluation.comparison.comparing",
    ],
)
def test_evaluating_imports_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"


def test_the_command_on_a_file_loads_no_pandas_though_it_is_there(tmp_path):
    scores = tmp_path / "scores.csv"
    scores.write_text("sample_id,label,score\n" + "".join(f"s{i},{i % 2},{i % 2}\n" for i in range(40)))
    words = ["evaluate", "--predictions", str(scores), "--out", str(tmp_path / "out"), "--quiet"]
    code = (
        "import sys; from lifesign.cli import app\n"
        f"try: app({words!r})\n"
        f"except SystemExit: print([name for name in {HEAVY!r} if name in sys.modules])\n"
        "import pandas"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert found.stdout.splitlines()[-1] == "[]"
