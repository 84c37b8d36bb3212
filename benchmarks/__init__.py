"""What `make bench` runs: speed and memory of the package, and of other tools on the same network.

Each case is a function `measure(quick) -> Result` in a module of its own; `cases.py` is their table.
"""
