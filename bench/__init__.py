"""Benchmarks: ours against a raw pipeline of the same hops and rows, in one run."""
