"""Of escrow."""

from collections.abc import Callable

from tests.architecture.asking import BIG, ApiRequest, World

REQUESTS: dict[str, Callable[[World], ApiRequest]] = {
    "GET /wallet/holds 200": lambda w: ApiRequest(w.alice, w.queue()),
    "GET /wallet/transfers 200": lambda w: ApiRequest(w.alice),
    "GET /wallet/statement 200": lambda w: ApiRequest(w.alice),
    "GET /wallet/balance 200": lambda w: ApiRequest(w.alice, query="?version=1"),
    "GET /token-packages 200": lambda w: ApiRequest(w.event().actor),
    "GET /performer/{performer_id}/earnings 200": lambda w: ApiRequest(w.ruby, w.own),
    "GET /performer/{performer_id}/payouts 200": lambda w: ApiRequest(w.ruby, w.own | w.payout(1_000)),
    "GET /admin/approvals 200": lambda w: ApiRequest(w.finance, w.approval()),
    "GET /admin/approvals/{approval_id} 200": lambda w: ApiRequest(w.finance, w.approval()),
    "GET /admin/payouts 200": lambda w: ApiRequest(w.finance, w.payout(1_000)),
    "POST /payments/webhook 200": lambda w: w.event(),
    "POST /performer/{performer_id}/payouts 201": lambda w: ApiRequest(w.ruby, w.own, {"amount": 1_000}),
    "POST /admin/grants 200": lambda w: ApiRequest(w.finance, body=w.adjustment(10)),
    "POST /admin/grants 202": lambda w: ApiRequest(w.finance, body=w.adjustment(BIG)),
    "POST /admin/write-offs 200": lambda w: ApiRequest(w.finance, body=w.debt(10)),
    "POST /admin/write-offs 202": lambda w: ApiRequest(w.finance, body=w.debt(BIG)),
    "POST /admin/corrections 200": lambda w: ApiRequest(w.finance, body=w.deposit(10)),
    "POST /admin/corrections 202": lambda w: ApiRequest(w.finance, body=w.deposit(BIG)),
    "POST /admin/approvals/{approval_id}/approve 200": lambda w: ApiRequest(w.other_finance, w.approval()),
    "POST /admin/approvals/{approval_id}/reject 200": lambda w: ApiRequest(
        w.other_finance, w.approval(), {"reason": "no"}
    ),
    "POST /admin/payouts/{payout_id}/approve 200": lambda w: ApiRequest(w.finance, w.payout(1_000)),
    "POST /admin/payouts/{payout_id}/approve 202": lambda w: ApiRequest(w.finance, w.payout(BIG)),
    "POST /admin/payouts/{payout_id}/reject 200": lambda w: ApiRequest(w.finance, w.payout(1_000), {"reason": "no"}),
}
