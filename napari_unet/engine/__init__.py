"""The engine: one child process for everything that needs torch. See client.py; server.py is the child."""

from napari_unet.engine.client import Engine
from napari_unet.engine.job import EngineJob, JobCancelled

__all__ = ["Engine", "EngineJob", "JobCancelled"]
