from django.urls import include, path

from perfqueue.api import holds, intake, items, queues, staff

commands = [
    path("start", items.StartItem.as_view()),
    path("finish", items.FinishItem.as_view()),
    path("abandon", items.AbandonItem.as_view()),
    path("refund", items.RefundItem.as_view()),
    path("leave", items.LeaveItem.as_view()),
]
urlpatterns = [  # the first are found first
    path("queue/items/<id:item_id>/", include(commands)),
    path("queue/items/<id:item_id>", items.ItemDetail.as_view()),
    path("queue/items", items.ItemList.as_view()),
    path("performer", queues.PerformerList.as_view()),
    path("performer/<id:performer_id>", queues.PerformerDetail.as_view()),
    path("performer/<id:performer_id>/queue", queues.PublicQueue.as_view()),
    path("performer/<id:performer_id>/queue/open", queues.OpenQueue.as_view()),
    path("performer/<id:performer_id>/queue/close", queues.CloseQueue.as_view()),
    path("performer/<id:performer_id>/queue/pause", queues.PauseQueue.as_view()),
    path("performer/<id:performer_id>/queue/resume", queues.ResumeQueue.as_view()),
    path("performer/<id:performer_id>/queue/settings", queues.Settings.as_view()),
    path("performer/<id:performer_id>/blocks", queues.Blocks.as_view()),
    path("performer/<id:performer_id>/presence", queues.Heartbeat.as_view()),
    path("queue/intake", intake.SubmitItem.as_view()),
    path("admin/queue/items", staff.StaffItems.as_view()),
    path("admin/queue/items/<id:item_id>/refund", staff.StaffRefund.as_view()),
    path("admin/queue/items/<id:item_id>/resolve", staff.StaffResolve.as_view()),
    path("admin/queue/refunds", staff.StaffRefunds.as_view()),
    path("admin/queue/refunds/<id:run_id>", staff.RefundRun.as_view()),
    path("escrow/holds", holds.OpenHold.as_view()),
    path("escrow/holds/<id:hold_id>", holds.HoldDetail.as_view()),
]
