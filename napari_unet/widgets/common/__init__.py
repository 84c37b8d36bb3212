"""What the docks share: forms, jobs, layers, keys, preferences. Nothing here knows a session."""
