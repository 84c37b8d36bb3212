"""What each idea from the sliding window of 2012 to today's U-Net brought: `make lineage`."""
