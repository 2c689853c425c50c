from django.urls import path

from perfqueue.api import desk, holds, intake
from perfqueue.api import line as api

urlpatterns = [
    path("performer", api.PerformerList.as_view()),
    path("performer/<id:performer_id>", api.PerformerDetail.as_view()),
    path("performer/<id:performer_id>/queue", api.PublicQueue.as_view()),
    path("performer/<id:performer_id>/queue/open", api.OpenQueue.as_view()),
    path("performer/<id:performer_id>/queue/close", api.CloseQueue.as_view()),
    path("performer/<id:performer_id>/queue/pause", api.PauseQueue.as_view()),
    path("performer/<id:performer_id>/queue/resume", api.ResumeQueue.as_view()),
    path("performer/<id:performer_id>/queue/settings", api.Settings.as_view()),
    path("performer/<id:performer_id>/blocks", api.Blocks.as_view()),
    path("performer/<id:performer_id>/presence", api.Heartbeat.as_view()),
    path("queue/items", api.ItemList.as_view()),
    path("queue/items/<id:item_id>", api.ItemDetail.as_view()),
    path("queue/items/<id:item_id>/start", api.StartItem.as_view()),
    path("queue/items/<id:item_id>/finish", api.FinishItem.as_view()),
    path("queue/items/<id:item_id>/abandon", api.AbandonItem.as_view()),
    path("queue/items/<id:item_id>/refund", api.RefundItem.as_view()),
    path("queue/items/<id:item_id>/leave", api.LeaveItem.as_view()),
    path("queue/intake", intake.HandIn.as_view()),
    path("admin/queue/items", desk.StaffItems.as_view()),
    path("admin/queue/items/<id:item_id>/refund", desk.StaffRefund.as_view()),
    path("admin/queue/items/<id:item_id>/resolve", desk.StaffResolve.as_view()),
    path("admin/queue/refunds", desk.StaffRefunds.as_view()),
    path("admin/queue/refunds/<id:run_id>", desk.RefundRun.as_view()),
    path("escrow/holds", holds.OpenHold.as_view()),
    path("escrow/holds/<id:hold_id>", holds.HoldDetail.as_view()),
]
