"""The parts of the Correct dock."""
