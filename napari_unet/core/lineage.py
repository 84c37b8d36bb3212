"""The networks that led to the U-Net of today, by the names of their models."""

from __future__ import annotations

ALEXNET = "lineage-alexnet"
CIRESAN = "lineage-ciresan"
ENCODER_DECODER = "lineage-encoder-decoder"
UNET_2015 = "lineage-unet-2015"
RESIDUAL = "lineage-residual"
TODAY = "cxr-lung"
TODAY_CT = "ct-lung"

LINEAGE = (ALEXNET, CIRESAN, ENCODER_DECODER, UNET_2015, RESIDUAL, TODAY)
"""In the order of the lecture. All but the last are for teaching."""

STOPS = (
    "word",
    "window",
    "streams",
    "latent",
    "convolution",
    "pooling",
    "deconvolution",
    "skip",
    "residual",
    "use",
)
"""The stops of the tour, in their order."""
