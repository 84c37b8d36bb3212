"""Words in the place of a model's name. Needs nothing: the help of the command line has them."""

AUTO = "auto"
"""The model in use for the kind of image that is found, see models.library."""

NO_MODEL = "none"
"""No model at all, where there may be one."""

RESERVED = frozenset({AUTO, NO_MODEL})
"""What no model may be called."""

FINDING_MODEL = "cxr-finding"
"""The shipped model that scores findings."""

LUNGS_FOR_FINDINGS = "cxr-lung-whole"
"""The shipped model that finds the lungs in an image whose findings are scored."""
