-- What a single value may be is a rule of its type: PostgreSQL reads it once per session, and a table's CHECK once per
-- statement (ADR 0041). Domains and columns are made by migrations, like tables; their rules are in force here.

-- varchar(5): of wallets, holds and entries
ALTER DOMAIN escrow_currency DROP CONSTRAINT IF EXISTS escrow_currency_known;
ALTER DOMAIN escrow_currency ADD CONSTRAINT escrow_currency_known CHECK (VALUE IN ('TOKEN', 'POINT'));
-- varchar(20): the house accounts
ALTER DOMAIN escrow_house DROP CONSTRAINT IF EXISTS escrow_house_known;
ALTER DOMAIN escrow_house ADD CONSTRAINT escrow_house_known CHECK (
    VALUE IN ('revenue', 'slots_bank', 'sales', 'mint', 'payouts', 'loyalty_clearing', 'losses'));
-- varchar(20): what an operation does
ALTER DOMAIN escrow_kind DROP CONSTRAINT IF EXISTS escrow_kind_known;
ALTER DOMAIN escrow_kind ADD CONSTRAINT escrow_kind_known CHECK (
    VALUE IN ('deposit', 'hold', 'settle', 'split', 'refund', 'expire', 'award', 'withdraw', 'reverse', 'chargeback',
              'write_off', 'payout', 'payout_reject', 'repair'));
-- varchar(6)
ALTER DOMAIN escrow_wallet_status DROP CONSTRAINT IF EXISTS escrow_wallet_status_known;
ALTER DOMAIN escrow_wallet_status ADD CONSTRAINT escrow_wallet_status_known CHECK (VALUE IN ('active', 'frozen'));
-- bigint: of holds
ALTER DOMAIN escrow_amount DROP CONSTRAINT IF EXISTS escrow_amount_in_range;
ALTER DOMAIN escrow_amount ADD CONSTRAINT escrow_amount_in_range CHECK (VALUE BETWEEN 1 AND 1000000000);
-- bigint: a wallet's four balances and its version
ALTER DOMAIN escrow_balance DROP CONSTRAINT IF EXISTS escrow_balance_not_negative;
ALTER DOMAIN escrow_balance ADD CONSTRAINT escrow_balance_not_negative CHECK (VALUE >= 0);
