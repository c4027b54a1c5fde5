"""The folder of one evaluation: who it belongs to, what is done already, and who may write in it."""

import fcntl
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lifesign.datasets.dataset import Dataset
from lifesign.errors import ConflictError, LifesignError, StorageError
from lifesign.evaluation.analysis.columns import AnalysisSpec
from lifesign.evaluation.analysis.state import RunState
from lifesign.evaluation.contract.exchange import ModelExchange
from lifesign.evaluation.replay.predictions import part_path, read_part, replaced_file, state_path
from lifesign.evaluation.replay.shards import Shard, write_state
from lifesign.model_card import ModelCard, OperatingPoint
from lifesign.preprocessing import PreprocessingSpec

__all__ = ["DatasetRecord", "RunFolder", "RunRecord", "read_record"]

_RECORD = "run.json"
_LOCK = ".lock"
_SHOWN_CHARACTERS = 120
_ABSENT = {"split": "all"}  # what is said of a value that is absent, where it is not "not given"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DatasetRecord(_Record):
    """What a report says about the data set; ``root`` is where its pictures were.

    ``remarks`` are sentences on what in the set was no sample. ``images_digest`` is of images and labels
    alone, empty where nothing is compared by it.
    """

    name: str
    root: str
    digest: str
    splits: tuple[str, ...]
    samples: int
    subjects: int | None
    presentations: int | None
    class_map: dict[str, str]
    metadata_columns: tuple[str, ...]
    slice_columns: tuple[str, ...]
    remarks: tuple[str, ...] = ()
    images_digest: str = ""


class RunRecord(_Record):
    """``run.json``: what was evaluated, complete enough to make the report again without the model.

    ``identity`` is what decides the numbers; its hash is ``run_id``. Of predictions that came in a file
    neither version nor preprocessing is known; ``operating_point`` is a threshold chosen for this run.
    ``export_digest`` is that of the version's files, empty where they were not at hand.
    """

    format: int = 1
    run_id: str
    identity: dict[str, Any]
    tool_version: str
    started_at: str
    command: str
    config: dict[str, Any]
    model_name: str
    model_version: int | None
    class_names: tuple[str, ...]
    preprocessing: PreprocessingSpec | None
    assumed: tuple[str, ...]
    card: ModelCard | None
    dataset: DatasetRecord
    source: Literal["served", "file"] = "served"
    operating_point: OperatingPoint | None = None
    exchange: ModelExchange | None = None
    export_digest: str = ""


def read_record(run_dir: Path) -> RunRecord | None:
    """Return the record of a run folder, ``None`` where there is none.

    Raises:
        StorageError: it cannot be read.
    """
    path = run_dir / _RECORD
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror or error}") from error
    except ValidationError as error:
        raise StorageError(f"{path} is no record of an evaluation run: {error.errors()[0]['msg']}") from error


class RunFolder:
    """A run folder that this process alone may write in, until ``close``.

    ``open_run_folder`` decides between a fresh run and the rest of an interrupted one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def claim(cls, path: Path, *, resume: bool) -> Self:
        """Create the folder if need be and lock it.

        Raises:
            ConflictError: something is in it and ``resume`` is not asked for, it holds something else
                than a run, or another process works in it.
            StorageError: the disk refused.
        """
        folder = cls(path)
        folder._refuse_foreign(resume)
        try:
            path.mkdir(parents=True, exist_ok=True)
            folder._lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
            fcntl.flock(folder._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            folder.close()
            raise ConflictError(f"{path}: another evaluation is writing there") from None
        except OSError as error:
            folder.close()
            raise StorageError(f"cannot write in {path}: {error.strerror or error}") from error
        folder._remove_leftovers()
        return folder

    def begin(self, record: RunRecord) -> None:
        """Write the record of a fresh run, or check it against that of the run to resume.

        Raises:
            ConflictError: the interrupted run was about something else; the message says what.
        """
        known = read_record(self.path)
        if known is None:
            with replaced_file(self.path / _RECORD) as file:
                file.write(record.model_dump_json(indent=2).encode() + b"\n")
        elif known.run_id != record.run_id:
            differences = "; ".join(_differences(known.identity, record.identity))
            raise ConflictError(
                f"{self.path} holds another run and cannot be resumed: {differences}; choose another folder"
            )

    def kept_state(self, shard: Shard, dataset: Dataset, spec: AnalysisSpec, run_id: str) -> RunState | None:
        """Return the state of a shard that is done, ``None`` where it must be replayed."""
        table = read_part(part_path(self.path, shard.index))
        if table is None or (table.schema.metadata or {}).get(b"run_id") != run_id.encode():
            return None
        expected = dataset.table["sample_id"][shard.start : shard.stop].combine_chunks()
        if not table["sample_id"].combine_chunks().equals(expected):
            return None
        try:
            state = RunState.from_dict(json.loads(state_path(self.path, shard.index).read_bytes()))
            return RunState.empty(spec).merge(state)
        except (OSError, ValueError, KeyError, TypeError, LifesignError):
            # The part is the evidence; its counts can be made again, also where another release made them.
            return write_state(self.path, shard.index, table, spec)

    def close(self) -> None:
        """Let others in."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refuse_foreign(self, resume: bool) -> None:
        try:
            inside = [entry.name for entry in self.path.iterdir() if not entry.name.startswith(".")]
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"cannot use {self.path}: {error.strerror or error}") from error
        if not inside:
            return
        record = read_record(self.path)
        if record is None:
            raise ConflictError(
                f"{self.path}: expected a new or empty folder, got {', '.join(sorted(inside)[:5])}"
            )
        if record.source == "file":
            raise ConflictError(
                f"{self.path} already holds the evaluation {record.run_id} of predictions from a file; "
                "choose another --out"
            )
        if not resume:
            raise ConflictError(
                f"{self.path} already holds run {record.run_id} of {record.model_name} version "
                f"{record.model_version}; continue it with --resume or choose another --out"
            )

    def _remove_leftovers(self) -> None:
        for folder in (self.path, self.path / "parts"):
            for path in folder.glob(".*.tmp"):
                path.unlink(missing_ok=True)


def _differences(known: Mapping[str, Any], new: Mapping[str, Any], within: str = "") -> list[str]:
    """Return a part of a sentence for each value that differs; of mappings, for each that differs inside."""
    found: list[str] = []
    for name in sorted({*known, *new}):
        before, now = known.get(name), new.get(name)
        if isinstance(before, Mapping) and isinstance(now, Mapping):
            found += _differences(before, now, f"{within}{name}.")
        elif before != now:
            absent = _ABSENT.get(name, "not given")
            found.append(f"{within}{name} was {_shown(before, absent)} and is now {_shown(now, absent)}")
    return found


def _shown(value: Any, absent: str) -> str:
    if value is None:
        return absent
    text = json.dumps(_given(value), ensure_ascii=False)
    return text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…"


def _given(value: Any) -> Any:
    """Return a JSON value without what is absent in it."""
    if isinstance(value, Mapping):
        return {name: _given(one) for name, one in value.items() if one is not None}
    return [_given(one) for one in value if one is not None] if isinstance(value, list | tuple) else value
