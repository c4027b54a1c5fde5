"""The page of a report that was written earlier, by this release or an older one."""

import json
from collections.abc import Callable
from pathlib import Path

from pydantic import ValidationError

from lifesign.errors import LifesignError, StorageError
from lifesign.evaluation.performance import read_performance
from lifesign.evaluation.replay.predictions import replaced_file
from lifesign.evaluation.replay.run_folder import read_record
from lifesign.evaluation.report.document import SCHEMA_VERSION, ReportDocument
from lifesign.evaluation.report.html import render_html
from lifesign.evaluation.reporting import thumbnails_of
from lifesign.validation import problems_of

__all__ = ["read_report", "render_again", "report_file"]


def report_file(source: Path) -> Path:
    """Return the ``report.json`` that is meant by it itself or by its folder."""
    return source / "report.json" if source.is_dir() else source


def read_report(path: Path) -> ReportDocument:
    """Read a report of schema 1.x.

    Raises:
        StorageError: no file, no JSON, another schema, or fields that this release does not know.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise StorageError(f"{path}: expected a report, got no such file") from None
    except OSError as error:
        raise StorageError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError:
        raise StorageError(f"{path}: expected a report, got a file that is not JSON") from None
    version = found.get("schema_version") if isinstance(found, dict) else None
    major = SCHEMA_VERSION.partition(".")[0]
    if not isinstance(version, str) or version.partition(".")[0] != major:
        raise StorageError(f"{path}: expected a report of schema {major}.x, got schema_version {version!r}")
    try:
        return ReportDocument.model_validate(found)
    except ValidationError as error:
        reason = problems_of(error)[:300]
        raise StorageError(
            f"{path}: expected a report of schema {SCHEMA_VERSION} or older: {reason}"
        ) from None


def render_again(source: Path, out: Path | None = None) -> tuple[ReportDocument, Path]:
    """Render the page of a stored report; return the report and where the page is.

    Without ``out`` the page takes its place beside the report, which is not touched; with ``out`` both
    are written there. Pictures and timings are shown where the run is still at hand.

    Raises:
        StorageError: the report cannot be read, or the page not written.
    """
    path = report_file(source)
    document = read_report(path)
    page = render_html(
        document, thumbnails=_thumbnails(path.parent), performance=read_performance(path.parent)
    )
    target = (out or path.parent) / "report.html"
    with replaced_file(target) as file:
        file.write(page.encode())
    if out is not None and out.resolve() != path.parent.resolve():
        with replaced_file(out / "report.json") as file:
            file.write(document.to_json().encode())
    return document, target


def _thumbnails(run_dir: Path) -> Callable[[str], bytes | None] | None:
    try:
        record = read_record(run_dir)
    except LifesignError:
        return None
    return None if record is None else thumbnails_of(record)
