"""From pairs of image and mask to a model folder."""
