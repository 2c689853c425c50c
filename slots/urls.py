"""Paths under /api/v1/."""

from django.urls import path

from slots.api import play, reality, staff

urlpatterns = [
    path("slot-machine/spin", play.Spin.as_view()),
    path("slot-machine/history", play.History.as_view()),
    path("slot-machine/config", play.Config.as_view()),
    path("slot-machine/rate-limit", play.RateLimit.as_view()),
    path("slot-machine/fairness", play.Fairness.as_view()),
    path("slot-machine/reality-check", reality.RealityCheck.as_view()),
    path("slot-machine/spins/<id:spin_id>", play.OwnSpin.as_view()),
    path("admin/slot-machine/configs", staff.PaytableList.as_view()),
    path("admin/slot-machine/config", staff.PaytableDraft.as_view()),
    path("admin/slot-machine/stats", staff.SlotMachineStats.as_view()),
    path("admin/slot-machine/config/<id:paytable_id>/approve", staff.ApprovePaytable.as_view()),
    path("admin/slot-machine/config/<id:paytable_id>/activate", staff.ActivatePaytable.as_view()),
    path("admin/slot-machine/config/<id:paytable_id>/retire", staff.RetirePaytable.as_view()),
]
