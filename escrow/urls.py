from django.urls import path

from escrow.api import desk, history, payments, wallet

urlpatterns = [
    path("wallet", wallet.MyWallets.as_view()),
    path("wallet/holds", wallet.MyHolds.as_view()),
    path("wallet/transfers", wallet.MyTransfers.as_view()),
    path("wallet/statement", history.Statement.as_view()),
    path("wallet/balance", history.BalanceAsOf.as_view()),
    path("token-packages", payments.PackageList.as_view()),
    path("payments/webhook", payments.PaymentWebhook.as_view()),
    path("performer/<id:performer_id>/earnings", desk.PerformerEarnings.as_view()),
    path("performer/<id:performer_id>/payouts", desk.PerformerPayouts.as_view()),
    path("admin/grants", desk.Grant.as_view()),
    path("admin/corrections", desk.Correction.as_view()),
    path("admin/write-offs", desk.WriteOffDebt.as_view()),
    path("admin/approvals", desk.ApprovalList.as_view()),
    path("admin/approvals/<id:approval_id>", desk.ApprovalDetail.as_view()),
    path("admin/approvals/<id:approval_id>/approve", desk.Approve.as_view()),
    path("admin/approvals/<id:approval_id>/reject", desk.Reject.as_view()),
    path("admin/payouts", desk.PayoutList.as_view()),
    path("admin/payouts/<id:payout_id>/approve", desk.ApprovePayout.as_view()),
    path("admin/payouts/<id:payout_id>/reject", desk.RejectPayout.as_view()),
]
