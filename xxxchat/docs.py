"""The API's documentation page: Swagger UI from the sidecar, without requests to other hosts, with its own CSP."""

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularSwaggerView


@method_decorator(
    csp_update({"script-src": ["'unsafe-inline'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}),
    name="dispatch",
)
class ApiDocs(SpectacularSwaggerView):
    """GET /api/docs. The page needs inline script and style, which the CSP forbids elsewhere."""

    url_name = "api-schema"
