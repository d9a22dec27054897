"""The district under a real Prometheus: `make watch-test`; and what its checks share with `make test`."""
