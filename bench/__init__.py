"""The benchmarks: ratios of two things run side by side, interleaved, on one machine, in one run."""
