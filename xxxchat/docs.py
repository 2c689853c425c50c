"""The API's description, made once for each process, and the page that shows it."""

import json
from functools import cache
from threading import Lock
from typing import Any

from csp.decorators import csp_update
from django.http import HttpResponse
from django.utils.decorators import method_decorator
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView
from rest_framework.request import Request

from core.freshness import conditional

ONE_AT_A_TIME = Lock()


@cache
def description() -> Any:
    """The OpenAPI document. It depends on the code and on SITE_NAME alone."""
    return SchemaGenerator().get_schema(request=None, public=True)


@cache
def written(form: str) -> bytes:
    """The document as `json` or `yaml`."""
    if form == "json":
        return json.dumps(description(), ensure_ascii=False).encode()
    return bytes(OpenApiYamlRenderer().render(description()))


class ApiSchema(SpectacularAPIView):
    """GET /api/schema. YAML, or JSON by `Accept` or `?format=json`; 304 to a known ETag."""

    schema = None  # itself no operation of the API

    def get(self, request: Request) -> HttpResponse:
        with ONE_AT_A_TIME:
            body = written(request.accepted_renderer.format)
        answer = HttpResponse(body, content_type=request.accepted_media_type)
        return conditional(request, answer, cache="public, no-cache", vary=("Accept",))


@method_decorator(
    csp_update({"script-src": ["'unsafe-inline'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}),
    name="dispatch",
)
class ApiDocs(SpectacularSwaggerView):
    """GET /api/docs. Swagger UI from the sidecar, without requests to other hosts. The page needs inline script and
    style, which the CSP forbids elsewhere."""

    url_name = "api-schema"
