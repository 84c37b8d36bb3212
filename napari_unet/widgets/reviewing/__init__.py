"""The parts of the Review dock."""
