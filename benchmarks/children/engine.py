"""Time until the engine can be used: python -m benchmarks.children.engine"""

from __future__ import annotations

import json
import sys
import time

from napari_unet.engine import ChildEngine


def main() -> None:
    found = {}
    with ChildEngine() as engine:
        for kind in ("first", "again"):
            start = time.perf_counter()
            engine.warm().result()
            found[kind] = time.perf_counter() - start
    print(json.dumps(found | {"torch": "torch" in sys.modules}))


if __name__ == "__main__":  # the engine's child process imports this module again
    main()
