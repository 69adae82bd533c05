"""The simulated exchange's own controls: its clock, its steps, its faults."""
