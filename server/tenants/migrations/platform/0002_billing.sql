-- Billing: who pays whom for what, and what a tenant may do by it. All of it lives in the main database, beside the directory.
-- No tenant's data is here; rows outlive the tenant, for the books.

-- One a tenant that is billed. A tenant without one is the operator's own matter, and may do everything.
CREATE TABLE platform.billing_account (
    tenant_id uuid PRIMARY KEY,  -- no foreign key: the books stay when the tenant is deleted
    slug text NOT NULL,
    provider text CHECK (provider IN ('stripe', 'transfer')),  -- null: nothing was bought yet
    customer_id text UNIQUE,  -- the provider's
    customer_deleted_at timestamptz,  -- somebody deleted it there; the next checkout makes another
    email text NOT NULL,  -- of the billing contact: notices go there
    accountant_email text,  -- gets a copy of each invoice
    language text NOT NULL DEFAULT 'en',
    timezone text NOT NULL DEFAULT 'UTC',
    country text,
    currency text NOT NULL DEFAULT 'EUR',
    legal_name text,
    address jsonb NOT NULL DEFAULT '{}',
    tax_ids jsonb NOT NULL DEFAULT '[]',  -- [{"type": "eu_vat", "value": "DE123456789"}]
    contract_number text,
    purchase_order text,
    trial_ends_at timestamptz NOT NULL,
    synced_at timestamptz,  -- when the mirror was last equal to the provider
    refresh_wanted_at timestamptz,  -- a refetch was asked for that has not begun: a job for it is on its way
    refresh_lease uuid,  -- of the refetch that alone may write the mirror
    refresh_leased_until timestamptz,
    alert text,  -- what an operator must look at: an unknown price, a customer deleted by hand
    metered_at timestamptz,  -- when its usage was last looked at
    deleted_at timestamptz,  -- the tenant's
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The mirror of what the provider knows; written whole, by the refetching job alone.
CREATE TABLE platform.billing_subscription (
    id text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    provider text NOT NULL,
    status text NOT NULL,  -- the provider's word
    plan_key text NOT NULL,
    plan_version integer NOT NULL,
    "interval" text NOT NULL,
    currency text NOT NULL,
    seats integer NOT NULL CHECK (seats >= 0),
    started_at timestamptz NOT NULL,
    cancel_at timestamptz,
    ended_at timestamptz,
    unpaid_since timestamptz,
    dispute_lost boolean NOT NULL DEFAULT false,
    scheduled jsonb,  -- {"plan": …, "version": …, "interval": …, "seats": …, "at": …}: a change that waits for the period's end
    created_at timestamptz NOT NULL
);
CREATE INDEX ON platform.billing_subscription (tenant_id, created_at);

CREATE TABLE platform.billing_subscription_item (
    id text PRIMARY KEY,
    subscription_id text NOT NULL REFERENCES platform.billing_subscription (id) ON DELETE CASCADE,
    lookup_key text,  -- null: a price that has none
    price_id text NOT NULL,
    quantity integer,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL
);
CREATE INDEX ON platform.billing_subscription_item (subscription_id);

CREATE TABLE platform.billing_invoice (
    id text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    provider text NOT NULL,
    subscription_id text,
    number text,
    status text NOT NULL,  -- draft, open, paid, void, uncollectible
    currency text NOT NULL,
    subtotal_minor bigint NOT NULL,
    tax_minor bigint NOT NULL DEFAULT 0,
    total_minor bigint NOT NULL,
    paid_minor bigint NOT NULL DEFAULT 0,
    refunded_minor bigint NOT NULL DEFAULT 0,
    dispute text,  -- null, or the provider's word of how it stands
    payment_ids text[] NOT NULL DEFAULT '{}',  -- the provider's, of what paid for it: disputes name no customer
    dispute_lost_at timestamptz,  -- when we saw that the bank took the money back for good
    period_start timestamptz,
    period_end timestamptz,
    issued_at timestamptz,
    due_at timestamptz,
    paid_at timestamptz,
    hosted_url text,
    pdf_url text,
    details jsonb NOT NULL DEFAULT '{}',  -- of a transfer: the lines and the parties as they were printed
    mail_wanted_at timestamptz,  -- when a job was sent to mail it
    mailed_at timestamptz,  -- to the accountant
    created_at timestamptz NOT NULL
);
CREATE INDEX ON platform.billing_invoice (tenant_id, created_at);
CREATE INDEX ON platform.billing_invoice USING gin (payment_ids);

-- Which prices the catalogue in code has with the provider, as `outrider billing publish` left them.
CREATE TABLE platform.plan_version (
    lookup_key text PRIMARY KEY,
    plan_key text NOT NULL,
    version integer NOT NULL,
    "interval" text NOT NULL,
    currency text NOT NULL,
    unit_amount_minor bigint NOT NULL,
    product_id text NOT NULL,
    price_id text NOT NULL UNIQUE,
    published_at timestamptz NOT NULL
);

-- What a tenant may do, from now on and as time goes by: written by billing, read by everybody else (server.tenants.entitlements).
CREATE TABLE platform.entitlement (
    tenant_id uuid PRIMARY KEY,
    steps jsonb NOT NULL,
    version bigint NOT NULL DEFAULT 1,  -- grows with each that differs
    written_at timestamptz NOT NULL
);

-- The inbox of webhooks: one insert keyed by the event's id. Only type and customer are read; the rest is refetched.
CREATE TABLE platform.stripe_event (
    id text PRIMARY KEY,
    type text NOT NULL,
    customer_id text,  -- null: not a customer's
    api_version text,
    created_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    processed_at timestamptz,
    outcome text,  -- refreshed, refused, ignored, unknown customer
    body jsonb NOT NULL
);
CREATE INDEX ON platform.stripe_event (customer_id, received_at) WHERE processed_at IS NULL;
CREATE INDEX ON platform.stripe_event (received_at);

-- What we ask the provider to do, stored before we ask: its id is the idempotency key of every request that it takes.
CREATE TABLE platform.billing_intent (
    id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    kind text NOT NULL,
    key text NOT NULL,  -- of the caller: a double click is the same intent
    parameters jsonb NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'done', 'failed')),
    result jsonb,
    problem jsonb,
    member_id uuid,  -- who wanted it
    attempts integer NOT NULL DEFAULT 0,
    tried_at timestamptz,  -- when the attempt under way began; null: none is
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    UNIQUE (tenant_id, kind, key)
);
CREATE INDEX ON platform.billing_intent (created_at) WHERE state = 'pending';

-- A seat that a member has. How many there may be is the entitlement's.
CREATE TABLE platform.seat (
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    member_id uuid NOT NULL,
    assigned_at timestamptz NOT NULL,  -- where there are too few seats, those who came first work on them
    assigned_by uuid,
    withdrawn_at timestamptz,  -- it was taken from an active member, who does not get it back by themself
    PRIMARY KEY (tenant_id, member_id)
);

CREATE TABLE platform.reconcile_run (
    id uuid PRIMARY KEY,
    began_at timestamptz NOT NULL,
    ended_at timestamptz,
    checked integer NOT NULL DEFAULT 0,
    repaired integer NOT NULL DEFAULT 0,
    failed integer NOT NULL DEFAULT 0,
    findings jsonb NOT NULL DEFAULT '[]'
);

-- A notice that is to be sent, or was (dunning, a trial's end, a renewal to come), so that it is sent once.
CREATE TABLE platform.billing_notice (
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    kind text NOT NULL,
    occasion text NOT NULL,  -- which one: the day, the invoice, the period
    wanted_at timestamptz NOT NULL,
    sent_at timestamptz,
    PRIMARY KEY (tenant_id, kind, occasion)
);

-- How much of what a tenant used on a day (UTC). Counters add up; gauges are the day's highest.
CREATE TABLE platform.usage_day (
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    metric text NOT NULL CHECK (metric IN ('orders', 'devices', 'records', 'storage_bytes', 'seats')),
    day date NOT NULL,
    value bigint NOT NULL,
    PRIMARY KEY (tenant_id, metric, day)
);

-- Somebody wants a workspace, and has yet to prove their address.
CREATE TABLE platform.sign_up (
    id uuid PRIMARY KEY,
    email text NOT NULL,
    name text NOT NULL,
    company text NOT NULL,
    slug text NOT NULL,
    language text NOT NULL,
    country text,
    currency text NOT NULL,
    timezone text NOT NULL DEFAULT 'UTC',
    token_hash bytea NOT NULL UNIQUE,
    mails_wanted integer NOT NULL DEFAULT 0,
    mails_sent integer NOT NULL DEFAULT 0,
    mailed_at timestamptz,
    tenant_id uuid,  -- what became of it
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    confirmed_at timestamptz
);
CREATE INDEX ON platform.sign_up (email);

-- Transfer: where we collect ourselves. To us what Stripe's own database is in the other case: subscriptions are mirrored from here,
-- as from there (billing_subscription). Its invoices are written into billing_invoice at once, each with what was printed.
CREATE TABLE platform.transfer_subscription (
    id text PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES platform.billing_account (tenant_id),
    lookup_key text NOT NULL,
    seats integer NOT NULL CHECK (seats > 0),
    timezone text NOT NULL,  -- of the customer when they ordered: whose months and years these are
    anchor_at timestamptz NOT NULL,  -- periods are counted from here, the first is 0
    period integer NOT NULL DEFAULT 0,  -- the present one
    invoiced_periods integer NOT NULL DEFAULT 0,  -- so many, from 0 on, have an invoice
    waiting jsonb NOT NULL DEFAULT '[]',  -- lines that go onto the next invoice
    scheduled jsonb,  -- {"lookup_key": …, "seats": …, "period": …}: what it is from that period on
    ends_after_period integer,  -- null: it goes on
    ended_at timestamptz,
    created_at timestamptz NOT NULL
);
CREATE UNIQUE INDEX ON platform.transfer_subscription (tenant_id) WHERE ended_at IS NULL;

-- Acts that were done, by their keys: the same key again does nothing.
CREATE TABLE platform.transfer_act (
    key text PRIMARY KEY,
    done_at timestamptz NOT NULL
);

-- The last number of each year's invoices; raised in the transaction that writes the invoice, so there are no gaps.
CREATE TABLE platform.transfer_number (
    year integer PRIMARY KEY,
    last integer NOT NULL
);

-- A tenant that is to be deleted, or was. The line stays: what was deleted on whose word, and when.
CREATE TABLE platform.tenant_deletion (
    tenant_id uuid PRIMARY KEY,
    slug text NOT NULL,
    schema text NOT NULL,
    database text NOT NULL,
    reason text NOT NULL CHECK (reason IN ('asked', 'cancelled', 'operator')),
    asked_by uuid,  -- the member
    asked_at timestamptz NOT NULL,
    due_at timestamptz NOT NULL,  -- not before
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
    done_at timestamptz
);
