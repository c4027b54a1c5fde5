from pathlib import Path

import pytest

from lifesign.evaluation.store.database import migrate, open_engine
from lifesign.evaluation.store.runs import RunStore


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    engine = open_engine(f"sqlite:///{tmp_path / 'monitor.db'}")
    migrate(engine)
    return RunStore(engine)
