"""What the demo says: numbered chapters, remarks, and where to look in the end."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

__all__ = ["Narrator"]


@dataclass
class Narrator:
    """Writes the story to one console; ``chapters`` is how many there will be."""

    console: Console
    chapters: int
    _chapter: int = 0
    _started: float = field(default_factory=time.monotonic)

    def chapter(self, title: str, why: str = "") -> None:
        """Begin the next chapter, with the minutes since the start."""
        self._chapter += 1
        seconds = int(time.monotonic() - self._started)
        self.console.print()
        clock = f"[dim]· {seconds // 60}:{seconds % 60:02d}[/]"
        self.console.rule(f"[bold]{self._chapter} of {self.chapters}[/] · {title} {clock}", align="left")
        if why:
            self.console.print(Text(why, style="dim"))

    def say(self, text: str) -> None:
        """Print one remark."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def closing(self, rows: list[tuple[str, str]]) -> None:
        """End with what to look at next: a name and a path or command per row."""
        width = max(len(name) for name, _ in rows)
        seconds = int(time.monotonic() - self._started)
        self.console.print()
        self.console.rule(
            f"[bold]what to look at next[/] [dim]· {seconds // 60} min {seconds % 60} s in all[/]",
            align="left",
        )
        for name, value in rows:
            self.console.print(f"  {name:<{width}}  {value}", highlight=False, soft_wrap=True)
