"""Where a fork keeps what Triton compiles: its own folder, which nobody else reads and no other process writes to."""

from __future__ import annotations

from triton.runtime.cache import FileCacheManager


class ScratchCache(FileCacheManager):
    """Triton's files without its care for others who use the same folder: a temporary folder for each file."""

    def put(self, data: object, filename: str, binary: bool = True) -> str:
        path = self._make_path(filename)
        with open(path, "wb") as file:
            file.write(data if isinstance(data, bytes) else str(data).encode())
        return path
