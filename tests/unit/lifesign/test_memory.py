import subprocess
import sys


def test_arrow_allocates_with_malloc_once_it_is_told_and_older_columns_stay_good():
    # Of a process of its own: it cannot be taken back.
    script = """
import pyarrow as pa
from lifesign.memory import release_memory, use_system_allocator
before = pa.array(["a"] * 1000)
use_system_allocator()
allocated = pa.system_memory_pool().bytes_allocated()
after = pa.array(["b"] * 1000)
assert pa.system_memory_pool().bytes_allocated() > allocated
release_memory()
print(before[999], after[999])
"""
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == ["a", "b"]
