"""Nothing lost: strokes and masks onto the disk, and back after a crash."""
