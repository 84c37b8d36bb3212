"""Child processes: what must be measured in a fresh process. Each prints one line of JSON at its end."""
