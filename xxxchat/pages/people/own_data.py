"""The download of what is held about oneself."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, StreamingHttpResponse
from django.views.decorators.http import require_POST

from accounts import services as accounts
from xxxchat.own_data import document
from xxxchat.pages.commands import signed_in


@login_required
@require_POST
def download(request: HttpRequest) -> StreamingHttpResponse:
    """Answer one's own data as a file. Raises Throttled: too many within the hour."""
    user = signed_in(request)
    accounts.count_export(user)
    response = StreamingHttpResponse(document(user), content_type="application/json")
    response["Content-Disposition"] = 'attachment; filename="my-data.json"'
    return response
