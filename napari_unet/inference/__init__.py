"""From raster to prediction."""
