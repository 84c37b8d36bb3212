"""The manifest of a review: what `io.manifest` reads."""

from napari_unet.io.manifest import Line, Matched, match, read_manifest

__all__ = ["Line", "Matched", "match", "read_manifest"]
