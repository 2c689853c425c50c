"""RedRoomRewards in the back office: operations and their page, links, events, and nightly reports."""

from loyalty.admin.events import WebhookEventAdmin
from loyalty.admin.links import LinkAdmin
from loyalty.admin.operations import RemoteOperationAdmin
from loyalty.admin.reports import DifferenceAdmin, ReconciliationRunAdmin
