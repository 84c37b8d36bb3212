"""Work that needs torch, asked for without it: protocol.py says how."""

from napari_unet.engine.client import ChildEngine
from napari_unet.engine.job import EngineJob, JobCancelled
from napari_unet.engine.local import LocalEngine
from napari_unet.engine.protocol import Engine

__all__ = ["ChildEngine", "Engine", "EngineJob", "JobCancelled", "LocalEngine"]
