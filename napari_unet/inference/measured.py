"""Ratios that were measured on this computer: `backends.json` in the user's cache."""

from __future__ import annotations

import json
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from platformdirs import user_cache_path

from napari_unet.core.errors import UserError
from napari_unet.io.atomic import atomic_write

_MOST = 500  # ratios; the oldest go first


class Measured:
    """What is known already. A file that cannot be read or written is as none: then it is measured again."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or user_cache_path("napari-unet-lung") / "backends.json"

    def get(self, what: str) -> float | None:
        """The ratio that was measured; None if none was."""
        return self._read().get(_short(what))

    def put(self, what: str, ratio: float) -> None:
        """Keep a ratio."""
        known = self._read()
        known.pop(_short(what), None)
        known[_short(what)] = ratio
        with suppress(OSError, UserError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with atomic_write(self._path) as partial:
                partial.write_text(json.dumps(dict(list(known.items())[-_MOST:]), indent=1), encoding="utf-8")

    def _read(self) -> dict[str, float]:
        with suppress(OSError, ValueError, RecursionError):
            found = json.loads(self._path.read_text(encoding="utf-8"))
            if isinstance(found, dict):
                return {key: float(ratio) for key, ratio in found.items() if isinstance(ratio, int | float)}
        return {}


def _short(what: str) -> str:
    return sha256(what.encode()).hexdigest()[:32]
