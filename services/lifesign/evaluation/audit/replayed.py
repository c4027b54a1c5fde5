"""The audit of the samples of an evaluation: what costs next to nothing beside the replay.

Files are hashed for the run's digest anyway; images are decoded elsewhere, here only those that are there
twice: files that cannot be read are no copies of an image. The whole audit is ``lifesign audit``.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from lifesign.datasets.dataset import Dataset
from lifesign.datasets.parallel import map_paths
from lifesign.datasets.taking import rows_at
from lifesign.errors import StorageError
from lifesign.evaluation.audit.auditing import audit_table
from lifesign.evaluation.audit.decoded_sample import DecodedSample, read_sample
from lifesign.evaluation.audit.duplicates import exact_groups, find_exact_duplicates
from lifesign.evaluation.audit.findings import MAX_EXAMPLES, Example, Finding, FindingCode, Severity, in_order
from lifesign.evaluation.audit.reading import table_of_dataset
from lifesign.evaluation.audit.table import AuditTable, groups_of
from lifesign.evaluation.audit.trained_on import TrainedOn, subject_fingerprint

__all__ = ["AUDIT_FILE", "MAX_AUDITED", "audit_replayed", "find_trained_on", "findings_json", "read_findings"]

AUDIT_FILE = "audit.json"
MAX_AUDITED = 200_000
"""Sets of so many samples are looked at whole."""

_DRAWN = 20_000
"""So many samples of a larger set are looked at: a replay's memory does not grow with its set."""

_SEED = 20261127
_THREADS = 2

_FINDINGS = TypeAdapter(tuple[Finding, ...])


def audit_replayed(
    dataset: Dataset,
    class_names: Sequence[str],
    trained_on: TrainedOn | None,
    *,
    limit: int = MAX_AUDITED,
) -> tuple[Finding, ...]:
    """Return what is wrong with the samples of a run, and which of them the model was trained on.

    Nothing blocks: a run that is asked for is made, and its report says what it is worth. Of more than
    ``limit`` samples some, at most 20,000, are drawn with a fixed seed, and a finding says so; copies of a
    file are looked for among all.
    """
    drawn = _drawn(dataset, limit)
    table = table_of_dataset(drawn, class_names)
    findings = [*audit_table(table), *_copies(dataset, class_names, limit)]
    if trained_on is not None:
        findings += find_trained_on(table, drawn.fingerprints, trained_on)
    if len(drawn) < len(dataset):
        findings.append(_sampled(len(drawn), len(dataset)))
    return in_order([one.model_copy(update={"blocks": False}) for one in findings])


def _drawn(dataset: Dataset, limit: int) -> Dataset:
    if len(dataset) <= limit:
        return dataset
    rows = np.random.default_rng(_SEED).choice(len(dataset), min(limit, _DRAWN), replace=False, shuffle=False)
    return _rows_of(dataset, np.sort(rows))


def _copies(dataset: Dataset, class_names: Sequence[str], limit: int) -> list[Finding]:
    """Look for the same file among all samples: numbers only, but for the rows that are there twice."""
    prints = np.sort(dataset.fingerprints)
    shared = np.unique(prints[1:][prints[1:] == prints[:-1]])
    del prints
    twice = np.flatnonzero(np.isin(dataset.fingerprints, shared[shared != 0]))
    twice = twice[: limit if len(dataset) <= limit else _DRAWN]
    if not len(twice):
        return []
    drawn = _rows_of(dataset, twice)
    digests = np.stack([drawn.fingerprints, drawn.fingerprints], axis=1)
    groups = exact_groups([digests], _readable(drawn))
    return find_exact_duplicates(table_of_dataset(drawn, class_names), groups)


def _readable(dataset: Dataset) -> NDArray[np.bool_]:
    """Return which images can be decoded, bool ``(n,)``; of copies of one file the first is tried."""
    _, first, place = np.unique(dataset.fingerprints, return_index=True, return_inverse=True)
    paths = dataset.table["path"].take(first).to_pylist()

    def is_image(path: str) -> bool:
        return isinstance(read_sample(path, dataset.source.read, None), DecodedSample)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="audit") as pool:
        return np.array(map_paths(pool, is_image, paths), dtype=np.bool_)[place]


def _rows_of(dataset: Dataset, rows: NDArray[np.int64]) -> Dataset:
    return replace(dataset, table=rows_at(dataset.table, rows), fingerprints=dataset.fingerprints[rows])


def _sampled(drawn: int, size: int) -> Finding:
    return Finding(
        code=FindingCode.SAMPLED,
        severity=Severity.INFO,
        blocks=False,
        count=drawn,
        sentence=f"The audit looked at {drawn:,} of {size:,} samples ({drawn / size:.1%}), drawn at random, "
        "and counts those; only copies of a file were looked for among all.",
        remedy="Run lifesign audit on the set to look at all of it.",
    )


def find_trained_on(
    table: AuditTable, fingerprints: NDArray[np.uint64], trained_on: TrainedOn
) -> list[Finding]:
    """Return test images and test subjects that the training or development split had.

    ``fingerprints`` uint64 ``(n,)``, 0 where an image is missing.
    """
    findings = []
    rows = np.flatnonzero(np.isin(fingerprints, trained_on.images) & (fingerprints != 0)).tolist()
    if rows:
        findings.append(
            Finding(
                code=FindingCode.TRAINING_IMAGES_IN_TEST,
                severity=Severity.ERROR,
                blocks=False,
                count=len(rows),
                sentence=f"{len(rows):,} of {len(table):,} images ({len(rows) / len(table):.1%}) are the "
                "very files that the model was trained or its threshold chosen on.",
                examples=tuple(Example(samples=(table.sample_ids[row],)) for row in rows[:MAX_EXAMPLES]),
                remedy="Test on images the training did not have; the rates of this report are too good.",
            )
        )
    people = groups_of(table.persons())
    prints = {name: subject_fingerprint(str(name)) for name in people}
    seen = set(trained_on.subjects.tolist())
    shared = sorted(str(name) for name in people if prints[name] in seen)
    if shared:
        told = sum(len(people[name]) for name in shared)
        sure = trained_on.qualified and any(table.datasets)
        findings.append(
            Finding(
                code=FindingCode.TRAINING_SUBJECTS_IN_TEST,
                severity=Severity.WARNING if sure or rows else Severity.INFO,
                blocks=False,
                count=len(shared),
                sentence=f"{len(shared):,} of {len(people):,} subjects, with {told:,} samples, have "
                f"the names of subjects of the training: {', '.join(shared[:5])}"
                + (" and more." if len(shared) > 5 else ".")
                + ("" if sure else " They are the same people only if both sets number them together."),
                examples=tuple(
                    Example(samples=(table.sample_ids[people[name][0]],), note=name)
                    for name in shared[:MAX_EXAMPLES]
                ),
                remedy="Test on people that the training did not have; name data sets in a column dataset.",
            )
        )
    return findings


def findings_json(findings: tuple[Finding, ...]) -> str:
    """Return findings as they are kept in a run's folder."""
    rows = [one.model_dump(mode="json") for one in findings]
    return json.dumps({"findings": rows}, indent=2, ensure_ascii=False) + "\n"


def read_findings(run_dir: Path) -> tuple[Finding, ...]:
    """Return the findings kept in a run's folder, none for a run that was never audited.

    Raises:
        StorageError: they cannot be read.
    """
    path = run_dir / AUDIT_FILE
    try:
        return _FINDINGS.validate_python(json.loads(path.read_text("utf-8"))["findings"])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as error:
        raise StorageError(f"{path}: expected the findings of an audit: {error}") from error
