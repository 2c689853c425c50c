"""The API's documentation page: Swagger UI from the sidecar, no outside request, with a policy of its own."""

from csp.decorators import csp_update
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularSwaggerView


@method_decorator(
    csp_update({"script-src": ["'unsafe-inline'"], "style-src": ["'unsafe-inline'"], "img-src": ["data:"]}),
    name="dispatch",
)
class ApiDocs(SpectacularSwaggerView):
    """GET /api/docs. The page needs inline script and style, which no other page of ours is allowed."""

    url_name = "api-schema"
