"""What of napari, vispy and Qt is private and we cannot do without: one small function for each need.

No other module touches a private attribute of what is not ours; a test reads the source and says so. Each
docstring says what napari (0.9) lacks. Where a function names what comes back if this napari keeps the thing
elsewhere, the caller goes on without it; where it does not, AttributeError is raised.
"""
