"""pyarrow.compute makes its functions at import, from a registry: no checker can know their names."""

from typing import Any

def __getattr__(name: str) -> Any: ...
