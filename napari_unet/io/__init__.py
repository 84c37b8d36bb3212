"""Files to Raster and back: one module a family of formats; `formats` picks."""
