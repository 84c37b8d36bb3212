"""Models, samples and icons that ship with the package (installed as `napari_unet/resources`)."""
