"""Arrays in, arrays out: no files, no torch, no Qt."""
