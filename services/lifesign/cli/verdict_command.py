"""Commands that end with a verdict: their exit code says which, so no other end may look like one."""

import sys
import traceback
from typing import Any, Final

import typer
from typer.core import TyperCommand

from lifesign.errors import LifesignError

__all__ = ["CANNOT_JUDGE", "Command"]

CANNOT_JUDGE: Final = 3
"""Exit code when there is no verdict: wrong options, unusable data, no server, a defect of ours."""

# The base class of usage errors has no public name that all releases of typer share.
_UsageError: Any = typer.BadParameter.__mro__[1]


class Command(TyperCommand):
    """Leaves with 3 where there is no verdict: 2, the usual code, means too little evidence here."""

    def make_context(self, *args: Any, **options: Any) -> Any:
        try:
            return super().make_context(*args, **options)
        except _UsageError as error:
            error.exit_code = CANNOT_JUDGE
            raise

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except _UsageError as error:
            error.exit_code = CANNOT_JUDGE
            raise
        except LifesignError as error:
            print(f"error: {error}", file=sys.stderr)
            raise typer.Exit(CANNOT_JUDGE) from None
        except Exception:
            # Python would end with 1, and that is a failed gate.
            traceback.print_exc()
            raise typer.Exit(CANNOT_JUDGE) from None
