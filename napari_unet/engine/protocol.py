"""What every engine can do. Who asks for work needs to know no more than this.

    job = engine.submit("segment", raster=raster, model="cxr-lung", device="auto")   # returns at once
    job.listen(
        on_progress=show,                               # each event the handler yields: TileDone, Note, ...
        on_success=keep,                                # what the handler returned: a Prediction
        on_failure=say,                                 # UserError, always in plain words
        on_cancel=forget,                               # no argument
    )
    job.ask("pause")                                    # and "resume", or a message that the handler knows
    job.cancel()                                        # from any thread, any number of times
    engine.close()

Every job ends exactly once, with one of success, failure and cancel, whatever happens: also when the engine
is closed. What happened before `listen` is reported then. A job that is cancelled before its end ends as
cancelled, even if its result is already on the way. One job runs at a time; later ones wait in the order of
their submission. The same request submitted twice is two jobs. Arguments are read some time after `submit`:
give arrays that nobody changes. The kinds of work are in handlers.py.

`ChildEngine` (client.py) works in a process of its own, by itself: for the window. `LocalEngine` (local.py)
works in this process, on the thread that waits for a job's `result()` or goes through its `events()`: for the
command line.
"""

from __future__ import annotations

from typing import Any, Protocol

from napari_unet.engine.job import EngineJob


class Engine(Protocol):
    """Does work that needs torch."""

    def submit(self, kind: str, /, **arguments: Any) -> EngineJob:
        """Queue one job and return at once."""
        ...

    def warm(self) -> EngineJob:
        """Import torch where the work is done, before there is any. Quick if that is done already."""
        ...

    def close(self) -> None:
        """End; jobs that have not ended are cancelled, later ones refused. May be called twice."""
        ...
