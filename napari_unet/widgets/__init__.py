"""The docks: forms and wiring. No torch, no arithmetic; Qt through qtpy."""
