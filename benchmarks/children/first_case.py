"""`review open` until the first case is drawn: python -m benchmarks.children.first_case PROJECT SINCE

SINCE : when the process was asked for, as time.time() tells it.
"""

from __future__ import annotations

import json
import os
import sys
import time

_PATIENCE_S = 120.0


def main(since: float) -> None:
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_unet.widgets import open_review
    from napari_unet.widgets.session import session_of

    def until_it_is_there() -> None:
        opened: list[object] = []
        session_of(napari.current_viewer()).casework.case_opened.connect(opened.append)
        while not opened:
            if time.time() > since + _PATIENCE_S:
                raise SystemExit("the first case never came")
            QApplication.processEvents()
        QApplication.processEvents()  # draws it
        print(json.dumps({"first": time.time() - since, "torch": "torch" in sys.modules}), flush=True)
        os._exit(0)  # the window's own end is not measured

    napari.run = until_it_is_there
    open_review.main()


if __name__ == "__main__":
    main(float(sys.argv.pop()))
