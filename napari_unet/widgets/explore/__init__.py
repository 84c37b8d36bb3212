"""The dock Inside the network: what a network does with the open image, and the tour through the lineage."""

from napari_unet.widgets.explore.dock import ExploreWidget

__all__ = ["ExploreWidget"]
