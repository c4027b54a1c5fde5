"""What the framework itself said in an error or a warning."""

import re
from collections.abc import Iterator

from lifesign.evaluation.diagnosis.course import Course
from lifesign.evaluation.diagnosis.evidence import Evidence
from lifesign.evaluation.diagnosis.finding import Code, Finding
from lifesign.evaluation.diagnosis.framework_messages import MESSAGES, known_messages

__all__ = ["told_by_the_framework"]

_SHOWN = 160


def _is_validated(course: Course | None) -> bool:
    return course is not None and (course.val_loss is not None or course.val_accuracy is not None)


def told_by_the_framework(evidence: Evidence, course: Course | None) -> Iterator[Finding]:
    """One finding per message that is known, with its words."""
    for line in (*evidence.messages, *known_messages(evidence.setup.notes)):
        for message in MESSAGES:
            if message.code is Code.NAN_LOSS and course is not None:
                # The curves show where it broke, and whether it went on.
                continue
            if message.code is Code.EMPTY_VALIDATION and _is_validated(course):
                # It has another name than the one waited for.
                continue
            if re.search(message.pattern, line, re.IGNORECASE):
                shown = line if len(line) <= _SHOWN else f"{line[:_SHOWN]} …"
                yield Finding(
                    message.code,
                    message.severity,
                    message.confidence,
                    f"The framework says it: “{shown}”: {message.meaning}.",
                    message.remedy,
                    refuted_by="the message being of another run",
                )
