"""What the C library does with memory that is freed: keep it, for the next batch is as large as this one.

By default it hands large blocks back to the system and asks for them again, page by page; for batches of megabytes that took a tenth of a
build's time, and a fifth with two workers.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
KEPT_BYTES = 1 << 30
"""Free memory at the heap's end above which it is given back. Larger blocks than this come from the system directly."""


def keep_freed_memory() -> None:
    """Tunes this process, where its C library is glibc; elsewhere nothing happens."""
    if platform.libc_ver()[0] == "glibc":
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        library.mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
