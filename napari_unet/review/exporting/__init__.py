"""Masks out of a project, in the formats of other tools."""
