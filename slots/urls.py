"""Paths under /api/v1/."""

from django.urls import path

from slots import api

urlpatterns = [
    path("slot-machine/spin", api.Spin.as_view()),
    path("slot-machine/history", api.History.as_view()),
    path("slot-machine/config", api.Config.as_view()),
    path("slot-machine/rate-limit", api.RateLimit.as_view()),
    path("slot-machine/fairness", api.Fairness.as_view()),
    path("slot-machine/spins/<id:spin_id>", api.OwnSpin.as_view()),
]
