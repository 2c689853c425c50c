"""Requests, answers and latencies by endpoint: django-prometheus' middleware with a closed list of methods."""

from typing import Any

from django.http import HttpRequest
from django_prometheus.middleware import PrometheusAfterMiddleware


class AfterMiddleware(PrometheusAfterMiddleware):  # type: ignore[misc]
    """The library's middleware (untyped), which labels one of its histograms with the method as the client sent it."""

    def label_metric(self, metric: Any, request: HttpRequest, response: Any = None, **labels: str) -> Any:
        if "method" in labels:
            labels["method"] = self._method(request)
        return super().label_metric(metric, request, response, **labels)
