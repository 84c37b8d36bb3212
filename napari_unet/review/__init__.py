"""Review projects: cases, masks that are never overwritten, and who decided what. No torch, no Qt."""
