"""What Prometheus reads at `/metrics`: requests and commands of every process, and the state of the product.

Counters of several processes are summed through `PROMETHEUS_MULTIPROC_DIR`. No name or label comes from a request, so
strangers create no series.
"""
