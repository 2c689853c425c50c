-- What the models of escrow cannot declare: the types of the ledger's columns (ADR 0041). Their rules are in 0002_rules.
CREATE DOMAIN escrow_currency AS varchar(5);
CREATE DOMAIN escrow_house AS varchar(20);
CREATE DOMAIN escrow_kind AS varchar(20);
CREATE DOMAIN escrow_wallet_status AS varchar(6);
CREATE DOMAIN escrow_amount AS bigint;
CREATE DOMAIN escrow_balance AS bigint;

ALTER TABLE escrow_wallet
    ALTER COLUMN currency TYPE escrow_currency, ALTER COLUMN status TYPE escrow_wallet_status,
    ALTER COLUMN available TYPE escrow_balance, ALTER COLUMN held TYPE escrow_balance,
    ALTER COLUMN earned TYPE escrow_balance, ALTER COLUMN owed TYPE escrow_balance,
    ALTER COLUMN version TYPE escrow_balance;
ALTER TABLE escrow_hold
    ALTER COLUMN currency TYPE escrow_currency, ALTER COLUMN payee_house TYPE escrow_house,
    ALTER COLUMN amount TYPE escrow_amount;
ALTER TABLE escrow_operation ALTER COLUMN kind TYPE escrow_kind;
ALTER TABLE escrow_entry ALTER COLUMN currency TYPE escrow_currency, ALTER COLUMN house TYPE escrow_house;

-- An update of a balance changes no index, so its new row may stay beside the old one where the page has room.
ALTER TABLE escrow_wallet SET (fillfactor = 70);
