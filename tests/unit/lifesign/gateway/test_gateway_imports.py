import subprocess
import sys

import pytest

HEAVY = (
    "tensorflow",
    "keras",
    "scipy",
    "pyarrow",
    "matplotlib",
    "sqlalchemy",
    "pandas",
    "lifesign.evaluation",
)


@pytest.mark.parametrize("module", ["lifesign.gateway.server", "lifesign.cli.gateway"])
def test_the_gateway_imports_nothing_heavy(module):
    code = f"import sys, {module}; print([name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "[]"
