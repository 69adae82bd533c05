"""All benchmarks: `make bench`."""

from benchmarks import loop_latency

if __name__ == "__main__":
    loop_latency.main()
