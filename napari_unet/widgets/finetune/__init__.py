"""The Fine-tune dock: a model that learns from corrected masks."""

from napari_unet.widgets.finetune.dock import FineTuneWidget

__all__ = ["FineTuneWidget"]
