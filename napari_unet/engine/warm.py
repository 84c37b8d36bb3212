"""The child's handler "warm": what the first segmentation would otherwise wait for."""

import napari_unet.inference.segment  # noqa: F401  (brings torch)


def warm() -> None:
    """Importing this module is all there is to do."""
