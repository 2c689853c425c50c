from django.urls import path

from escrow.api import history, payments, staff, wallet

urlpatterns = [
    path("wallet/holds", wallet.MyHolds.as_view()),
    path("wallet/transfers", wallet.MyTransfers.as_view()),
    path("wallet/statement", history.Statement.as_view()),
    path("wallet/balance", history.BalanceAsOf.as_view()),
    path("token-packages", payments.PackageList.as_view()),
    path("payments/webhook", payments.PaymentWebhook.as_view()),
    path("performer/<id:performer_id>/earnings", staff.PerformerEarnings.as_view()),
    path("performer/<id:performer_id>/payouts", staff.PerformerPayouts.as_view()),
    path("admin/grants", staff.Grant.as_view()),
    path("admin/corrections", staff.Correction.as_view()),
    path("admin/write-offs", staff.WriteOffDebt.as_view()),
    path("admin/approvals", staff.ApprovalList.as_view()),
    path("admin/approvals/<id:approval_id>", staff.ApprovalDetail.as_view()),
    path("admin/approvals/<id:approval_id>/approve", staff.Approve.as_view()),
    path("admin/approvals/<id:approval_id>/reject", staff.Reject.as_view()),
    path("admin/payouts", staff.PayoutList.as_view()),
    path("admin/payouts/<id:payout_id>/approve", staff.ApprovePayout.as_view()),
    path("admin/payouts/<id:payout_id>/reject", staff.RejectPayout.as_view()),
]
