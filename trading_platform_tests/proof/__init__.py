"""The kill-anywhere proof: real processes, really killed, over real adapters; `make proof`."""
