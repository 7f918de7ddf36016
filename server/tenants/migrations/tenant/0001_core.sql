-- Recorded from server/sync/ddl.py (python -m server.sync.ddl). {{schema}} and {{tenant_id}} are filled in when it is replayed.
CREATE TABLE {{schema}}.schema_migration (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
);

-- One row: the tenant's revision, and who holds it in the transaction named by xact.
CREATE TABLE {{schema}}.revision_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL DEFAULT 0,
    xact xid8,
    member_id uuid,
    device_id uuid,
    at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO {{schema}}.revision_counter DEFAULT VALUES;

CREATE TABLE {{schema}}.scope_entry (
    "row" uuid NOT NULL, scope uuid NOT NULL, entity smallint NOT NULL, revision bigint NOT NULL, gone boolean NOT NULL,
    PRIMARY KEY ("row", scope)
);
CREATE INDEX ON {{schema}}.scope_entry (scope, revision, "row") INCLUDE (entity, gone);
-- What a member's lists begin with: the rows of one entity in each of their scopes.
CREATE INDEX ON {{schema}}.scope_entry (scope, entity, "row") WHERE NOT gone;

CREATE TABLE {{schema}}.scope_grant (
    member_id uuid NOT NULL, scope uuid NOT NULL, level smallint NOT NULL, revision bigint NOT NULL, gone boolean NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (member_id, scope, level)
);
CREATE INDEX ON {{schema}}.scope_grant (scope);
CREATE INDEX ON {{schema}}.scope_grant (member_id, revision, scope) INCLUDE (level, gone);

CREATE TABLE {{schema}}.device (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL,
    name text NOT NULL,
    secret_hash bytea NOT NULL,
    refresh_generation integer NOT NULL DEFAULT 1,
    incarnation integer NOT NULL DEFAULT 1,
    number_prefix text NOT NULL UNIQUE,
    last_number bigint NOT NULL DEFAULT 0,
    last_digest text NOT NULL,
    acked_through bigint NOT NULL DEFAULT 0,
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz,
    revoked_at timestamptz
);
CREATE INDEX ON {{schema}}.device (member_id);

CREATE TABLE {{schema}}.device_code (
    code_hash bytea PRIMARY KEY, member_id uuid NOT NULL, created_by uuid, expires_at timestamptz NOT NULL, used_at timestamptz
);

CREATE TABLE {{schema}}.mutation_outcome (
    device_id uuid NOT NULL, incarnation integer NOT NULL, number bigint NOT NULL,
    digest text NOT NULL, revision bigint NOT NULL, refused boolean NOT NULL, outcome jsonb NOT NULL,
    PRIMARY KEY (device_id, incarnation, number)
);

-- The payload of a refused mutation stays until a person has dealt with it; created lists what it would have made.
CREATE TABLE {{schema}}.refused_mutation (
    device_id uuid NOT NULL, incarnation integer NOT NULL, number bigint NOT NULL, member_id uuid NOT NULL,
    code text NOT NULL, payload jsonb NOT NULL, created uuid[] NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    PRIMARY KEY (device_id, incarnation, number)
);

CREATE TABLE {{schema}}.external_id (
    system text NOT NULL, entity text NOT NULL, value text NOT NULL, "row" uuid NOT NULL,
    PRIMARY KEY (system, entity, value)
);
CREATE INDEX ON {{schema}}.external_id ("row");

-- Imports: which column filled which field, by target and shape of the header.
CREATE TABLE {{schema}}.import_mapping (
    shape text PRIMARY KEY, target text NOT NULL, columns jsonb NOT NULL, constants jsonb NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now()
);

-- A run imports one file or several. Whoever works on it holds its claim: a second one sees that, and a dead one is replaced.
CREATE TABLE {{schema}}.import_run (
    number bigint PRIMARY KEY, source text NOT NULL, system text NOT NULL, options jsonb NOT NULL,
    state text NOT NULL CHECK (state IN ('uploaded', 'checking', 'checked', 'running', 'done', 'undoing', 'undone', 'failed')),
    claim uuid, claimed_at timestamptz, created_by uuid, created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz,
    problem text
);
CREATE TABLE {{schema}}.import_file (
    run bigint NOT NULL, position smallint NOT NULL, name text NOT NULL, sha256 text NOT NULL, target text NOT NULL,
    columns jsonb NOT NULL, constants jsonb NOT NULL, counts jsonb NOT NULL DEFAULT '{}', done boolean NOT NULL DEFAULT false,
    PRIMARY KEY (run, position)
);
CREATE INDEX ON {{schema}}.import_file (sha256);

-- What became of each line: written in the transaction of its rows, so that a run that died goes on after the last of them.
CREATE TABLE {{schema}}.import_line (
    run bigint NOT NULL, position smallint NOT NULL, line integer NOT NULL, outcome text NOT NULL, "row" uuid,
    "column" text, reason text, revision bigint NOT NULL, created jsonb, before jsonb, linked text,
    PRIMARY KEY (run, position, line)
);

-- Exports that were asked for. Who asked for one, and nobody else, may fetch it until it expires.
CREATE TABLE {{schema}}.export_file (
    id uuid PRIMARY KEY, format text NOT NULL, state text NOT NULL CHECK (state IN ('waiting', 'done', 'failed')),
    created_by uuid NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), finished_at timestamptz, size_bytes bigint
);

CREATE TABLE {{schema}}.setting (key text PRIMARY KEY, value jsonb NOT NULL);

CREATE TABLE {{schema}}.sent_message (
    key text PRIMARY KEY, claimed_at timestamptz NOT NULL DEFAULT now(), sent_at timestamptz
);

-- What a price was until when: prices are honoured as of capture.
CREATE TABLE {{schema}}.price_change (
    price_item_id uuid NOT NULL, price numeric NOT NULL, until timestamptz NOT NULL, revision bigint NOT NULL
);
CREATE INDEX ON {{schema}}.price_change (price_item_id, until);

-- How far the rights of a role's document go; see server.auth.access.Reach.
CREATE FUNCTION {{schema}}.reach_of(permissions jsonb) RETURNS smallint LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(max(CASE e.value ->> 'read'
        WHEN 'own' THEN 1 WHEN 'team' THEN 2 WHEN 'territory' THEN 3 WHEN 'all' THEN 4 ELSE 0 END), 0)::smallint
    FROM jsonb_each(CASE jsonb_typeof(permissions) WHEN 'object' THEN permissions ELSE '{}' END) e
$$;

-- Keys under which rows meet that may be the same; NULL where there is nothing to compare. Indexes on these expressions
-- keep them, whoever writes (ADR 0015).
CREATE FUNCTION {{schema}}.name_key(name text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := lower(name);
    words text[];
    telling text[];
BEGIN
    IF octet_length(name) <> length(name) THEN -- PostgreSQL's lower() knows only ASCII here: the cluster's locale is C
        folded := lower(translate(regexp_replace(normalize(name, NFKD), '[\u0300-\u036F]', '', 'g'),
            'ßøØłŁđĐæÆАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς«»“”„‘’–—·',
            'soollddaaабвгдежзиклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωσ          '));
    END IF;
    words := string_to_array(trim(translate(folded, E'\t\n.,;:!?"''()[]{}<>/\\|-_+*&@#%^=~`$', repeat(' ', 40))), ' ');
    telling := ARRAY(SELECT DISTINCT w FROM unnest(words) w WHERE w <> '' AND w NOT IN ('the', 'and', 'und', 'et', 'y', 'e',
        'ltd', 'limited', 'llc', 'llp', 'plc', 'inc', 'corp', 'corporation', 'co', 'company', 'gmbh', 'mbh', 'ag', 'kg', 'ohg',
        'ug', 'ev', 'bv', 'nv', 'vof', 'sa', 'sas', 'sarl', 'srl', 'spa', 'sl', 'lda', 'as', 'asa', 'ab', 'oy', 'oyj', 'aps',
        'sia', 'uab', 'ou', 'kft', 'doo', 'ooo', 'oao', 'zao', 'ao', 'pao', 'ip', 'ооо', 'оао', 'зао', 'ао', 'пао', 'ип',
        'pty', 'тоо', 'жшс', 'чп', 'фоп', 'тов', 'одо', 'уп', 'чуп')
        ORDER BY 1);
    RETURN nullif(array_to_string(CASE WHEN cardinality(telling) = 0 THEN words ELSE telling END, ' '), '');
END $$;
CREATE FUNCTION {{schema}}.tax_id_key(tax_id text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT nullif(upper(regexp_replace(tax_id, '[^0-9A-Za-z]', '', 'g')), '')
$$;
-- The last nine digits of a number: as many as a national and an international way of writing it share.
CREATE FUNCTION {{schema}}.channel_key(channel_kind text, value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE channel_kind
        WHEN 'email' THEN nullif(lower(trim(value)), '')
        WHEN 'phone' THEN (SELECT CASE WHEN length(d) >= 7 THEN right(d, 9) END FROM regexp_replace(value, '[^0-9]', '', 'g') d)
    END
$$;

-- Pairs of rows that may be the same, for a person to decide; row_id < other_id.
CREATE TABLE {{schema}}.duplicate_case (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), entity text NOT NULL, row_id uuid NOT NULL, other_id uuid NOT NULL,
    kinds text[] NOT NULL, status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'dismissed', 'merged')),
    found_at timestamptz NOT NULL DEFAULT now(), decided_by uuid, decided_at timestamptz,
    UNIQUE (row_id, other_id), CHECK (row_id < other_id)
);
CREATE INDEX ON {{schema}}.duplicate_case (found_at, id) WHERE status = 'open';
CREATE INDEX ON {{schema}}.duplicate_case (other_id);

-- What a merge changed, a value a row, so that it can be undone; gone when it was.
CREATE TABLE {{schema}}.merge_step (
    merge_id uuid NOT NULL, entity text NOT NULL, row_id uuid NOT NULL, field text NOT NULL, before jsonb, after jsonb,
    PRIMARY KEY (merge_id, entity, row_id, field)
);
CREATE INDEX ON {{schema}}.merge_step (row_id);

-- The door of every writer. The row lock it takes lasts until commit. A second call in the same transaction changes nothing.
CREATE FUNCTION {{schema}}.take_revision(member uuid, device uuid) RETURNS TABLE (revision bigint, at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
        UPDATE {{schema}}.revision_counter c
        SET revision = c.revision + 1, xact = pg_current_xact_id(), member_id = member, device_id = device, at = clock_timestamp()
        WHERE c.xact IS DISTINCT FROM pg_current_xact_id()
        RETURNING c.revision, c.at;
    IF NOT FOUND THEN
        RETURN QUERY SELECT c.revision, c.at FROM {{schema}}.revision_counter c;
    END IF;
END $$;

CREATE FUNCTION {{schema}}.before_statement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'TRUNCATE of % is refused: devices would never learn of it. Use DELETE.', TG_TABLE_NAME;
    END IF;
    UPDATE {{schema}}.revision_counter c
    SET revision = c.revision + 1, xact = pg_current_xact_id(), member_id = NULL, device_id = NULL, at = clock_timestamp()
    WHERE c.xact IS DISTINCT FROM pg_current_xact_id();
    RETURN NULL;
END $$;


CREATE TABLE {{schema}}."role" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "key" text NOT NULL,
    "name" text NOT NULL,
    "base" text NOT NULL CHECK ("base" IN ('rep', 'manager', 'admin', 'owner', 'billing')),
    "permissions" jsonb NOT NULL DEFAULT '{}',
    "fields" jsonb NOT NULL DEFAULT '{}',
    reach smallint GENERATED ALWAYS AS ({{schema}}.reach_of(permissions)) STORED
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX ON {{schema}}.role ("key") WHERE deleted_at IS NULL;


CREATE TABLE {{schema}}."office" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "address" jsonb
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."team" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "office_id" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."custom_field" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "entity" text NOT NULL,
    "key" text NOT NULL,
    "label" text NOT NULL,
    "labels" jsonb NOT NULL DEFAULT '{}',
    "field_type" text NOT NULL CHECK ("field_type" IN ('text', 'integer', 'decimal', 'boolean', 'date', 'choice')),
    "choices" jsonb NOT NULL DEFAULT '[]',
    "required" boolean NOT NULL DEFAULT false,
    "position" bigint NOT NULL DEFAULT 0,
    "version" bigint NOT NULL DEFAULT 1,
    "active" boolean NOT NULL DEFAULT true
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."territory" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "parent_id" uuid,
    "manager_id" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."member" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "role" text NOT NULL,
    "active" boolean NOT NULL DEFAULT true,
    "team_id" uuid,
    identity_id uuid, email text, UNIQUE (identity_id)
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."delegation" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "member_id" uuid NOT NULL,
    "substitute_id" uuid NOT NULL,
    "starts_on" date,
    "ends_on" date
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."legal_entity" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "tax_id" text,
    "country" text,
    "currency" text NOT NULL,
    "number_series" text
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."category" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "names" jsonb NOT NULL DEFAULT '{}',
    "parent_id" uuid,
    "position" bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."tax_category" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."tax_rate" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "tax_category_id" uuid NOT NULL,
    "country" text NOT NULL,
    "rate" numeric NOT NULL,
    "starts_on" date,
    "ends_on" date
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."price_list" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "currency" text NOT NULL,
    "starts_on" date,
    "ends_on" date,
    "version" bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."product" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "sku" text NOT NULL,
    "name" text NOT NULL,
    "names" jsonb NOT NULL DEFAULT '{}',
    "base_unit" text NOT NULL,
    "category_id" uuid,
    "tax_category_id" uuid,
    "description" text,
    "active" boolean NOT NULL DEFAULT true
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."product" ("name", id);
CREATE INDEX ON {{schema}}."product" ("sku", id);


CREATE TABLE {{schema}}."product_unit" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "product_id" uuid NOT NULL,
    "unit" text NOT NULL,
    "factor" numeric NOT NULL DEFAULT 1,
    "barcode" text,
    "multiple" numeric NOT NULL DEFAULT 1
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."price_item" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "price_list_id" uuid NOT NULL,
    "product_id" uuid NOT NULL,
    "unit" text NOT NULL,
    "price" numeric NOT NULL,
    "minimum_quantity" numeric NOT NULL DEFAULT 0,
    "starts_on" date,
    "ends_on" date
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."assortment" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "starts_on" date,
    "ends_on" date
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."promotion" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "names" jsonb NOT NULL DEFAULT '{}',
    "version" bigint NOT NULL DEFAULT 1,
    "priority" bigint NOT NULL DEFAULT 0,
    "exclusive" boolean NOT NULL DEFAULT false,
    "starts_on" date,
    "ends_on" date,
    "conditions" jsonb NOT NULL DEFAULT '{}',
    "effects" jsonb NOT NULL,
    "active" boolean NOT NULL DEFAULT true
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."warehouse" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "legal_entity_id" uuid,
    "warehouse_kind" text NOT NULL DEFAULT 'depot' CHECK ("warehouse_kind" IN ('depot', 'van')),
    "member_id" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."stock" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "warehouse_id" uuid NOT NULL,
    "product_id" uuid NOT NULL,
    "quantity" numeric NOT NULL,
    "reserved" numeric NOT NULL DEFAULT 0,
    "as_of" timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."stock_movement" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "warehouse_id" uuid NOT NULL,
    "product_id" uuid NOT NULL,
    "movement_kind" text NOT NULL CHECK ("movement_kind" IN ('count', 'receipt', 'transfer', 'sale', 'return', 'write_off')),
    "quantity" numeric NOT NULL DEFAULT 0,
    "counted" numeric,
    "reason" text,
    "source_entity" text,
    "source_id" uuid,
    "moved_at" timestamptz NOT NULL
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."account" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "name" text NOT NULL,
    "legal_name" text,
    "roles" jsonb NOT NULL DEFAULT '["customer"]',
    "tax_id" text,
    "parent_id" uuid,
    "tags" jsonb NOT NULL DEFAULT '[]'
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."account" ("name", id);
CREATE INDEX ON {{schema}}."account" ("tax_id");
CREATE INDEX ON {{schema}}."account" ({{schema}}.name_key(name));
CREATE INDEX ON {{schema}}."account" ({{schema}}.tax_id_key(tax_id));


CREATE TABLE {{schema}}."agreement" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "account_id" uuid NOT NULL,
    "legal_entity_id" uuid NOT NULL,
    "price_list_id" uuid NOT NULL,
    "currency" text NOT NULL,
    "payment_terms_days" bigint,
    "credit_limit_minor" bigint,
    "discount_max" numeric NOT NULL DEFAULT 0,
    "vat_status" text
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."outlet" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "account_id" uuid NOT NULL,
    "territory_id" uuid,
    "name" text NOT NULL,
    "address" jsonb,
    "position" jsonb,
    "time_zone" text,
    "delivery_windows" jsonb,
    "channel" text,
    "description" text,
    "tags" jsonb NOT NULL DEFAULT '[]'
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."outlet" ("name", id);


CREATE TABLE {{schema}}."assortment_item" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "assortment_id" uuid NOT NULL,
    "effect" text NOT NULL DEFAULT 'allow' CHECK ("effect" IN ('allow', 'ban')),
    "product_id" uuid,
    "category_id" uuid,
    "outlet_id" uuid,
    "channel" text,
    "starts_on" date,
    "ends_on" date
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."contact" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "account_id" uuid NOT NULL,
    "outlet_id" uuid,
    "name" text NOT NULL,
    "job_title" text,
    "language" text,
    "description" text
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."contact" ("name", id);
CREATE INDEX ON {{schema}}."contact" ({{schema}}.name_key(name), account_id);


CREATE TABLE {{schema}}."contact_channel" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "contact_id" uuid NOT NULL,
    "channel_kind" text NOT NULL CHECK ("channel_kind" IN ('phone', 'email', 'fax', 'messenger')),
    "value" text NOT NULL,
    "label" text,
    "preferred" boolean NOT NULL DEFAULT false
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."contact_channel" ("value");
CREATE INDEX ON {{schema}}."contact_channel" ({{schema}}.channel_key(channel_kind, value));


CREATE TABLE {{schema}}."consent" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "contact_id" uuid NOT NULL,
    "purpose" text NOT NULL,
    "channel_kind" text CHECK ("channel_kind" IN ('phone', 'email', 'fax', 'messenger')),
    "state" text NOT NULL CHECK ("state" IN ('granted', 'withdrawn')),
    "at" timestamptz NOT NULL,
    "evidence" text,
    "follows_id" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."assignment" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "member_id" uuid,
    "team_id" uuid,
    "outlet_id" uuid NOT NULL,
    "assortment_id" uuid,
    "starts_on" date,
    "ends_on" date,
    "delegated_by" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."order" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "number" text NOT NULL,
    "maker_id" uuid NOT NULL,
    "owner_id" uuid NOT NULL,
    "credited_id" uuid NOT NULL,
    "account_id" uuid NOT NULL,
    "outlet_id" uuid NOT NULL,
    "legal_entity_id" uuid NOT NULL,
    "agreement_id" uuid NOT NULL,
    "warehouse_id" uuid NOT NULL,
    "price_list_id" uuid NOT NULL,
    "price_list_version" bigint NOT NULL DEFAULT 1,
    "currency" text NOT NULL,
    "exchange_rate" numeric,
    "exchange_rate_on" date,
    "address_snapshot" jsonb,
    "delivery_date" date,
    "delivery_window" jsonb,
    "fulfilment" text NOT NULL DEFAULT 'partial' CHECK ("fulfilment" IN ('complete', 'partial', 'backorder')),
    "status" text NOT NULL DEFAULT 'draft' CHECK ("status" IN ('draft', 'submitted', 'accepted', 'partly_accepted', 'needs_attention', 'refused', 'awaiting', 'shipped', 'delivered', 'closed', 'cancelled')),
    "status_reason" text,
    "captured_at" timestamptz,
    "submitted_at" timestamptz,
    "total_minor" bigint NOT NULL DEFAULT 0,
    "note" text,
    "source_order_id" uuid,
    "revises_order_id" uuid
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."order" ("number", id);
CREATE INDEX ON {{schema}}."order" ("submitted_at", id);


CREATE TABLE {{schema}}."order_line" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "order_id" uuid NOT NULL,
    "position" bigint NOT NULL DEFAULT 0,
    "product_id" uuid NOT NULL,
    "unit" text NOT NULL,
    "factor" numeric NOT NULL DEFAULT 1,
    "quantity" numeric NOT NULL,
    "list_price" numeric NOT NULL,
    "discount" numeric NOT NULL DEFAULT 0,
    "adjustments" jsonb NOT NULL DEFAULT '[]',
    "tax" jsonb,
    "amount_minor" bigint NOT NULL DEFAULT 0,
    "quantity_accepted" numeric,
    "quantity_shipped" numeric,
    "quantity_delivered" numeric,
    "quantity_returned" numeric,
    "bundle_id" uuid,
    "verdict" text,
    "verdict_reason" text
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."return_order" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "number" text NOT NULL,
    "maker_id" uuid NOT NULL,
    "account_id" uuid NOT NULL,
    "outlet_id" uuid NOT NULL,
    "legal_entity_id" uuid NOT NULL,
    "agreement_id" uuid NOT NULL,
    "warehouse_id" uuid,
    "currency" text NOT NULL,
    "status" text NOT NULL DEFAULT 'draft' CHECK ("status" IN ('draft', 'submitted', 'accepted', 'refused', 'closed', 'cancelled')),
    "status_reason" text,
    "captured_at" timestamptz,
    "submitted_at" timestamptz,
    "total_minor" bigint NOT NULL DEFAULT 0,
    "note" text,
    "source_order_id" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."return_line" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "return_order_id" uuid NOT NULL,
    "position" bigint NOT NULL DEFAULT 0,
    "product_id" uuid NOT NULL,
    "source_line_id" uuid,
    "reason" text NOT NULL CHECK ("reason" IN ('damaged', 'expired', 'wrong_item', 'unsold', 'recalled', 'other')),
    "unit" text NOT NULL,
    "factor" numeric NOT NULL DEFAULT 1,
    "quantity" numeric NOT NULL,
    "price" numeric NOT NULL DEFAULT 0,
    "amount_minor" bigint NOT NULL DEFAULT 0,
    "note" text
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."invoice" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "number" text NOT NULL,
    "account_id" uuid NOT NULL,
    "legal_entity_id" uuid NOT NULL,
    "order_id" uuid,
    "currency" text NOT NULL,
    "issued_on" date NOT NULL,
    "due_on" date,
    "total_minor" bigint NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."invoice" ("number", id);


CREATE TABLE {{schema}}."receivable" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "account_id" uuid NOT NULL,
    "legal_entity_id" uuid NOT NULL,
    "invoice_id" uuid,
    "document_number" text NOT NULL,
    "currency" text NOT NULL,
    "due_on" date NOT NULL,
    "amount_minor" bigint NOT NULL,
    "balance_minor" bigint NOT NULL,
    "as_of" timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."payment" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "account_id" uuid NOT NULL,
    "outlet_id" uuid,
    "legal_entity_id" uuid NOT NULL,
    "currency" text NOT NULL,
    "amount_minor" bigint NOT NULL,
    "method" text NOT NULL CHECK ("method" IN ('cash', 'card', 'bank_transfer', 'cheque', 'other')),
    "receipt_number" text NOT NULL,
    "paid_at" timestamptz NOT NULL,
    "reversal_of_id" uuid,
    "allocated_minor" bigint NOT NULL DEFAULT 0,
    "note" text
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."payment" ("receipt_number", id);


CREATE TABLE {{schema}}."payment_allocation" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "payment_id" uuid NOT NULL,
    "receivable_id" uuid NOT NULL,
    "amount_minor" bigint NOT NULL
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."comment" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "entity" text NOT NULL,
    "row_id" uuid NOT NULL,
    "body" text NOT NULL,
    "visibility" text NOT NULL DEFAULT 'internal' CHECK ("visibility" IN ('internal', 'printed'))
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."comment" ("row_id", id);


CREATE TABLE {{schema}}."attachment" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "entity" text NOT NULL,
    "row_id" uuid NOT NULL,
    "name" text NOT NULL,
    "media_type" text NOT NULL,
    "size_bytes" bigint NOT NULL,
    "sha256" text NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."attachment" ("row_id", id);


CREATE TABLE {{schema}}."route" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "member_id" uuid NOT NULL,
    "day" date NOT NULL,
    "name" text,
    "note" text
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."route_stop" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "route_id" uuid NOT NULL,
    "outlet_id" uuid NOT NULL,
    "position" bigint NOT NULL DEFAULT 0,
    "planned_at" timestamptz,
    "note" text
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."visit" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "outlet_id" uuid NOT NULL,
    "member_id" uuid NOT NULL,
    "route_stop_id" uuid,
    "checked_in_at" timestamptz NOT NULL,
    "position" jsonb,
    "position_absence" text CHECK ("position_absence" IN ('refused', 'unavailable', 'inaccurate')),
    "checked_out_at" timestamptz,
    "position_out" jsonb,
    "outcome" text,
    "note" text,
    "signature_id" uuid
) WITH (fillfactor = 80);


CREATE TABLE {{schema}}."conflict" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "entity" text NOT NULL,
    "row_id" uuid NOT NULL,
    "field" text NOT NULL,
    "rule" text NOT NULL,
    "kept" jsonb,
    "lost" jsonb,
    "kept_by" uuid,
    "lost_by" uuid,
    "device_id" uuid,
    "mutation_number" bigint,
    "captured_at" timestamptz,
    "status" text NOT NULL CHECK ("status" IN ('recorded', 'open', 'settled')),
    "explanation" text NOT NULL,
    "settlement" text CHECK ("settlement" IN ('keep', 'take', 'delete')),
    "settled_by" uuid,
    "settled_at" timestamptz
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."conflict" ("row_id", id);


CREATE TABLE {{schema}}."merge" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "entity" text NOT NULL CHECK ("entity" IN ('account', 'contact')),
    "winner_id" uuid NOT NULL,
    "loser_id" uuid NOT NULL,
    "undone_at" timestamptz
) WITH (fillfactor = 80);
CREATE INDEX ON {{schema}}."merge" ("loser_id", id);
CREATE INDEX ON {{schema}}."merge" ("winner_id", id);



ALTER TABLE {{schema}}."team" ADD FOREIGN KEY ("office_id") REFERENCES {{schema}}."office" (id);
CREATE INDEX ON {{schema}}."team" ("office_id");


ALTER TABLE {{schema}}."territory" ADD FOREIGN KEY ("parent_id") REFERENCES {{schema}}."territory" (id),
    ADD FOREIGN KEY ("manager_id") REFERENCES {{schema}}."member" (id);
CREATE INDEX ON {{schema}}."territory" ("parent_id");
CREATE INDEX ON {{schema}}."territory" ("manager_id");

ALTER TABLE {{schema}}."member" ADD FOREIGN KEY ("team_id") REFERENCES {{schema}}."team" (id);
CREATE INDEX ON {{schema}}."member" ("team_id");

ALTER TABLE {{schema}}."delegation" ADD FOREIGN KEY ("member_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("substitute_id") REFERENCES {{schema}}."member" (id);
CREATE INDEX ON {{schema}}."delegation" ("member_id");
CREATE INDEX ON {{schema}}."delegation" ("substitute_id");


ALTER TABLE {{schema}}."category" ADD FOREIGN KEY ("parent_id") REFERENCES {{schema}}."category" (id);


ALTER TABLE {{schema}}."tax_rate" ADD FOREIGN KEY ("tax_category_id") REFERENCES {{schema}}."tax_category" (id);


ALTER TABLE {{schema}}."product" ADD FOREIGN KEY ("category_id") REFERENCES {{schema}}."category" (id),
    ADD FOREIGN KEY ("tax_category_id") REFERENCES {{schema}}."tax_category" (id);
CREATE INDEX ON {{schema}}."product" ("category_id");

ALTER TABLE {{schema}}."product_unit" ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id);
CREATE INDEX ON {{schema}}."product_unit" ("product_id");

ALTER TABLE {{schema}}."price_item" ADD FOREIGN KEY ("price_list_id") REFERENCES {{schema}}."price_list" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id);
CREATE INDEX ON {{schema}}."price_item" ("price_list_id");
CREATE INDEX ON {{schema}}."price_item" ("product_id");



ALTER TABLE {{schema}}."warehouse" ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("member_id") REFERENCES {{schema}}."member" (id);

ALTER TABLE {{schema}}."stock" ADD FOREIGN KEY ("warehouse_id") REFERENCES {{schema}}."warehouse" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id);
CREATE INDEX ON {{schema}}."stock" ("warehouse_id");
CREATE INDEX ON {{schema}}."stock" ("product_id");

ALTER TABLE {{schema}}."stock_movement" ADD FOREIGN KEY ("warehouse_id") REFERENCES {{schema}}."warehouse" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id);
CREATE INDEX ON {{schema}}."stock_movement" ("warehouse_id");

ALTER TABLE {{schema}}."account" ADD FOREIGN KEY ("parent_id") REFERENCES {{schema}}."account" (id);
CREATE INDEX ON {{schema}}."account" ("parent_id");

ALTER TABLE {{schema}}."agreement" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("price_list_id") REFERENCES {{schema}}."price_list" (id);
CREATE INDEX ON {{schema}}."agreement" ("account_id");

ALTER TABLE {{schema}}."outlet" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("territory_id") REFERENCES {{schema}}."territory" (id);
CREATE INDEX ON {{schema}}."outlet" ("account_id");
CREATE INDEX ON {{schema}}."outlet" ("territory_id");

ALTER TABLE {{schema}}."assortment_item" ADD FOREIGN KEY ("assortment_id") REFERENCES {{schema}}."assortment" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id),
    ADD FOREIGN KEY ("category_id") REFERENCES {{schema}}."category" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id);
CREATE INDEX ON {{schema}}."assortment_item" ("assortment_id");

ALTER TABLE {{schema}}."contact" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id);
CREATE INDEX ON {{schema}}."contact" ("account_id");
CREATE INDEX ON {{schema}}."contact" ("outlet_id");

ALTER TABLE {{schema}}."contact_channel" ADD FOREIGN KEY ("contact_id") REFERENCES {{schema}}."contact" (id);
CREATE INDEX ON {{schema}}."contact_channel" ("contact_id");

ALTER TABLE {{schema}}."consent" ADD FOREIGN KEY ("contact_id") REFERENCES {{schema}}."contact" (id),
    ADD FOREIGN KEY ("follows_id") REFERENCES {{schema}}."consent" (id);
CREATE INDEX ON {{schema}}."consent" ("contact_id");

ALTER TABLE {{schema}}."assignment" ADD FOREIGN KEY ("member_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("team_id") REFERENCES {{schema}}."team" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id),
    ADD FOREIGN KEY ("assortment_id") REFERENCES {{schema}}."assortment" (id),
    ADD FOREIGN KEY ("delegated_by") REFERENCES {{schema}}."member" (id);
CREATE INDEX ON {{schema}}."assignment" ("member_id");
CREATE INDEX ON {{schema}}."assignment" ("team_id");
CREATE INDEX ON {{schema}}."assignment" ("outlet_id");

ALTER TABLE {{schema}}."order" ADD FOREIGN KEY ("maker_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("owner_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("credited_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id),
    ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("agreement_id") REFERENCES {{schema}}."agreement" (id),
    ADD FOREIGN KEY ("warehouse_id") REFERENCES {{schema}}."warehouse" (id),
    ADD FOREIGN KEY ("price_list_id") REFERENCES {{schema}}."price_list" (id),
    ADD FOREIGN KEY ("source_order_id") REFERENCES {{schema}}."order" (id),
    ADD FOREIGN KEY ("revises_order_id") REFERENCES {{schema}}."order" (id);
CREATE INDEX ON {{schema}}."order" ("maker_id");
CREATE INDEX ON {{schema}}."order" ("owner_id");
CREATE INDEX ON {{schema}}."order" ("account_id");
CREATE INDEX ON {{schema}}."order" ("outlet_id");
CREATE INDEX ON {{schema}}."order" ("revises_order_id");

ALTER TABLE {{schema}}."order_line" ADD FOREIGN KEY ("order_id") REFERENCES {{schema}}."order" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id);
CREATE INDEX ON {{schema}}."order_line" ("order_id");
CREATE INDEX ON {{schema}}."order_line" ("product_id");

ALTER TABLE {{schema}}."return_order" ADD FOREIGN KEY ("maker_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id),
    ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("agreement_id") REFERENCES {{schema}}."agreement" (id),
    ADD FOREIGN KEY ("warehouse_id") REFERENCES {{schema}}."warehouse" (id),
    ADD FOREIGN KEY ("source_order_id") REFERENCES {{schema}}."order" (id);
CREATE INDEX ON {{schema}}."return_order" ("account_id");
CREATE INDEX ON {{schema}}."return_order" ("outlet_id");

ALTER TABLE {{schema}}."return_line" ADD FOREIGN KEY ("return_order_id") REFERENCES {{schema}}."return_order" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id),
    ADD FOREIGN KEY ("source_line_id") REFERENCES {{schema}}."order_line" (id);
CREATE INDEX ON {{schema}}."return_line" ("return_order_id");

ALTER TABLE {{schema}}."invoice" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("order_id") REFERENCES {{schema}}."order" (id);
CREATE INDEX ON {{schema}}."invoice" ("account_id");
CREATE INDEX ON {{schema}}."invoice" ("order_id");

ALTER TABLE {{schema}}."receivable" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("invoice_id") REFERENCES {{schema}}."invoice" (id);
CREATE INDEX ON {{schema}}."receivable" ("account_id");

ALTER TABLE {{schema}}."payment" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id),
    ADD FOREIGN KEY ("legal_entity_id") REFERENCES {{schema}}."legal_entity" (id),
    ADD FOREIGN KEY ("reversal_of_id") REFERENCES {{schema}}."payment" (id);
CREATE INDEX ON {{schema}}."payment" ("account_id");
CREATE INDEX ON {{schema}}."payment" ("outlet_id");

ALTER TABLE {{schema}}."payment_allocation" ADD FOREIGN KEY ("payment_id") REFERENCES {{schema}}."payment" (id),
    ADD FOREIGN KEY ("receivable_id") REFERENCES {{schema}}."receivable" (id);
CREATE INDEX ON {{schema}}."payment_allocation" ("payment_id");
CREATE INDEX ON {{schema}}."payment_allocation" ("receivable_id");



ALTER TABLE {{schema}}."route" ADD FOREIGN KEY ("member_id") REFERENCES {{schema}}."member" (id);
CREATE INDEX ON {{schema}}."route" ("member_id");

ALTER TABLE {{schema}}."route_stop" ADD FOREIGN KEY ("route_id") REFERENCES {{schema}}."route" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id);
CREATE INDEX ON {{schema}}."route_stop" ("route_id");

ALTER TABLE {{schema}}."visit" ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id),
    ADD FOREIGN KEY ("member_id") REFERENCES {{schema}}."member" (id),
    ADD FOREIGN KEY ("route_stop_id") REFERENCES {{schema}}."route_stop" (id),
    ADD FOREIGN KEY ("signature_id") REFERENCES {{schema}}."attachment" (id);
CREATE INDEX ON {{schema}}."visit" ("outlet_id");
CREATE INDEX ON {{schema}}."visit" ("member_id");




INSERT INTO {{schema}}."role" (id, "key", name, base) VALUES
    ('30a1cdfd-b9cf-5c00-9919-1660df3f2a6d', 'rep', 'Rep', 'rep'),
    ('ab34b315-44d6-5bd4-b26a-8848737de08d', 'manager', 'Manager', 'manager'),
    ('950c1c25-0f91-5380-bd04-5dbe6901eff7', 'admin', 'Admin', 'admin'),
    ('b93f445c-f698-5fad-9897-f0149d87f3b2', 'owner', 'Owner', 'owner'),
    ('cfc380c7-a9d4-54b3-9b42-b51a4ef7d189', 'billing', 'Billing', 'billing');
INSERT INTO {{schema}}.scope_entry ("row", scope, entity, revision, gone)
SELECT id, 'ffffffff-ffff-ffff-ffff-ffffffffffff', 60, 0, false FROM {{schema}}."role";


CREATE VIEW {{schema}}.active_member AS
    SELECT m.id, m.team_id, greatest(r.reach, CASE coalesce(r.base, m.role)
        WHEN 'rep' THEN 1 WHEN 'manager' THEN 3 WHEN 'admin' THEN 4 WHEN 'owner' THEN 4 ELSE 0 END) AS reach
    FROM {{schema}}.member m LEFT JOIN {{schema}}.role r ON r.key = m.role AND r.deleted_at IS NULL
    WHERE m.active AND m.deleted_at IS NULL;

CREATE VIEW {{schema}}.worked_outlet AS
    SELECT s.outlet_id, s.member_id FROM {{schema}}.assignment s
    WHERE s.member_id IS NOT NULL AND s.deleted_at IS NULL
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date)
    UNION ALL
    SELECT s.outlet_id, m.id FROM {{schema}}.assignment s JOIN {{schema}}.member m ON m.team_id = s.team_id
    WHERE s.deleted_at IS NULL
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date);

CREATE VIEW {{schema}}.granted AS
    -- Own: the tenant's catalogue, what is the member's, and the outlets that they work.
    SELECT a.id AS member_id, s.scope, 1::smallint AS level FROM {{schema}}.active_member a
    CROSS JOIN LATERAL (VALUES ('00000000-0000-0000-0000-000000000000'::uuid), (a.id)) AS s (scope) WHERE a.reach > 0
    UNION ALL
    SELECT w.member_id, w.outlet_id, 1 FROM {{schema}}.worked_outlet w
    JOIN {{schema}}.active_member a ON a.id = w.member_id AND a.reach > 0
    UNION ALL
    -- A substitute stands in for the other, in what is theirs.
    SELECT d.substitute_id, s.scope, 1 FROM {{schema}}.delegation d
    JOIN {{schema}}.active_member a ON a.id = d.substitute_id AND a.reach > 0
    CROSS JOIN LATERAL (
        SELECT d.member_id UNION ALL SELECT w.outlet_id FROM {{schema}}.worked_outlet w WHERE w.member_id = d.member_id
    ) AS s (scope)
    WHERE d.deleted_at IS NULL
    AND (d.starts_on IS NULL OR d.starts_on <= current_date) AND (d.ends_on IS NULL OR d.ends_on >= current_date)
    UNION ALL
    -- Team: what is own to any of its members.
    SELECT a.id, s.scope, 2 FROM {{schema}}.active_member a JOIN {{schema}}.member m ON m.team_id = a.team_id AND m.id <> a.id
    CROSS JOIN LATERAL (
        SELECT m.id UNION ALL SELECT w.outlet_id FROM {{schema}}.worked_outlet w WHERE w.member_id = m.id
    ) AS s (scope)
    WHERE a.reach >= 2
    UNION ALL
    -- Territory: the outlets of the branches that the member manages.
    SELECT b.manager_id, o.id, 3 FROM (
        WITH RECURSIVE branch AS (
            SELECT t.id, t.manager_id FROM {{schema}}.territory t WHERE t.manager_id IS NOT NULL AND t.deleted_at IS NULL
            UNION
            SELECT t.id, branch.manager_id FROM {{schema}}.territory t JOIN branch ON t.parent_id = branch.id
            WHERE t.deleted_at IS NULL
        ) SELECT branch.id, branch.manager_id FROM branch
    ) b
    JOIN {{schema}}.active_member a ON a.id = b.manager_id AND a.reach >= 3
    JOIN {{schema}}.outlet o ON o.territory_id = b.id
    UNION ALL
    -- All: every outlet, every member, and what belongs to none.
    SELECT a.id, s.scope, 4 FROM {{schema}}.active_member a CROSS JOIN LATERAL (
        SELECT o.id FROM {{schema}}.outlet o UNION ALL SELECT m.id FROM {{schema}}.member m
        UNION ALL SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid
    ) AS s (scope)
    WHERE a.reach >= 4;

-- Brings the grants in line with the view. NULL stands for all members, or all scopes. Of several levels the nearest
-- counts: whoever reads as far as a farther one reads as far as it.
CREATE FUNCTION {{schema}}.refresh_grants(members uuid[], scopes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz;
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT v.member_id, v.scope, min(v.level)::smallint AS level FROM {{schema}}.granted v WHERE (members IS NULL OR v.member_id = ANY (members)) AND (scopes IS NULL OR v.scope = ANY (scopes))
        GROUP BY v.member_id, v.scope
    ), lost AS (
        UPDATE {{schema}}.scope_grant g SET gone = true, revision = r, at = moment
        WHERE NOT g.gone AND (members IS NULL OR g.member_id = ANY (members)) AND (scopes IS NULL OR g.scope = ANY (scopes))
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d.member_id = g.member_id AND d.scope = g.scope AND d.level = g.level)
    )
    INSERT INTO {{schema}}.scope_grant AS g (member_id, scope, level, revision, gone, at)
    SELECT d.member_id, d.scope, d.level, r, false, moment FROM desired d
    ON CONFLICT (member_id, scope, level) DO UPDATE SET gone = false, revision = r, at = moment WHERE g.gone;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_role(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT r.id AS "row", 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid AS scope FROM {{schema}}.role r
        WHERE r.id = ANY (ids) AND r.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 60::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_office(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."office" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 61::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_team(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."team" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 62::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_custom_field(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."custom_field" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 49::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_territory(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."territory" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 1::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_member(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."member" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 2::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_delegation(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT d.id AS "row", v.scope FROM {{schema}}.delegation d
        CROSS JOIN LATERAL (VALUES (d.member_id), (d.substitute_id)) AS v (scope)
        WHERE d.id = ANY (ids) AND d.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 63::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_legal_entity(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."legal_entity" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 3::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_category(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."category" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 30::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_tax_category(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."tax_category" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 31::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_tax_rate(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."tax_rate" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 32::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_price_list(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."price_list" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 4::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_product(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."product" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 5::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_product_unit(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."product_unit" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 6::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_price_item(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."price_item" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 7::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_assortment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."assortment" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 33::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_promotion(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."promotion" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 35::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_warehouse(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."warehouse" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 8::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_stock(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."stock" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 9::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_stock_movement(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", coalesce(w.member_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AS scope FROM {{schema}}.stock_movement x
        JOIN {{schema}}.warehouse w ON w.id = x.warehouse_id
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 40::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_account(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT a.id AS "row", v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
        WHERE a.id = ANY (ids) AND a.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 10::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_agreement(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}."agreement" x
        JOIN {{schema}}.account a ON a.id = x.account_id CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 11::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_outlet(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT o.id AS "row", o.id AS scope FROM {{schema}}.outlet o WHERE o.id = ANY (ids) AND o.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 12::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_assortment_item(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", coalesce(x.outlet_id, '00000000-0000-0000-0000-000000000000'::uuid) AS scope FROM {{schema}}.assortment_item x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 34::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_contact(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT c.id AS "row", v.scope FROM {{schema}}."contact" c CROSS JOIN LATERAL (
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL) v
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 13::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_contact_channel(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}."contact_channel" x
        JOIN {{schema}}."contact" c ON c.id = x."contact_id" AND c.deleted_at IS NULL
        CROSS JOIN LATERAL (
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 14::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_consent(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}."consent" x
        JOIN {{schema}}."contact" c ON c.id = x."contact_id" AND c.deleted_at IS NULL
        CROSS JOIN LATERAL (
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 41::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_assignment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT s.id AS "row", v.scope FROM {{schema}}.assignment s
        CROSS JOIN LATERAL (VALUES (s.outlet_id), (s.member_id)) AS v (scope)
        WHERE s.id = ANY (ids) AND s.deleted_at IS NULL AND v.scope IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 15::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_order(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."outlet_id" AS scope FROM {{schema}}."order" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 16::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_order_line(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p."outlet_id" AS scope FROM {{schema}}."order_line" x
        JOIN {{schema}}."order" p ON p.id = x.order_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 17::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_return_order(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."outlet_id" AS scope FROM {{schema}}."return_order" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 42::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_return_line(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p."outlet_id" AS scope FROM {{schema}}."return_line" x
        JOIN {{schema}}."return_order" p ON p.id = x.return_order_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 43::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_invoice(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}."invoice" x
        JOIN {{schema}}.account a ON a.id = x.account_id CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 36::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_receivable(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}."receivable" x
        JOIN {{schema}}.account a ON a.id = x.account_id CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 37::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_payment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT c.id AS "row", v.scope FROM {{schema}}."payment" c CROSS JOIN LATERAL (
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL) v
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 38::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_payment_allocation(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}."payment_allocation" x
        JOIN {{schema}}."payment" c ON c.id = x."payment_id" AND c.deleted_at IS NULL
        CROSS JOIN LATERAL (
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL) v
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 39::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_comment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", e.scope FROM {{schema}}."comment" x
        JOIN {{schema}}.scope_entry e ON e."row" = x.row_id AND NOT e.gone
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 47::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_attachment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", e.scope FROM {{schema}}."attachment" x
        JOIN {{schema}}.scope_entry e ON e."row" = x.row_id AND NOT e.gone
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 48::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_route(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."member_id" AS scope FROM {{schema}}."route" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."member_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 44::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_route_stop(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p."member_id" AS scope FROM {{schema}}."route_stop" x
        JOIN {{schema}}."route" p ON p.id = x.route_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."member_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 45::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_visit(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."member_id" AS scope FROM {{schema}}."visit" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."member_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 46::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_conflict(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT c.id AS "row", coalesce(side.member_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AS scope FROM {{schema}}.conflict c
        CROSS JOIN LATERAL (VALUES (c.lost_by), (c.kept_by)) AS side (member_id)
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 18::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_merge(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; followers uuid[];
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT m.id AS "row", v.scope FROM {{schema}}.merge m JOIN {{schema}}.account a ON a.id = m.winner_id
        CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
        WHERE m.id = ANY (ids) AND m.deleted_at IS NULL AND m.entity = 'account'
        UNION ALL
        SELECT m.id, v.scope FROM {{schema}}.merge m JOIN {{schema}}.contact c ON c.id = m.winner_id
        CROSS JOIN LATERAL (
            SELECT c.outlet_id AS scope WHERE c.outlet_id IS NOT NULL
            UNION ALL
            SELECT v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
            WHERE a.id = c.account_id AND c.outlet_id IS NULL) v
        WHERE m.id = ANY (ids) AND m.deleted_at IS NULL AND m.entity = 'contact'
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
    )
    INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
    SELECT DISTINCT d."row", d.scope, 80::smallint, r, false FROM desired d
    ON CONFLICT ("row", scope) DO UPDATE SET gone = false, revision = r WHERE s.gone;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.stamp_role() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."role" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of role never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."role" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."role" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_role();

CREATE FUNCTION {{schema}}.after_insert_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_role(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.role IN (SELECT r.key FROM new_rows r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."role" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_role();
CREATE FUNCTION {{schema}}.after_update_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "key", "base", "permissions", "deleted_at" FROM new_rows EXCEPT SELECT id, "key", "base", "permissions", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_role(moved);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.role IN (SELECT r.key FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."role" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_role();


CREATE FUNCTION {{schema}}.stamp_office() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."office" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of office never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."office" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."office" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_office();

CREATE FUNCTION {{schema}}.after_insert_office() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_office(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."office" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_office();
CREATE FUNCTION {{schema}}.after_update_office() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_office(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."office" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_office();


CREATE FUNCTION {{schema}}.stamp_team() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."team" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of team never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."team" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."team" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_team();

CREATE FUNCTION {{schema}}.after_insert_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_team(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."team" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_team();
CREATE FUNCTION {{schema}}.after_update_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_team(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."team" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_team();


CREATE FUNCTION {{schema}}.stamp_custom_field() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."custom_field" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of custom_field never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."custom_field" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."custom_field" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_custom_field();

CREATE FUNCTION {{schema}}.after_insert_custom_field() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_custom_field(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."custom_field" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_custom_field();
CREATE FUNCTION {{schema}}.after_update_custom_field() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_custom_field(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."custom_field" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_custom_field();


CREATE FUNCTION {{schema}}.stamp_territory() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."territory" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of territory never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."territory" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."territory" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_territory();

CREATE FUNCTION {{schema}}.after_insert_territory() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_territory(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(NULL, NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."territory" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_territory();
CREATE FUNCTION {{schema}}.after_update_territory() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "parent_id", "manager_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "parent_id", "manager_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_territory(moved);
    PERFORM {{schema}}.refresh_grants(NULL, NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."territory" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_territory();


CREATE FUNCTION {{schema}}.stamp_member() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."member" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of member never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."member" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."member" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_member();

CREATE FUNCTION {{schema}}.after_insert_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_member(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.id FROM new_rows r), NULL);
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.id FROM new_rows r));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.team_id IN (SELECT r.team_id FROM new_rows r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."member" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_member();
CREATE FUNCTION {{schema}}.after_update_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "role", "active", "team_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "role", "active", "team_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_member(moved);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r), NULL);
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.team_id IN (SELECT r.team_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."member" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_member();


CREATE FUNCTION {{schema}}.stamp_delegation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."delegation" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of delegation never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."delegation" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."delegation" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_delegation();

CREATE FUNCTION {{schema}}.after_insert_delegation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_delegation(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.substitute_id FROM new_rows r), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."delegation" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_delegation();
CREATE FUNCTION {{schema}}.after_update_delegation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "member_id", "substitute_id", "starts_on", "ends_on", "deleted_at" FROM new_rows EXCEPT SELECT id, "member_id", "substitute_id", "starts_on", "ends_on", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_delegation(moved);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.substitute_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."delegation" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_delegation();


CREATE FUNCTION {{schema}}.stamp_legal_entity() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."legal_entity" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of legal_entity never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."legal_entity" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."legal_entity" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_legal_entity();

CREATE FUNCTION {{schema}}.after_insert_legal_entity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_legal_entity(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."legal_entity" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_legal_entity();
CREATE FUNCTION {{schema}}.after_update_legal_entity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_legal_entity(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."legal_entity" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_legal_entity();


CREATE FUNCTION {{schema}}.stamp_category() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."category" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of category never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."category" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."category" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_category();

CREATE FUNCTION {{schema}}.after_insert_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_category(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."category" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_category();
CREATE FUNCTION {{schema}}.after_update_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_category(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."category" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_category();


CREATE FUNCTION {{schema}}.stamp_tax_category() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."tax_category" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of tax_category never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."tax_category" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."tax_category" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_tax_category();

CREATE FUNCTION {{schema}}.after_insert_tax_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_tax_category(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."tax_category" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_tax_category();
CREATE FUNCTION {{schema}}.after_update_tax_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_tax_category(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."tax_category" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_tax_category();


CREATE FUNCTION {{schema}}.stamp_tax_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."tax_rate" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of tax_rate never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."tax_rate" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."tax_rate" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_tax_rate();

CREATE FUNCTION {{schema}}.after_insert_tax_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_tax_rate(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."tax_rate" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_tax_rate();
CREATE FUNCTION {{schema}}.after_update_tax_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_tax_rate(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."tax_rate" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_tax_rate();


CREATE FUNCTION {{schema}}.stamp_price_list() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."price_list" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of price_list never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."price_list" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."price_list" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_price_list();

CREATE FUNCTION {{schema}}.after_insert_price_list() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_price_list(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."price_list" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_price_list();
CREATE FUNCTION {{schema}}.after_update_price_list() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_price_list(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."price_list" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_price_list();


CREATE FUNCTION {{schema}}.stamp_product() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."product" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of product never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."product" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."product" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_product();

CREATE FUNCTION {{schema}}.after_insert_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_product(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."product" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_product();
CREATE FUNCTION {{schema}}.after_update_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_product(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."product" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_product();


CREATE FUNCTION {{schema}}.stamp_product_unit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."product_unit" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of product_unit never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."product_unit" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."product_unit" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_product_unit();

CREATE FUNCTION {{schema}}.after_insert_product_unit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_product_unit(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."product_unit" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_product_unit();
CREATE FUNCTION {{schema}}.after_update_product_unit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_product_unit(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."product_unit" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_product_unit();


CREATE FUNCTION {{schema}}.stamp_price_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."price_item" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of price_item never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."price_item" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."price_item" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_price_item();

CREATE FUNCTION {{schema}}.after_insert_price_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_price_item(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."price_item" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_price_item();
CREATE FUNCTION {{schema}}.after_update_price_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    INSERT INTO {{schema}}.price_change (price_item_id, price, until, revision)
    SELECT o.id, o.price, c.at, c.revision
    FROM (SELECT id, price FROM old_rows EXCEPT SELECT id, price FROM new_rows) o CROSS JOIN {{schema}}.revision_counter c;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_price_item(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."price_item" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_price_item();


CREATE FUNCTION {{schema}}.stamp_assortment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."assortment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of assortment never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."assortment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."assortment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_assortment();

CREATE FUNCTION {{schema}}.after_insert_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assortment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."assortment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_assortment();
CREATE FUNCTION {{schema}}.after_update_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assortment(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."assortment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_assortment();


CREATE FUNCTION {{schema}}.stamp_promotion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."promotion" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of promotion never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."promotion" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."promotion" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_promotion();

CREATE FUNCTION {{schema}}.after_insert_promotion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_promotion(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."promotion" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_promotion();
CREATE FUNCTION {{schema}}.after_update_promotion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_promotion(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."promotion" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_promotion();


CREATE FUNCTION {{schema}}.stamp_warehouse() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."warehouse" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of warehouse never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."warehouse" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."warehouse" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_warehouse();

CREATE FUNCTION {{schema}}.after_insert_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_warehouse(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."warehouse" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_warehouse();
CREATE FUNCTION {{schema}}.after_update_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "member_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "member_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_warehouse(moved);
    PERFORM {{schema}}.refresh_scopes_stock_movement(ARRAY(SELECT x.id FROM {{schema}}."stock_movement" x WHERE x."warehouse_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."warehouse" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_warehouse();


CREATE FUNCTION {{schema}}.stamp_stock() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."stock" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of stock never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."stock" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."stock" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_stock();

CREATE FUNCTION {{schema}}.after_insert_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_stock(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."stock" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_stock();
CREATE FUNCTION {{schema}}.after_update_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "deleted_at" FROM new_rows EXCEPT SELECT id, "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_stock(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."stock" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_stock();


CREATE FUNCTION {{schema}}.stamp_stock_movement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."stock_movement" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of stock_movement never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."stock_movement" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."stock_movement" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_stock_movement();

CREATE FUNCTION {{schema}}.after_insert_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_stock_movement(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."stock_movement" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_stock_movement();
CREATE FUNCTION {{schema}}.after_update_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "warehouse_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "warehouse_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_stock_movement(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."stock_movement" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_stock_movement();


CREATE FUNCTION {{schema}}.stamp_account() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."account" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of account never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."name" IS DISTINCT FROM OLD."name" AND NEW.stamps -> 'name' IS NOT DISTINCT FROM OLD.stamps -> 'name' THEN
        given := given || jsonb_build_object('name', stamp);
    END IF;
    IF NEW."legal_name" IS DISTINCT FROM OLD."legal_name" AND NEW.stamps -> 'legal_name' IS NOT DISTINCT FROM OLD.stamps -> 'legal_name' THEN
        given := given || jsonb_build_object('legal_name', stamp);
    END IF;
    IF NEW."tags" IS DISTINCT FROM OLD."tags" AND NEW.stamps -> 'tags' IS NOT DISTINCT FROM OLD.stamps -> 'tags' THEN
        given := given || jsonb_build_object('tags', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."account" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."account" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_account();

CREATE FUNCTION {{schema}}.after_insert_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_account(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."account" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_account();
CREATE FUNCTION {{schema}}.after_update_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "created_by", "deleted_at" FROM new_rows EXCEPT SELECT id, "created_by", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_account(moved);
    PERFORM {{schema}}.refresh_scopes_agreement(ARRAY(SELECT x.id FROM {{schema}}."agreement" x WHERE x."account_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_contact(ARRAY(SELECT x.id FROM {{schema}}."contact" x WHERE x."account_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_invoice(ARRAY(SELECT x.id FROM {{schema}}."invoice" x WHERE x."account_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_receivable(ARRAY(SELECT x.id FROM {{schema}}."receivable" x WHERE x."account_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_payment(ARRAY(SELECT x.id FROM {{schema}}."payment" x WHERE x."account_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_contact_channel(ARRAY(SELECT x.id FROM {{schema}}."contact_channel" x JOIN {{schema}}."contact" p ON p.id = x.contact_id WHERE p.account_id IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_consent(ARRAY(SELECT x.id FROM {{schema}}."consent" x JOIN {{schema}}."contact" p ON p.id = x.contact_id WHERE p.account_id IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT x.id FROM {{schema}}."payment_allocation" x JOIN {{schema}}."payment" p ON p.id = x.payment_id WHERE p.account_id IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT c.id FROM {{schema}}.contact c WHERE c.account_id IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r))));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."account" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_account();


CREATE FUNCTION {{schema}}.stamp_agreement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."agreement" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of agreement never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."agreement" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."agreement" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_agreement();

CREATE FUNCTION {{schema}}.after_insert_agreement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_agreement(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."agreement" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_agreement();
CREATE FUNCTION {{schema}}.after_update_agreement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "account_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "account_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_agreement(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."agreement" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_agreement();


CREATE FUNCTION {{schema}}.stamp_outlet() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."outlet" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of outlet never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."name" IS DISTINCT FROM OLD."name" AND NEW.stamps -> 'name' IS NOT DISTINCT FROM OLD.stamps -> 'name' THEN
        given := given || jsonb_build_object('name', stamp);
    END IF;
    IF NEW."address" IS DISTINCT FROM OLD."address" AND NEW.stamps -> 'address' IS NOT DISTINCT FROM OLD.stamps -> 'address' THEN
        given := given || jsonb_build_object('address', stamp);
    END IF;
    IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
        given := given || jsonb_build_object('position', stamp);
    END IF;
    IF NEW."time_zone" IS DISTINCT FROM OLD."time_zone" AND NEW.stamps -> 'time_zone' IS NOT DISTINCT FROM OLD.stamps -> 'time_zone' THEN
        given := given || jsonb_build_object('time_zone', stamp);
    END IF;
    IF NEW."delivery_windows" IS DISTINCT FROM OLD."delivery_windows" AND NEW.stamps -> 'delivery_windows' IS NOT DISTINCT FROM OLD.stamps -> 'delivery_windows' THEN
        given := given || jsonb_build_object('delivery_windows', stamp);
    END IF;
    IF NEW."channel" IS DISTINCT FROM OLD."channel" AND NEW.stamps -> 'channel' IS NOT DISTINCT FROM OLD.stamps -> 'channel' THEN
        given := given || jsonb_build_object('channel', stamp);
    END IF;
    IF NEW."description" IS DISTINCT FROM OLD."description" AND NEW.stamps -> 'description' IS NOT DISTINCT FROM OLD.stamps -> 'description' THEN
        given := given || jsonb_build_object('description', stamp);
    END IF;
    IF NEW."tags" IS DISTINCT FROM OLD."tags" AND NEW.stamps -> 'tags' IS NOT DISTINCT FROM OLD.stamps -> 'tags' THEN
        given := given || jsonb_build_object('tags', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."outlet" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."outlet" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_outlet();

CREATE FUNCTION {{schema}}.after_insert_outlet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_outlet(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_scopes_account(ARRAY(SELECT DISTINCT r.account_id FROM new_rows r));
    PERFORM {{schema}}.refresh_scopes_agreement(ARRAY(SELECT x.id FROM {{schema}}."agreement" x WHERE x."account_id" IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_contact(ARRAY(SELECT x.id FROM {{schema}}."contact" x WHERE x."account_id" IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_invoice(ARRAY(SELECT x.id FROM {{schema}}."invoice" x WHERE x."account_id" IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_receivable(ARRAY(SELECT x.id FROM {{schema}}."receivable" x WHERE x."account_id" IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_payment(ARRAY(SELECT x.id FROM {{schema}}."payment" x WHERE x."account_id" IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_contact_channel(ARRAY(SELECT x.id FROM {{schema}}."contact_channel" x JOIN {{schema}}."contact" p ON p.id = x.contact_id WHERE p.account_id IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_consent(ARRAY(SELECT x.id FROM {{schema}}."consent" x JOIN {{schema}}."contact" p ON p.id = x.contact_id WHERE p.account_id IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT x.id FROM {{schema}}."payment_allocation" x JOIN {{schema}}."payment" p ON p.id = x.payment_id WHERE p.account_id IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT r.account_id FROM new_rows r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT c.id FROM {{schema}}.contact c WHERE c.account_id IN (SELECT r.account_id FROM new_rows r))));
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.id FROM new_rows r));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."outlet" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_outlet();
CREATE FUNCTION {{schema}}.after_update_outlet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "account_id", "territory_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "account_id", "territory_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_outlet(moved);
    PERFORM {{schema}}.refresh_scopes_account(ARRAY(SELECT DISTINCT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    PERFORM {{schema}}.refresh_scopes_agreement(ARRAY(SELECT x.id FROM {{schema}}."agreement" x WHERE x."account_id" IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_contact(ARRAY(SELECT x.id FROM {{schema}}."contact" x WHERE x."account_id" IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_invoice(ARRAY(SELECT x.id FROM {{schema}}."invoice" x WHERE x."account_id" IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_receivable(ARRAY(SELECT x.id FROM {{schema}}."receivable" x WHERE x."account_id" IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_payment(ARRAY(SELECT x.id FROM {{schema}}."payment" x WHERE x."account_id" IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_contact_channel(ARRAY(SELECT x.id FROM {{schema}}."contact_channel" x JOIN {{schema}}."contact" p ON p.id = x.contact_id WHERE p.account_id IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_consent(ARRAY(SELECT x.id FROM {{schema}}."consent" x JOIN {{schema}}."contact" p ON p.id = x.contact_id WHERE p.account_id IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT x.id FROM {{schema}}."payment_allocation" x JOIN {{schema}}."payment" p ON p.id = x.payment_id WHERE p.account_id IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT c.id FROM {{schema}}.contact c WHERE c.account_id IN (SELECT r.account_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r))));
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."outlet" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_outlet();


CREATE FUNCTION {{schema}}.stamp_assortment_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."assortment_item" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of assortment_item never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."assortment_item" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."assortment_item" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_assortment_item();

CREATE FUNCTION {{schema}}.after_insert_assortment_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assortment_item(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."assortment_item" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_assortment_item();
CREATE FUNCTION {{schema}}.after_update_assortment_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "outlet_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "outlet_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assortment_item(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."assortment_item" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_assortment_item();


CREATE FUNCTION {{schema}}.stamp_contact() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."contact" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of contact never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."name" IS DISTINCT FROM OLD."name" AND NEW.stamps -> 'name' IS NOT DISTINCT FROM OLD.stamps -> 'name' THEN
        given := given || jsonb_build_object('name', stamp);
    END IF;
    IF NEW."job_title" IS DISTINCT FROM OLD."job_title" AND NEW.stamps -> 'job_title' IS NOT DISTINCT FROM OLD.stamps -> 'job_title' THEN
        given := given || jsonb_build_object('job_title', stamp);
    END IF;
    IF NEW."language" IS DISTINCT FROM OLD."language" AND NEW.stamps -> 'language' IS NOT DISTINCT FROM OLD.stamps -> 'language' THEN
        given := given || jsonb_build_object('language', stamp);
    END IF;
    IF NEW."description" IS DISTINCT FROM OLD."description" AND NEW.stamps -> 'description' IS NOT DISTINCT FROM OLD.stamps -> 'description' THEN
        given := given || jsonb_build_object('description', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."contact" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."contact" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_contact();

CREATE FUNCTION {{schema}}.after_insert_contact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_contact(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."contact" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_contact();
CREATE FUNCTION {{schema}}.after_update_contact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "account_id", "outlet_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "account_id", "outlet_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_contact(moved);
    PERFORM {{schema}}.refresh_scopes_contact_channel(ARRAY(SELECT x.id FROM {{schema}}."contact_channel" x WHERE x."contact_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_consent(ARRAY(SELECT x.id FROM {{schema}}."consent" x WHERE x."contact_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT x.id FROM {{schema}}."merge" x WHERE x."winner_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."contact" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_contact();


CREATE FUNCTION {{schema}}.stamp_contact_channel() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."contact_channel" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of contact_channel never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."value" IS DISTINCT FROM OLD."value" AND NEW.stamps -> 'value' IS NOT DISTINCT FROM OLD.stamps -> 'value' THEN
        given := given || jsonb_build_object('value', stamp);
    END IF;
    IF NEW."label" IS DISTINCT FROM OLD."label" AND NEW.stamps -> 'label' IS NOT DISTINCT FROM OLD.stamps -> 'label' THEN
        given := given || jsonb_build_object('label', stamp);
    END IF;
    IF NEW."preferred" IS DISTINCT FROM OLD."preferred" AND NEW.stamps -> 'preferred' IS NOT DISTINCT FROM OLD.stamps -> 'preferred' THEN
        given := given || jsonb_build_object('preferred', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."contact_channel" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."contact_channel" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_contact_channel();

CREATE FUNCTION {{schema}}.after_insert_contact_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_contact_channel(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."contact_channel" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_contact_channel();
CREATE FUNCTION {{schema}}.after_update_contact_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "contact_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "contact_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_contact_channel(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."contact_channel" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_contact_channel();


CREATE FUNCTION {{schema}}.stamp_consent() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."consent" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of consent never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."consent" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."consent" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_consent();

CREATE FUNCTION {{schema}}.after_insert_consent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_consent(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."consent" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_consent();
CREATE FUNCTION {{schema}}.after_update_consent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "contact_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "contact_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_consent(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."consent" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_consent();


CREATE FUNCTION {{schema}}.stamp_assignment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."assignment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of assignment never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."assignment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."assignment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_assignment();

CREATE FUNCTION {{schema}}.after_insert_assignment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assignment(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.outlet_id FROM new_rows r));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."assignment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_assignment();
CREATE FUNCTION {{schema}}.after_update_assignment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "member_id", "team_id", "outlet_id", "starts_on", "ends_on", "deleted_at" FROM new_rows EXCEPT SELECT id, "member_id", "team_id", "outlet_id", "starts_on", "ends_on", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assignment(moved);
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.outlet_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."assignment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_assignment();


CREATE FUNCTION {{schema}}.stamp_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."order" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of order never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."delivery_date" IS DISTINCT FROM OLD."delivery_date" AND NEW.stamps -> 'delivery_date' IS NOT DISTINCT FROM OLD.stamps -> 'delivery_date' THEN
        given := given || jsonb_build_object('delivery_date', stamp);
    END IF;
    IF NEW."delivery_window" IS DISTINCT FROM OLD."delivery_window" AND NEW.stamps -> 'delivery_window' IS NOT DISTINCT FROM OLD.stamps -> 'delivery_window' THEN
        given := given || jsonb_build_object('delivery_window', stamp);
    END IF;
    IF NEW."fulfilment" IS DISTINCT FROM OLD."fulfilment" AND NEW.stamps -> 'fulfilment' IS NOT DISTINCT FROM OLD.stamps -> 'fulfilment' THEN
        given := given || jsonb_build_object('fulfilment', stamp);
    END IF;
    IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
        given := given || jsonb_build_object('note', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."order" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."order" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_order();

CREATE FUNCTION {{schema}}.after_insert_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_order(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."order" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_order();
CREATE FUNCTION {{schema}}.after_update_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "outlet_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "outlet_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_order(moved);
    PERFORM {{schema}}.refresh_scopes_order_line(ARRAY(SELECT x.id FROM {{schema}}."order_line" x WHERE x."order_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."order" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_order();


CREATE FUNCTION {{schema}}.stamp_order_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."order_line" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of order_line never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
        given := given || jsonb_build_object('position', stamp);
    END IF;
    IF NEW."unit" IS DISTINCT FROM OLD."unit" AND NEW.stamps -> 'unit' IS NOT DISTINCT FROM OLD.stamps -> 'unit' THEN
        given := given || jsonb_build_object('unit', stamp);
    END IF;
    IF NEW."quantity" IS DISTINCT FROM OLD."quantity" AND NEW.stamps -> 'quantity' IS NOT DISTINCT FROM OLD.stamps -> 'quantity' THEN
        given := given || jsonb_build_object('quantity', stamp);
    END IF;
    IF NEW."list_price" IS DISTINCT FROM OLD."list_price" AND NEW.stamps -> 'list_price' IS NOT DISTINCT FROM OLD.stamps -> 'list_price' THEN
        given := given || jsonb_build_object('list_price', stamp);
    END IF;
    IF NEW."discount" IS DISTINCT FROM OLD."discount" AND NEW.stamps -> 'discount' IS NOT DISTINCT FROM OLD.stamps -> 'discount' THEN
        given := given || jsonb_build_object('discount', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."order_line" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."order_line" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_order_line();

CREATE FUNCTION {{schema}}.after_insert_order_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_order_line(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."order_line" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_order_line();
CREATE FUNCTION {{schema}}.after_update_order_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "order_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "order_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_order_line(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."order_line" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_order_line();


CREATE FUNCTION {{schema}}.stamp_return_order() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."return_order" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of return_order never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
        given := given || jsonb_build_object('note', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."return_order" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."return_order" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_return_order();

CREATE FUNCTION {{schema}}.after_insert_return_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_return_order(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."return_order" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_return_order();
CREATE FUNCTION {{schema}}.after_update_return_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "outlet_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "outlet_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_return_order(moved);
    PERFORM {{schema}}.refresh_scopes_return_line(ARRAY(SELECT x.id FROM {{schema}}."return_line" x WHERE x."return_order_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."return_order" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_return_order();


CREATE FUNCTION {{schema}}.stamp_return_line() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."return_line" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of return_line never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
        given := given || jsonb_build_object('position', stamp);
    END IF;
    IF NEW."reason" IS DISTINCT FROM OLD."reason" AND NEW.stamps -> 'reason' IS NOT DISTINCT FROM OLD.stamps -> 'reason' THEN
        given := given || jsonb_build_object('reason', stamp);
    END IF;
    IF NEW."unit" IS DISTINCT FROM OLD."unit" AND NEW.stamps -> 'unit' IS NOT DISTINCT FROM OLD.stamps -> 'unit' THEN
        given := given || jsonb_build_object('unit', stamp);
    END IF;
    IF NEW."quantity" IS DISTINCT FROM OLD."quantity" AND NEW.stamps -> 'quantity' IS NOT DISTINCT FROM OLD.stamps -> 'quantity' THEN
        given := given || jsonb_build_object('quantity', stamp);
    END IF;
    IF NEW."price" IS DISTINCT FROM OLD."price" AND NEW.stamps -> 'price' IS NOT DISTINCT FROM OLD.stamps -> 'price' THEN
        given := given || jsonb_build_object('price', stamp);
    END IF;
    IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
        given := given || jsonb_build_object('note', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."return_line" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."return_line" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_return_line();

CREATE FUNCTION {{schema}}.after_insert_return_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_return_line(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."return_line" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_return_line();
CREATE FUNCTION {{schema}}.after_update_return_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "return_order_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "return_order_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_return_line(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."return_line" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_return_line();


CREATE FUNCTION {{schema}}.stamp_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."invoice" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of invoice never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."invoice" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."invoice" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_invoice();

CREATE FUNCTION {{schema}}.after_insert_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_invoice(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."invoice" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_invoice();
CREATE FUNCTION {{schema}}.after_update_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "account_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "account_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_invoice(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."invoice" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_invoice();


CREATE FUNCTION {{schema}}.stamp_receivable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."receivable" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of receivable never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."receivable" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."receivable" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_receivable();

CREATE FUNCTION {{schema}}.after_insert_receivable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_receivable(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."receivable" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_receivable();
CREATE FUNCTION {{schema}}.after_update_receivable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "account_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "account_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_receivable(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."receivable" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_receivable();


CREATE FUNCTION {{schema}}.stamp_payment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."payment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of payment never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."payment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."payment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_payment();

CREATE FUNCTION {{schema}}.after_insert_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_payment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."payment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_payment();
CREATE FUNCTION {{schema}}.after_update_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "account_id", "outlet_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "account_id", "outlet_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_payment(moved);
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT x.id FROM {{schema}}."payment_allocation" x WHERE x."payment_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."payment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_payment();


CREATE FUNCTION {{schema}}.stamp_payment_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."payment_allocation" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of payment_allocation never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."payment_allocation" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."payment_allocation" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_payment_allocation();

CREATE FUNCTION {{schema}}.after_insert_payment_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."payment_allocation" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_payment_allocation();
CREATE FUNCTION {{schema}}.after_update_payment_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "payment_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "payment_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_payment_allocation(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."payment_allocation" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_payment_allocation();


CREATE FUNCTION {{schema}}.stamp_comment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."comment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of comment never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."comment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."comment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_comment();

CREATE FUNCTION {{schema}}.after_insert_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_comment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."comment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_comment();
CREATE FUNCTION {{schema}}.after_update_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "row_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "row_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_comment(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."comment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_comment();


CREATE FUNCTION {{schema}}.stamp_attachment() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."attachment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of attachment never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."attachment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."attachment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_attachment();

CREATE FUNCTION {{schema}}.after_insert_attachment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_attachment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."attachment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_attachment();
CREATE FUNCTION {{schema}}.after_update_attachment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "row_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "row_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_attachment(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."attachment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_attachment();


CREATE FUNCTION {{schema}}.stamp_route() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."route" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of route never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."route" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."route" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_route();

CREATE FUNCTION {{schema}}.after_insert_route() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_route(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."route" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_route();
CREATE FUNCTION {{schema}}.after_update_route() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "member_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "member_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_route(moved);
    PERFORM {{schema}}.refresh_scopes_route_stop(ARRAY(SELECT x.id FROM {{schema}}."route_stop" x WHERE x."route_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."route" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_route();


CREATE FUNCTION {{schema}}.stamp_route_stop() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."route_stop" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of route_stop never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
        given := given || jsonb_build_object('position', stamp);
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        SELECT given || coalesce(jsonb_object_agg('custom.' || k.key, stamp), '{}') INTO given
        FROM (
            SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
            FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
        ) k
        WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
        AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."route_stop" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."route_stop" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_route_stop();

CREATE FUNCTION {{schema}}.after_insert_route_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_route_stop(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."route_stop" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_route_stop();
CREATE FUNCTION {{schema}}.after_update_route_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "route_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "route_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_route_stop(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."route_stop" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_route_stop();


CREATE FUNCTION {{schema}}.stamp_visit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."visit" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of visit never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    IF NEW."checked_out_at" IS DISTINCT FROM OLD."checked_out_at" AND NEW.stamps -> 'checked_out_at' IS NOT DISTINCT FROM OLD.stamps -> 'checked_out_at' THEN
        given := given || jsonb_build_object('checked_out_at', stamp);
    END IF;
    IF NEW."position_out" IS DISTINCT FROM OLD."position_out" AND NEW.stamps -> 'position_out' IS NOT DISTINCT FROM OLD.stamps -> 'position_out' THEN
        given := given || jsonb_build_object('position_out', stamp);
    END IF;
    IF NEW."outcome" IS DISTINCT FROM OLD."outcome" AND NEW.stamps -> 'outcome' IS NOT DISTINCT FROM OLD.stamps -> 'outcome' THEN
        given := given || jsonb_build_object('outcome', stamp);
    END IF;
    IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
        given := given || jsonb_build_object('note', stamp);
    END IF;
    IF NEW."signature_id" IS DISTINCT FROM OLD."signature_id" AND NEW.stamps -> 'signature_id' IS NOT DISTINCT FROM OLD.stamps -> 'signature_id' THEN
        given := given || jsonb_build_object('signature_id', stamp);
    END IF;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."visit" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."visit" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_visit();

CREATE FUNCTION {{schema}}.after_insert_visit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_visit(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."visit" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_visit();
CREATE FUNCTION {{schema}}.after_update_visit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "member_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "member_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_visit(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."visit" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_visit();


CREATE FUNCTION {{schema}}.stamp_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."conflict" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of conflict never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."conflict" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."conflict" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_conflict();

CREATE FUNCTION {{schema}}.after_insert_conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_conflict(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."conflict" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_conflict();
CREATE FUNCTION {{schema}}.after_update_conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "lost_by", "kept_by", "deleted_at" FROM new_rows EXCEPT SELECT id, "lost_by", "kept_by", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_conflict(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."conflict" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_conflict();


CREATE FUNCTION {{schema}}.stamp_merge() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE c record; stamp jsonb; given jsonb;
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."merge" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    SELECT n.revision, n.at, n.member_id, n.device_id INTO c FROM {{schema}}.revision_counter n;
    NEW.revision := c.revision;
    NEW.updated_at := c.at;
    stamp := jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, c.member_id);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := NEW.stamps || jsonb_build_object('*', stamp); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of merge never changes: devices know it by that.';
    END IF;
    given := NEW.stamps;
    NEW.stamps := given;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."merge" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."merge" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_merge();

CREATE FUNCTION {{schema}}.after_insert_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."merge" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_merge();
CREATE FUNCTION {{schema}}.after_update_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE moved uuid[];
BEGIN
    UPDATE {{schema}}.scope_entry s SET revision = (SELECT revision FROM new_rows LIMIT 1)
    WHERE s."row" = ANY (ARRAY(SELECT id FROM new_rows)) AND NOT s.gone;
    moved := ARRAY(SELECT id FROM (SELECT id, "winner_id", "deleted_at" FROM new_rows EXCEPT SELECT id, "winner_id", "deleted_at" FROM old_rows) m);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_merge(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."merge" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_merge();


CREATE FUNCTION {{schema}}.note_insert_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('role') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('role', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."role" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_role();
CREATE FUNCTION {{schema}}.note_update_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('role') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('role', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('role', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'key' AS field FROM (SELECT id, "key" FROM new_rows EXCEPT SELECT id, "key" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'base' AS field FROM (SELECT id, "base" FROM new_rows EXCEPT SELECT id, "base" FROM old_rows) x
            UNION ALL SELECT id, 'permissions' AS field FROM (SELECT id, "permissions" FROM new_rows EXCEPT SELECT id, "permissions" FROM old_rows) x
            UNION ALL SELECT id, 'fields' AS field FROM (SELECT id, "fields" FROM new_rows EXCEPT SELECT id, "fields" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('role', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."role" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_role();


CREATE FUNCTION {{schema}}.note_insert_office() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('office') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('office', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."office" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_office();
CREATE FUNCTION {{schema}}.note_update_office() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('office') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('office', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('office', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'address' AS field FROM (SELECT id, "address" FROM new_rows EXCEPT SELECT id, "address" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('office', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."office" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_office();


CREATE FUNCTION {{schema}}.note_insert_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('team') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('team', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."team" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_team();
CREATE FUNCTION {{schema}}.note_update_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('team') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('team', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('team', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'office_id' AS field FROM (SELECT id, "office_id" FROM new_rows EXCEPT SELECT id, "office_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('team', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."team" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_team();


CREATE FUNCTION {{schema}}.note_insert_custom_field() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('custom_field') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('custom_field', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."custom_field" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_custom_field();
CREATE FUNCTION {{schema}}.note_update_custom_field() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('custom_field') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('custom_field', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('custom_field', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'entity' AS field FROM (SELECT id, "entity" FROM new_rows EXCEPT SELECT id, "entity" FROM old_rows) x
            UNION ALL SELECT id, 'key' AS field FROM (SELECT id, "key" FROM new_rows EXCEPT SELECT id, "key" FROM old_rows) x
            UNION ALL SELECT id, 'label' AS field FROM (SELECT id, "label" FROM new_rows EXCEPT SELECT id, "label" FROM old_rows) x
            UNION ALL SELECT id, 'labels' AS field FROM (SELECT id, "labels" FROM new_rows EXCEPT SELECT id, "labels" FROM old_rows) x
            UNION ALL SELECT id, 'field_type' AS field FROM (SELECT id, "field_type" FROM new_rows EXCEPT SELECT id, "field_type" FROM old_rows) x
            UNION ALL SELECT id, 'choices' AS field FROM (SELECT id, "choices" FROM new_rows EXCEPT SELECT id, "choices" FROM old_rows) x
            UNION ALL SELECT id, 'required' AS field FROM (SELECT id, "required" FROM new_rows EXCEPT SELECT id, "required" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x
            UNION ALL SELECT id, 'version' AS field FROM (SELECT id, "version" FROM new_rows EXCEPT SELECT id, "version" FROM old_rows) x
            UNION ALL SELECT id, 'active' AS field FROM (SELECT id, "active" FROM new_rows EXCEPT SELECT id, "active" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('custom_field', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."custom_field" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_custom_field();


CREATE FUNCTION {{schema}}.note_insert_territory() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('territory') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('territory', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."territory" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_territory();
CREATE FUNCTION {{schema}}.note_update_territory() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('territory') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('territory', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('territory', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'parent_id' AS field FROM (SELECT id, "parent_id" FROM new_rows EXCEPT SELECT id, "parent_id" FROM old_rows) x
            UNION ALL SELECT id, 'manager_id' AS field FROM (SELECT id, "manager_id" FROM new_rows EXCEPT SELECT id, "manager_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('territory', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."territory" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_territory();


CREATE FUNCTION {{schema}}.note_insert_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('member') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('member', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."member" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_member();
CREATE FUNCTION {{schema}}.note_update_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('member') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('member', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('member', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'role' AS field FROM (SELECT id, "role" FROM new_rows EXCEPT SELECT id, "role" FROM old_rows) x
            UNION ALL SELECT id, 'active' AS field FROM (SELECT id, "active" FROM new_rows EXCEPT SELECT id, "active" FROM old_rows) x
            UNION ALL SELECT id, 'team_id' AS field FROM (SELECT id, "team_id" FROM new_rows EXCEPT SELECT id, "team_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('member', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."member" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_member();


CREATE FUNCTION {{schema}}.note_insert_delegation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('delegation') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('delegation', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."delegation" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_delegation();
CREATE FUNCTION {{schema}}.note_update_delegation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('delegation') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('delegation', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('delegation', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'member_id' AS field FROM (SELECT id, "member_id" FROM new_rows EXCEPT SELECT id, "member_id" FROM old_rows) x
            UNION ALL SELECT id, 'substitute_id' AS field FROM (SELECT id, "substitute_id" FROM new_rows EXCEPT SELECT id, "substitute_id" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('delegation', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."delegation" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_delegation();


CREATE FUNCTION {{schema}}.note_insert_legal_entity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('legal_entity') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('legal_entity', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."legal_entity" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_legal_entity();
CREATE FUNCTION {{schema}}.note_update_legal_entity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('legal_entity') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('legal_entity', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('legal_entity', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'tax_id' AS field FROM (SELECT id, "tax_id" FROM new_rows EXCEPT SELECT id, "tax_id" FROM old_rows) x
            UNION ALL SELECT id, 'country' AS field FROM (SELECT id, "country" FROM new_rows EXCEPT SELECT id, "country" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'number_series' AS field FROM (SELECT id, "number_series" FROM new_rows EXCEPT SELECT id, "number_series" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('legal_entity', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."legal_entity" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_legal_entity();


CREATE FUNCTION {{schema}}.note_insert_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('category') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('category', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."category" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_category();
CREATE FUNCTION {{schema}}.note_update_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('category') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('category', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('category', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'names' AS field FROM (SELECT id, "names" FROM new_rows EXCEPT SELECT id, "names" FROM old_rows) x
            UNION ALL SELECT id, 'parent_id' AS field FROM (SELECT id, "parent_id" FROM new_rows EXCEPT SELECT id, "parent_id" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('category', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."category" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_category();


CREATE FUNCTION {{schema}}.note_insert_tax_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('tax_category') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('tax_category', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."tax_category" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_tax_category();
CREATE FUNCTION {{schema}}.note_update_tax_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('tax_category') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('tax_category', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('tax_category', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('tax_category', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."tax_category" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_tax_category();


CREATE FUNCTION {{schema}}.note_insert_tax_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('tax_rate') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('tax_rate', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."tax_rate" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_tax_rate();
CREATE FUNCTION {{schema}}.note_update_tax_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('tax_rate') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('tax_rate', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('tax_rate', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'tax_category_id' AS field FROM (SELECT id, "tax_category_id" FROM new_rows EXCEPT SELECT id, "tax_category_id" FROM old_rows) x
            UNION ALL SELECT id, 'country' AS field FROM (SELECT id, "country" FROM new_rows EXCEPT SELECT id, "country" FROM old_rows) x
            UNION ALL SELECT id, 'rate' AS field FROM (SELECT id, "rate" FROM new_rows EXCEPT SELECT id, "rate" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('tax_rate', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."tax_rate" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_tax_rate();


CREATE FUNCTION {{schema}}.note_insert_price_list() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('price_list') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('price_list', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."price_list" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_price_list();
CREATE FUNCTION {{schema}}.note_update_price_list() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('price_list') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('price_list', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('price_list', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x
            UNION ALL SELECT id, 'version' AS field FROM (SELECT id, "version" FROM new_rows EXCEPT SELECT id, "version" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('price_list', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."price_list" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_price_list();


CREATE FUNCTION {{schema}}.note_insert_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('product') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('product', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."product" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_product();
CREATE FUNCTION {{schema}}.note_update_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('product') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('product', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('product', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'sku' AS field FROM (SELECT id, "sku" FROM new_rows EXCEPT SELECT id, "sku" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'names' AS field FROM (SELECT id, "names" FROM new_rows EXCEPT SELECT id, "names" FROM old_rows) x
            UNION ALL SELECT id, 'base_unit' AS field FROM (SELECT id, "base_unit" FROM new_rows EXCEPT SELECT id, "base_unit" FROM old_rows) x
            UNION ALL SELECT id, 'category_id' AS field FROM (SELECT id, "category_id" FROM new_rows EXCEPT SELECT id, "category_id" FROM old_rows) x
            UNION ALL SELECT id, 'tax_category_id' AS field FROM (SELECT id, "tax_category_id" FROM new_rows EXCEPT SELECT id, "tax_category_id" FROM old_rows) x
            UNION ALL SELECT id, 'description' AS field FROM (SELECT id, "description" FROM new_rows EXCEPT SELECT id, "description" FROM old_rows) x
            UNION ALL SELECT id, 'active' AS field FROM (SELECT id, "active" FROM new_rows EXCEPT SELECT id, "active" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('product', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."product" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_product();


CREATE FUNCTION {{schema}}.note_insert_product_unit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('product_unit') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('product_unit', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."product_unit" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_product_unit();
CREATE FUNCTION {{schema}}.note_update_product_unit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('product_unit') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('product_unit', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('product_unit', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'unit' AS field FROM (SELECT id, "unit" FROM new_rows EXCEPT SELECT id, "unit" FROM old_rows) x
            UNION ALL SELECT id, 'factor' AS field FROM (SELECT id, "factor" FROM new_rows EXCEPT SELECT id, "factor" FROM old_rows) x
            UNION ALL SELECT id, 'barcode' AS field FROM (SELECT id, "barcode" FROM new_rows EXCEPT SELECT id, "barcode" FROM old_rows) x
            UNION ALL SELECT id, 'multiple' AS field FROM (SELECT id, "multiple" FROM new_rows EXCEPT SELECT id, "multiple" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('product_unit', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."product_unit" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_product_unit();


CREATE FUNCTION {{schema}}.note_insert_price_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('price_item') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('price_item', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."price_item" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_price_item();
CREATE FUNCTION {{schema}}.note_update_price_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('price_item') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('price_item', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('price_item', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'price_list_id' AS field FROM (SELECT id, "price_list_id" FROM new_rows EXCEPT SELECT id, "price_list_id" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'unit' AS field FROM (SELECT id, "unit" FROM new_rows EXCEPT SELECT id, "unit" FROM old_rows) x
            UNION ALL SELECT id, 'price' AS field FROM (SELECT id, "price" FROM new_rows EXCEPT SELECT id, "price" FROM old_rows) x
            UNION ALL SELECT id, 'minimum_quantity' AS field FROM (SELECT id, "minimum_quantity" FROM new_rows EXCEPT SELECT id, "minimum_quantity" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('price_item', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."price_item" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_price_item();


CREATE FUNCTION {{schema}}.note_insert_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('assortment') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('assortment', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."assortment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_assortment();
CREATE FUNCTION {{schema}}.note_update_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('assortment') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('assortment', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('assortment', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('assortment', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."assortment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_assortment();


CREATE FUNCTION {{schema}}.note_insert_promotion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('promotion') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('promotion', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."promotion" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_promotion();
CREATE FUNCTION {{schema}}.note_update_promotion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('promotion') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('promotion', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('promotion', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'names' AS field FROM (SELECT id, "names" FROM new_rows EXCEPT SELECT id, "names" FROM old_rows) x
            UNION ALL SELECT id, 'version' AS field FROM (SELECT id, "version" FROM new_rows EXCEPT SELECT id, "version" FROM old_rows) x
            UNION ALL SELECT id, 'priority' AS field FROM (SELECT id, "priority" FROM new_rows EXCEPT SELECT id, "priority" FROM old_rows) x
            UNION ALL SELECT id, 'exclusive' AS field FROM (SELECT id, "exclusive" FROM new_rows EXCEPT SELECT id, "exclusive" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x
            UNION ALL SELECT id, 'conditions' AS field FROM (SELECT id, "conditions" FROM new_rows EXCEPT SELECT id, "conditions" FROM old_rows) x
            UNION ALL SELECT id, 'effects' AS field FROM (SELECT id, "effects" FROM new_rows EXCEPT SELECT id, "effects" FROM old_rows) x
            UNION ALL SELECT id, 'active' AS field FROM (SELECT id, "active" FROM new_rows EXCEPT SELECT id, "active" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('promotion', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."promotion" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_promotion();


CREATE FUNCTION {{schema}}.note_insert_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('warehouse') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('warehouse', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."warehouse" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_warehouse();
CREATE FUNCTION {{schema}}.note_update_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('warehouse') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('warehouse', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('warehouse', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'warehouse_kind' AS field FROM (SELECT id, "warehouse_kind" FROM new_rows EXCEPT SELECT id, "warehouse_kind" FROM old_rows) x
            UNION ALL SELECT id, 'member_id' AS field FROM (SELECT id, "member_id" FROM new_rows EXCEPT SELECT id, "member_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('warehouse', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."warehouse" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_warehouse();


CREATE FUNCTION {{schema}}.note_insert_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('stock') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('stock', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."stock" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_stock();
CREATE FUNCTION {{schema}}.note_update_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('stock') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('stock', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('stock', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'warehouse_id' AS field FROM (SELECT id, "warehouse_id" FROM new_rows EXCEPT SELECT id, "warehouse_id" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'quantity' AS field FROM (SELECT id, "quantity" FROM new_rows EXCEPT SELECT id, "quantity" FROM old_rows) x
            UNION ALL SELECT id, 'reserved' AS field FROM (SELECT id, "reserved" FROM new_rows EXCEPT SELECT id, "reserved" FROM old_rows) x
            UNION ALL SELECT id, 'as_of' AS field FROM (SELECT id, "as_of" FROM new_rows EXCEPT SELECT id, "as_of" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('stock', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."stock" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_stock();


CREATE FUNCTION {{schema}}.note_insert_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('stock_movement') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('stock_movement', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."stock_movement" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_stock_movement();
CREATE FUNCTION {{schema}}.note_update_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('stock_movement') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('stock_movement', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('stock_movement', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'warehouse_id' AS field FROM (SELECT id, "warehouse_id" FROM new_rows EXCEPT SELECT id, "warehouse_id" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'movement_kind' AS field FROM (SELECT id, "movement_kind" FROM new_rows EXCEPT SELECT id, "movement_kind" FROM old_rows) x
            UNION ALL SELECT id, 'quantity' AS field FROM (SELECT id, "quantity" FROM new_rows EXCEPT SELECT id, "quantity" FROM old_rows) x
            UNION ALL SELECT id, 'counted' AS field FROM (SELECT id, "counted" FROM new_rows EXCEPT SELECT id, "counted" FROM old_rows) x
            UNION ALL SELECT id, 'reason' AS field FROM (SELECT id, "reason" FROM new_rows EXCEPT SELECT id, "reason" FROM old_rows) x
            UNION ALL SELECT id, 'source_entity' AS field FROM (SELECT id, "source_entity" FROM new_rows EXCEPT SELECT id, "source_entity" FROM old_rows) x
            UNION ALL SELECT id, 'source_id' AS field FROM (SELECT id, "source_id" FROM new_rows EXCEPT SELECT id, "source_id" FROM old_rows) x
            UNION ALL SELECT id, 'moved_at' AS field FROM (SELECT id, "moved_at" FROM new_rows EXCEPT SELECT id, "moved_at" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('stock_movement', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."stock_movement" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_stock_movement();


CREATE FUNCTION {{schema}}.note_insert_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('account') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('account', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."account" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_account();
CREATE FUNCTION {{schema}}.note_update_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('account') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('account', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('account', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'legal_name' AS field FROM (SELECT id, "legal_name" FROM new_rows EXCEPT SELECT id, "legal_name" FROM old_rows) x
            UNION ALL SELECT id, 'roles' AS field FROM (SELECT id, "roles" FROM new_rows EXCEPT SELECT id, "roles" FROM old_rows) x
            UNION ALL SELECT id, 'tax_id' AS field FROM (SELECT id, "tax_id" FROM new_rows EXCEPT SELECT id, "tax_id" FROM old_rows) x
            UNION ALL SELECT id, 'parent_id' AS field FROM (SELECT id, "parent_id" FROM new_rows EXCEPT SELECT id, "parent_id" FROM old_rows) x
            UNION ALL SELECT id, 'tags' AS field FROM (SELECT id, "tags" FROM new_rows EXCEPT SELECT id, "tags" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('account', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."account" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_account();


CREATE FUNCTION {{schema}}.note_insert_agreement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('agreement') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('agreement', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."agreement" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_agreement();
CREATE FUNCTION {{schema}}.note_update_agreement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('agreement') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('agreement', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('agreement', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'price_list_id' AS field FROM (SELECT id, "price_list_id" FROM new_rows EXCEPT SELECT id, "price_list_id" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'payment_terms_days' AS field FROM (SELECT id, "payment_terms_days" FROM new_rows EXCEPT SELECT id, "payment_terms_days" FROM old_rows) x
            UNION ALL SELECT id, 'credit_limit_minor' AS field FROM (SELECT id, "credit_limit_minor" FROM new_rows EXCEPT SELECT id, "credit_limit_minor" FROM old_rows) x
            UNION ALL SELECT id, 'discount_max' AS field FROM (SELECT id, "discount_max" FROM new_rows EXCEPT SELECT id, "discount_max" FROM old_rows) x
            UNION ALL SELECT id, 'vat_status' AS field FROM (SELECT id, "vat_status" FROM new_rows EXCEPT SELECT id, "vat_status" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('agreement', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."agreement" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_agreement();


CREATE FUNCTION {{schema}}.note_insert_outlet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('outlet') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('outlet', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."outlet" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_outlet();
CREATE FUNCTION {{schema}}.note_update_outlet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('outlet') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('outlet', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('outlet', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'territory_id' AS field FROM (SELECT id, "territory_id" FROM new_rows EXCEPT SELECT id, "territory_id" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'address' AS field FROM (SELECT id, "address" FROM new_rows EXCEPT SELECT id, "address" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x
            UNION ALL SELECT id, 'time_zone' AS field FROM (SELECT id, "time_zone" FROM new_rows EXCEPT SELECT id, "time_zone" FROM old_rows) x
            UNION ALL SELECT id, 'delivery_windows' AS field FROM (SELECT id, "delivery_windows" FROM new_rows EXCEPT SELECT id, "delivery_windows" FROM old_rows) x
            UNION ALL SELECT id, 'channel' AS field FROM (SELECT id, "channel" FROM new_rows EXCEPT SELECT id, "channel" FROM old_rows) x
            UNION ALL SELECT id, 'description' AS field FROM (SELECT id, "description" FROM new_rows EXCEPT SELECT id, "description" FROM old_rows) x
            UNION ALL SELECT id, 'tags' AS field FROM (SELECT id, "tags" FROM new_rows EXCEPT SELECT id, "tags" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('outlet', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."outlet" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_outlet();


CREATE FUNCTION {{schema}}.note_insert_assortment_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('assortment_item') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('assortment_item', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."assortment_item" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_assortment_item();
CREATE FUNCTION {{schema}}.note_update_assortment_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('assortment_item') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('assortment_item', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('assortment_item', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'assortment_id' AS field FROM (SELECT id, "assortment_id" FROM new_rows EXCEPT SELECT id, "assortment_id" FROM old_rows) x
            UNION ALL SELECT id, 'effect' AS field FROM (SELECT id, "effect" FROM new_rows EXCEPT SELECT id, "effect" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'category_id' AS field FROM (SELECT id, "category_id" FROM new_rows EXCEPT SELECT id, "category_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'channel' AS field FROM (SELECT id, "channel" FROM new_rows EXCEPT SELECT id, "channel" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('assortment_item', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."assortment_item" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_assortment_item();


CREATE FUNCTION {{schema}}.note_insert_contact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('contact') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('contact', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."contact" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_contact();
CREATE FUNCTION {{schema}}.note_update_contact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('contact') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('contact', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('contact', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'job_title' AS field FROM (SELECT id, "job_title" FROM new_rows EXCEPT SELECT id, "job_title" FROM old_rows) x
            UNION ALL SELECT id, 'language' AS field FROM (SELECT id, "language" FROM new_rows EXCEPT SELECT id, "language" FROM old_rows) x
            UNION ALL SELECT id, 'description' AS field FROM (SELECT id, "description" FROM new_rows EXCEPT SELECT id, "description" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('contact', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."contact" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_contact();


CREATE FUNCTION {{schema}}.note_insert_contact_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('contact_channel') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('contact_channel', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."contact_channel" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_contact_channel();
CREATE FUNCTION {{schema}}.note_update_contact_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('contact_channel') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('contact_channel', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('contact_channel', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'contact_id' AS field FROM (SELECT id, "contact_id" FROM new_rows EXCEPT SELECT id, "contact_id" FROM old_rows) x
            UNION ALL SELECT id, 'channel_kind' AS field FROM (SELECT id, "channel_kind" FROM new_rows EXCEPT SELECT id, "channel_kind" FROM old_rows) x
            UNION ALL SELECT id, 'value' AS field FROM (SELECT id, "value" FROM new_rows EXCEPT SELECT id, "value" FROM old_rows) x
            UNION ALL SELECT id, 'label' AS field FROM (SELECT id, "label" FROM new_rows EXCEPT SELECT id, "label" FROM old_rows) x
            UNION ALL SELECT id, 'preferred' AS field FROM (SELECT id, "preferred" FROM new_rows EXCEPT SELECT id, "preferred" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('contact_channel', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."contact_channel" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_contact_channel();


CREATE FUNCTION {{schema}}.note_insert_consent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('consent') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('consent', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."consent" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_consent();
CREATE FUNCTION {{schema}}.note_update_consent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('consent') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('consent', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('consent', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'contact_id' AS field FROM (SELECT id, "contact_id" FROM new_rows EXCEPT SELECT id, "contact_id" FROM old_rows) x
            UNION ALL SELECT id, 'purpose' AS field FROM (SELECT id, "purpose" FROM new_rows EXCEPT SELECT id, "purpose" FROM old_rows) x
            UNION ALL SELECT id, 'channel_kind' AS field FROM (SELECT id, "channel_kind" FROM new_rows EXCEPT SELECT id, "channel_kind" FROM old_rows) x
            UNION ALL SELECT id, 'state' AS field FROM (SELECT id, "state" FROM new_rows EXCEPT SELECT id, "state" FROM old_rows) x
            UNION ALL SELECT id, 'at' AS field FROM (SELECT id, "at" FROM new_rows EXCEPT SELECT id, "at" FROM old_rows) x
            UNION ALL SELECT id, 'evidence' AS field FROM (SELECT id, "evidence" FROM new_rows EXCEPT SELECT id, "evidence" FROM old_rows) x
            UNION ALL SELECT id, 'follows_id' AS field FROM (SELECT id, "follows_id" FROM new_rows EXCEPT SELECT id, "follows_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('consent', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."consent" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_consent();


CREATE FUNCTION {{schema}}.note_insert_assignment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('assignment') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('assignment', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."assignment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_assignment();
CREATE FUNCTION {{schema}}.note_update_assignment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('assignment') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('assignment', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('assignment', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'member_id' AS field FROM (SELECT id, "member_id" FROM new_rows EXCEPT SELECT id, "member_id" FROM old_rows) x
            UNION ALL SELECT id, 'team_id' AS field FROM (SELECT id, "team_id" FROM new_rows EXCEPT SELECT id, "team_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'assortment_id' AS field FROM (SELECT id, "assortment_id" FROM new_rows EXCEPT SELECT id, "assortment_id" FROM old_rows) x
            UNION ALL SELECT id, 'starts_on' AS field FROM (SELECT id, "starts_on" FROM new_rows EXCEPT SELECT id, "starts_on" FROM old_rows) x
            UNION ALL SELECT id, 'ends_on' AS field FROM (SELECT id, "ends_on" FROM new_rows EXCEPT SELECT id, "ends_on" FROM old_rows) x
            UNION ALL SELECT id, 'delegated_by' AS field FROM (SELECT id, "delegated_by" FROM new_rows EXCEPT SELECT id, "delegated_by" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('assignment', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."assignment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_assignment();


CREATE FUNCTION {{schema}}.note_insert_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('order') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('order', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."order" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_order();
CREATE FUNCTION {{schema}}.note_update_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('order') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('order', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('order', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'number' AS field FROM (SELECT id, "number" FROM new_rows EXCEPT SELECT id, "number" FROM old_rows) x
            UNION ALL SELECT id, 'maker_id' AS field FROM (SELECT id, "maker_id" FROM new_rows EXCEPT SELECT id, "maker_id" FROM old_rows) x
            UNION ALL SELECT id, 'owner_id' AS field FROM (SELECT id, "owner_id" FROM new_rows EXCEPT SELECT id, "owner_id" FROM old_rows) x
            UNION ALL SELECT id, 'credited_id' AS field FROM (SELECT id, "credited_id" FROM new_rows EXCEPT SELECT id, "credited_id" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'agreement_id' AS field FROM (SELECT id, "agreement_id" FROM new_rows EXCEPT SELECT id, "agreement_id" FROM old_rows) x
            UNION ALL SELECT id, 'warehouse_id' AS field FROM (SELECT id, "warehouse_id" FROM new_rows EXCEPT SELECT id, "warehouse_id" FROM old_rows) x
            UNION ALL SELECT id, 'price_list_id' AS field FROM (SELECT id, "price_list_id" FROM new_rows EXCEPT SELECT id, "price_list_id" FROM old_rows) x
            UNION ALL SELECT id, 'price_list_version' AS field FROM (SELECT id, "price_list_version" FROM new_rows EXCEPT SELECT id, "price_list_version" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'exchange_rate' AS field FROM (SELECT id, "exchange_rate" FROM new_rows EXCEPT SELECT id, "exchange_rate" FROM old_rows) x
            UNION ALL SELECT id, 'exchange_rate_on' AS field FROM (SELECT id, "exchange_rate_on" FROM new_rows EXCEPT SELECT id, "exchange_rate_on" FROM old_rows) x
            UNION ALL SELECT id, 'address_snapshot' AS field FROM (SELECT id, "address_snapshot" FROM new_rows EXCEPT SELECT id, "address_snapshot" FROM old_rows) x
            UNION ALL SELECT id, 'delivery_date' AS field FROM (SELECT id, "delivery_date" FROM new_rows EXCEPT SELECT id, "delivery_date" FROM old_rows) x
            UNION ALL SELECT id, 'delivery_window' AS field FROM (SELECT id, "delivery_window" FROM new_rows EXCEPT SELECT id, "delivery_window" FROM old_rows) x
            UNION ALL SELECT id, 'fulfilment' AS field FROM (SELECT id, "fulfilment" FROM new_rows EXCEPT SELECT id, "fulfilment" FROM old_rows) x
            UNION ALL SELECT id, 'status' AS field FROM (SELECT id, "status" FROM new_rows EXCEPT SELECT id, "status" FROM old_rows) x
            UNION ALL SELECT id, 'status_reason' AS field FROM (SELECT id, "status_reason" FROM new_rows EXCEPT SELECT id, "status_reason" FROM old_rows) x
            UNION ALL SELECT id, 'captured_at' AS field FROM (SELECT id, "captured_at" FROM new_rows EXCEPT SELECT id, "captured_at" FROM old_rows) x
            UNION ALL SELECT id, 'submitted_at' AS field FROM (SELECT id, "submitted_at" FROM new_rows EXCEPT SELECT id, "submitted_at" FROM old_rows) x
            UNION ALL SELECT id, 'total_minor' AS field FROM (SELECT id, "total_minor" FROM new_rows EXCEPT SELECT id, "total_minor" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x
            UNION ALL SELECT id, 'source_order_id' AS field FROM (SELECT id, "source_order_id" FROM new_rows EXCEPT SELECT id, "source_order_id" FROM old_rows) x
            UNION ALL SELECT id, 'revises_order_id' AS field FROM (SELECT id, "revises_order_id" FROM new_rows EXCEPT SELECT id, "revises_order_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('order', 'changed', part.ids, part.changed);
    END LOOP;
    FOR part IN
        SELECT s.status, array_agg(s.id) AS ids FROM (SELECT id, status FROM new_rows EXCEPT SELECT id, status FROM old_rows) s
        GROUP BY s.status
    LOOP
        PERFORM {{schema}}.note_events('order', part.status, part.ids, '{status}');
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."order" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_order();


CREATE FUNCTION {{schema}}.note_insert_order_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('order_line') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('order_line', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."order_line" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_order_line();
CREATE FUNCTION {{schema}}.note_update_order_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('order_line') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('order_line', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('order_line', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'order_id' AS field FROM (SELECT id, "order_id" FROM new_rows EXCEPT SELECT id, "order_id" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'unit' AS field FROM (SELECT id, "unit" FROM new_rows EXCEPT SELECT id, "unit" FROM old_rows) x
            UNION ALL SELECT id, 'factor' AS field FROM (SELECT id, "factor" FROM new_rows EXCEPT SELECT id, "factor" FROM old_rows) x
            UNION ALL SELECT id, 'quantity' AS field FROM (SELECT id, "quantity" FROM new_rows EXCEPT SELECT id, "quantity" FROM old_rows) x
            UNION ALL SELECT id, 'list_price' AS field FROM (SELECT id, "list_price" FROM new_rows EXCEPT SELECT id, "list_price" FROM old_rows) x
            UNION ALL SELECT id, 'discount' AS field FROM (SELECT id, "discount" FROM new_rows EXCEPT SELECT id, "discount" FROM old_rows) x
            UNION ALL SELECT id, 'adjustments' AS field FROM (SELECT id, "adjustments" FROM new_rows EXCEPT SELECT id, "adjustments" FROM old_rows) x
            UNION ALL SELECT id, 'tax' AS field FROM (SELECT id, "tax" FROM new_rows EXCEPT SELECT id, "tax" FROM old_rows) x
            UNION ALL SELECT id, 'amount_minor' AS field FROM (SELECT id, "amount_minor" FROM new_rows EXCEPT SELECT id, "amount_minor" FROM old_rows) x
            UNION ALL SELECT id, 'quantity_accepted' AS field FROM (SELECT id, "quantity_accepted" FROM new_rows EXCEPT SELECT id, "quantity_accepted" FROM old_rows) x
            UNION ALL SELECT id, 'quantity_shipped' AS field FROM (SELECT id, "quantity_shipped" FROM new_rows EXCEPT SELECT id, "quantity_shipped" FROM old_rows) x
            UNION ALL SELECT id, 'quantity_delivered' AS field FROM (SELECT id, "quantity_delivered" FROM new_rows EXCEPT SELECT id, "quantity_delivered" FROM old_rows) x
            UNION ALL SELECT id, 'quantity_returned' AS field FROM (SELECT id, "quantity_returned" FROM new_rows EXCEPT SELECT id, "quantity_returned" FROM old_rows) x
            UNION ALL SELECT id, 'bundle_id' AS field FROM (SELECT id, "bundle_id" FROM new_rows EXCEPT SELECT id, "bundle_id" FROM old_rows) x
            UNION ALL SELECT id, 'verdict' AS field FROM (SELECT id, "verdict" FROM new_rows EXCEPT SELECT id, "verdict" FROM old_rows) x
            UNION ALL SELECT id, 'verdict_reason' AS field FROM (SELECT id, "verdict_reason" FROM new_rows EXCEPT SELECT id, "verdict_reason" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('order_line', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."order_line" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_order_line();


CREATE FUNCTION {{schema}}.note_insert_return_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('return_order') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('return_order', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."return_order" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_return_order();
CREATE FUNCTION {{schema}}.note_update_return_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('return_order') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('return_order', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('return_order', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'number' AS field FROM (SELECT id, "number" FROM new_rows EXCEPT SELECT id, "number" FROM old_rows) x
            UNION ALL SELECT id, 'maker_id' AS field FROM (SELECT id, "maker_id" FROM new_rows EXCEPT SELECT id, "maker_id" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'agreement_id' AS field FROM (SELECT id, "agreement_id" FROM new_rows EXCEPT SELECT id, "agreement_id" FROM old_rows) x
            UNION ALL SELECT id, 'warehouse_id' AS field FROM (SELECT id, "warehouse_id" FROM new_rows EXCEPT SELECT id, "warehouse_id" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'status' AS field FROM (SELECT id, "status" FROM new_rows EXCEPT SELECT id, "status" FROM old_rows) x
            UNION ALL SELECT id, 'status_reason' AS field FROM (SELECT id, "status_reason" FROM new_rows EXCEPT SELECT id, "status_reason" FROM old_rows) x
            UNION ALL SELECT id, 'captured_at' AS field FROM (SELECT id, "captured_at" FROM new_rows EXCEPT SELECT id, "captured_at" FROM old_rows) x
            UNION ALL SELECT id, 'submitted_at' AS field FROM (SELECT id, "submitted_at" FROM new_rows EXCEPT SELECT id, "submitted_at" FROM old_rows) x
            UNION ALL SELECT id, 'total_minor' AS field FROM (SELECT id, "total_minor" FROM new_rows EXCEPT SELECT id, "total_minor" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x
            UNION ALL SELECT id, 'source_order_id' AS field FROM (SELECT id, "source_order_id" FROM new_rows EXCEPT SELECT id, "source_order_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('return_order', 'changed', part.ids, part.changed);
    END LOOP;
    FOR part IN
        SELECT s.status, array_agg(s.id) AS ids FROM (SELECT id, status FROM new_rows EXCEPT SELECT id, status FROM old_rows) s
        GROUP BY s.status
    LOOP
        PERFORM {{schema}}.note_events('return_order', part.status, part.ids, '{status}');
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."return_order" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_return_order();


CREATE FUNCTION {{schema}}.note_insert_return_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('return_line') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('return_line', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."return_line" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_return_line();
CREATE FUNCTION {{schema}}.note_update_return_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('return_line') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('return_line', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('return_line', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'return_order_id' AS field FROM (SELECT id, "return_order_id" FROM new_rows EXCEPT SELECT id, "return_order_id" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x
            UNION ALL SELECT id, 'product_id' AS field FROM (SELECT id, "product_id" FROM new_rows EXCEPT SELECT id, "product_id" FROM old_rows) x
            UNION ALL SELECT id, 'source_line_id' AS field FROM (SELECT id, "source_line_id" FROM new_rows EXCEPT SELECT id, "source_line_id" FROM old_rows) x
            UNION ALL SELECT id, 'reason' AS field FROM (SELECT id, "reason" FROM new_rows EXCEPT SELECT id, "reason" FROM old_rows) x
            UNION ALL SELECT id, 'unit' AS field FROM (SELECT id, "unit" FROM new_rows EXCEPT SELECT id, "unit" FROM old_rows) x
            UNION ALL SELECT id, 'factor' AS field FROM (SELECT id, "factor" FROM new_rows EXCEPT SELECT id, "factor" FROM old_rows) x
            UNION ALL SELECT id, 'quantity' AS field FROM (SELECT id, "quantity" FROM new_rows EXCEPT SELECT id, "quantity" FROM old_rows) x
            UNION ALL SELECT id, 'price' AS field FROM (SELECT id, "price" FROM new_rows EXCEPT SELECT id, "price" FROM old_rows) x
            UNION ALL SELECT id, 'amount_minor' AS field FROM (SELECT id, "amount_minor" FROM new_rows EXCEPT SELECT id, "amount_minor" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('return_line', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."return_line" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_return_line();


CREATE FUNCTION {{schema}}.note_insert_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('invoice') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('invoice', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."invoice" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_invoice();
CREATE FUNCTION {{schema}}.note_update_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('invoice') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('invoice', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('invoice', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'number' AS field FROM (SELECT id, "number" FROM new_rows EXCEPT SELECT id, "number" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'order_id' AS field FROM (SELECT id, "order_id" FROM new_rows EXCEPT SELECT id, "order_id" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'issued_on' AS field FROM (SELECT id, "issued_on" FROM new_rows EXCEPT SELECT id, "issued_on" FROM old_rows) x
            UNION ALL SELECT id, 'due_on' AS field FROM (SELECT id, "due_on" FROM new_rows EXCEPT SELECT id, "due_on" FROM old_rows) x
            UNION ALL SELECT id, 'total_minor' AS field FROM (SELECT id, "total_minor" FROM new_rows EXCEPT SELECT id, "total_minor" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('invoice', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."invoice" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_invoice();


CREATE FUNCTION {{schema}}.note_insert_receivable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('receivable') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('receivable', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."receivable" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_receivable();
CREATE FUNCTION {{schema}}.note_update_receivable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('receivable') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('receivable', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('receivable', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'invoice_id' AS field FROM (SELECT id, "invoice_id" FROM new_rows EXCEPT SELECT id, "invoice_id" FROM old_rows) x
            UNION ALL SELECT id, 'document_number' AS field FROM (SELECT id, "document_number" FROM new_rows EXCEPT SELECT id, "document_number" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'due_on' AS field FROM (SELECT id, "due_on" FROM new_rows EXCEPT SELECT id, "due_on" FROM old_rows) x
            UNION ALL SELECT id, 'amount_minor' AS field FROM (SELECT id, "amount_minor" FROM new_rows EXCEPT SELECT id, "amount_minor" FROM old_rows) x
            UNION ALL SELECT id, 'balance_minor' AS field FROM (SELECT id, "balance_minor" FROM new_rows EXCEPT SELECT id, "balance_minor" FROM old_rows) x
            UNION ALL SELECT id, 'as_of' AS field FROM (SELECT id, "as_of" FROM new_rows EXCEPT SELECT id, "as_of" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('receivable', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."receivable" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_receivable();


CREATE FUNCTION {{schema}}.note_insert_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('payment') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('payment', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."payment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_payment();
CREATE FUNCTION {{schema}}.note_update_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('payment') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('payment', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('payment', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'account_id' AS field FROM (SELECT id, "account_id" FROM new_rows EXCEPT SELECT id, "account_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'legal_entity_id' AS field FROM (SELECT id, "legal_entity_id" FROM new_rows EXCEPT SELECT id, "legal_entity_id" FROM old_rows) x
            UNION ALL SELECT id, 'currency' AS field FROM (SELECT id, "currency" FROM new_rows EXCEPT SELECT id, "currency" FROM old_rows) x
            UNION ALL SELECT id, 'amount_minor' AS field FROM (SELECT id, "amount_minor" FROM new_rows EXCEPT SELECT id, "amount_minor" FROM old_rows) x
            UNION ALL SELECT id, 'method' AS field FROM (SELECT id, "method" FROM new_rows EXCEPT SELECT id, "method" FROM old_rows) x
            UNION ALL SELECT id, 'receipt_number' AS field FROM (SELECT id, "receipt_number" FROM new_rows EXCEPT SELECT id, "receipt_number" FROM old_rows) x
            UNION ALL SELECT id, 'paid_at' AS field FROM (SELECT id, "paid_at" FROM new_rows EXCEPT SELECT id, "paid_at" FROM old_rows) x
            UNION ALL SELECT id, 'reversal_of_id' AS field FROM (SELECT id, "reversal_of_id" FROM new_rows EXCEPT SELECT id, "reversal_of_id" FROM old_rows) x
            UNION ALL SELECT id, 'allocated_minor' AS field FROM (SELECT id, "allocated_minor" FROM new_rows EXCEPT SELECT id, "allocated_minor" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('payment', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."payment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_payment();


CREATE FUNCTION {{schema}}.note_insert_payment_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('payment_allocation') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('payment_allocation', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."payment_allocation" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_payment_allocation();
CREATE FUNCTION {{schema}}.note_update_payment_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('payment_allocation') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('payment_allocation', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('payment_allocation', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'payment_id' AS field FROM (SELECT id, "payment_id" FROM new_rows EXCEPT SELECT id, "payment_id" FROM old_rows) x
            UNION ALL SELECT id, 'receivable_id' AS field FROM (SELECT id, "receivable_id" FROM new_rows EXCEPT SELECT id, "receivable_id" FROM old_rows) x
            UNION ALL SELECT id, 'amount_minor' AS field FROM (SELECT id, "amount_minor" FROM new_rows EXCEPT SELECT id, "amount_minor" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('payment_allocation', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."payment_allocation" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_payment_allocation();


CREATE FUNCTION {{schema}}.note_insert_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('comment') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('comment', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."comment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_comment();
CREATE FUNCTION {{schema}}.note_update_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('comment') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('comment', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('comment', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'entity' AS field FROM (SELECT id, "entity" FROM new_rows EXCEPT SELECT id, "entity" FROM old_rows) x
            UNION ALL SELECT id, 'row_id' AS field FROM (SELECT id, "row_id" FROM new_rows EXCEPT SELECT id, "row_id" FROM old_rows) x
            UNION ALL SELECT id, 'body' AS field FROM (SELECT id, "body" FROM new_rows EXCEPT SELECT id, "body" FROM old_rows) x
            UNION ALL SELECT id, 'visibility' AS field FROM (SELECT id, "visibility" FROM new_rows EXCEPT SELECT id, "visibility" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('comment', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."comment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_comment();


CREATE FUNCTION {{schema}}.note_insert_attachment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('attachment') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('attachment', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."attachment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_attachment();
CREATE FUNCTION {{schema}}.note_update_attachment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('attachment') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('attachment', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('attachment', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'entity' AS field FROM (SELECT id, "entity" FROM new_rows EXCEPT SELECT id, "entity" FROM old_rows) x
            UNION ALL SELECT id, 'row_id' AS field FROM (SELECT id, "row_id" FROM new_rows EXCEPT SELECT id, "row_id" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'media_type' AS field FROM (SELECT id, "media_type" FROM new_rows EXCEPT SELECT id, "media_type" FROM old_rows) x
            UNION ALL SELECT id, 'size_bytes' AS field FROM (SELECT id, "size_bytes" FROM new_rows EXCEPT SELECT id, "size_bytes" FROM old_rows) x
            UNION ALL SELECT id, 'sha256' AS field FROM (SELECT id, "sha256" FROM new_rows EXCEPT SELECT id, "sha256" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('attachment', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."attachment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_attachment();


CREATE FUNCTION {{schema}}.note_insert_route() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('route') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('route', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."route" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_route();
CREATE FUNCTION {{schema}}.note_update_route() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('route') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('route', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('route', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'member_id' AS field FROM (SELECT id, "member_id" FROM new_rows EXCEPT SELECT id, "member_id" FROM old_rows) x
            UNION ALL SELECT id, 'day' AS field FROM (SELECT id, "day" FROM new_rows EXCEPT SELECT id, "day" FROM old_rows) x
            UNION ALL SELECT id, 'name' AS field FROM (SELECT id, "name" FROM new_rows EXCEPT SELECT id, "name" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('route', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."route" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_route();


CREATE FUNCTION {{schema}}.note_insert_route_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('route_stop') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('route_stop', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."route_stop" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_route_stop();
CREATE FUNCTION {{schema}}.note_update_route_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('route_stop') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('route_stop', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('route_stop', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'route_id' AS field FROM (SELECT id, "route_id" FROM new_rows EXCEPT SELECT id, "route_id" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x
            UNION ALL SELECT id, 'planned_at' AS field FROM (SELECT id, "planned_at" FROM new_rows EXCEPT SELECT id, "planned_at" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('route_stop', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."route_stop" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_route_stop();


CREATE FUNCTION {{schema}}.note_insert_visit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('visit') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('visit', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."visit" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_visit();
CREATE FUNCTION {{schema}}.note_update_visit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('visit') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('visit', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('visit', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'outlet_id' AS field FROM (SELECT id, "outlet_id" FROM new_rows EXCEPT SELECT id, "outlet_id" FROM old_rows) x
            UNION ALL SELECT id, 'member_id' AS field FROM (SELECT id, "member_id" FROM new_rows EXCEPT SELECT id, "member_id" FROM old_rows) x
            UNION ALL SELECT id, 'route_stop_id' AS field FROM (SELECT id, "route_stop_id" FROM new_rows EXCEPT SELECT id, "route_stop_id" FROM old_rows) x
            UNION ALL SELECT id, 'checked_in_at' AS field FROM (SELECT id, "checked_in_at" FROM new_rows EXCEPT SELECT id, "checked_in_at" FROM old_rows) x
            UNION ALL SELECT id, 'position' AS field FROM (SELECT id, "position" FROM new_rows EXCEPT SELECT id, "position" FROM old_rows) x
            UNION ALL SELECT id, 'position_absence' AS field FROM (SELECT id, "position_absence" FROM new_rows EXCEPT SELECT id, "position_absence" FROM old_rows) x
            UNION ALL SELECT id, 'checked_out_at' AS field FROM (SELECT id, "checked_out_at" FROM new_rows EXCEPT SELECT id, "checked_out_at" FROM old_rows) x
            UNION ALL SELECT id, 'position_out' AS field FROM (SELECT id, "position_out" FROM new_rows EXCEPT SELECT id, "position_out" FROM old_rows) x
            UNION ALL SELECT id, 'outcome' AS field FROM (SELECT id, "outcome" FROM new_rows EXCEPT SELECT id, "outcome" FROM old_rows) x
            UNION ALL SELECT id, 'note' AS field FROM (SELECT id, "note" FROM new_rows EXCEPT SELECT id, "note" FROM old_rows) x
            UNION ALL SELECT id, 'signature_id' AS field FROM (SELECT id, "signature_id" FROM new_rows EXCEPT SELECT id, "signature_id" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('visit', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."visit" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_visit();


CREATE FUNCTION {{schema}}.note_insert_conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('conflict') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('conflict', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."conflict" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_conflict();
CREATE FUNCTION {{schema}}.note_update_conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('conflict') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('conflict', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('conflict', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'entity' AS field FROM (SELECT id, "entity" FROM new_rows EXCEPT SELECT id, "entity" FROM old_rows) x
            UNION ALL SELECT id, 'row_id' AS field FROM (SELECT id, "row_id" FROM new_rows EXCEPT SELECT id, "row_id" FROM old_rows) x
            UNION ALL SELECT id, 'field' AS field FROM (SELECT id, "field" FROM new_rows EXCEPT SELECT id, "field" FROM old_rows) x
            UNION ALL SELECT id, 'rule' AS field FROM (SELECT id, "rule" FROM new_rows EXCEPT SELECT id, "rule" FROM old_rows) x
            UNION ALL SELECT id, 'kept' AS field FROM (SELECT id, "kept" FROM new_rows EXCEPT SELECT id, "kept" FROM old_rows) x
            UNION ALL SELECT id, 'lost' AS field FROM (SELECT id, "lost" FROM new_rows EXCEPT SELECT id, "lost" FROM old_rows) x
            UNION ALL SELECT id, 'kept_by' AS field FROM (SELECT id, "kept_by" FROM new_rows EXCEPT SELECT id, "kept_by" FROM old_rows) x
            UNION ALL SELECT id, 'lost_by' AS field FROM (SELECT id, "lost_by" FROM new_rows EXCEPT SELECT id, "lost_by" FROM old_rows) x
            UNION ALL SELECT id, 'device_id' AS field FROM (SELECT id, "device_id" FROM new_rows EXCEPT SELECT id, "device_id" FROM old_rows) x
            UNION ALL SELECT id, 'mutation_number' AS field FROM (SELECT id, "mutation_number" FROM new_rows EXCEPT SELECT id, "mutation_number" FROM old_rows) x
            UNION ALL SELECT id, 'captured_at' AS field FROM (SELECT id, "captured_at" FROM new_rows EXCEPT SELECT id, "captured_at" FROM old_rows) x
            UNION ALL SELECT id, 'status' AS field FROM (SELECT id, "status" FROM new_rows EXCEPT SELECT id, "status" FROM old_rows) x
            UNION ALL SELECT id, 'explanation' AS field FROM (SELECT id, "explanation" FROM new_rows EXCEPT SELECT id, "explanation" FROM old_rows) x
            UNION ALL SELECT id, 'settlement' AS field FROM (SELECT id, "settlement" FROM new_rows EXCEPT SELECT id, "settlement" FROM old_rows) x
            UNION ALL SELECT id, 'settled_by' AS field FROM (SELECT id, "settled_by" FROM new_rows EXCEPT SELECT id, "settled_by" FROM old_rows) x
            UNION ALL SELECT id, 'settled_at' AS field FROM (SELECT id, "settled_at" FROM new_rows EXCEPT SELECT id, "settled_at" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('conflict', 'changed', part.ids, part.changed);
    END LOOP;
    FOR part IN
        SELECT s.status, array_agg(s.id) AS ids FROM (SELECT id, status FROM new_rows EXCEPT SELECT id, status FROM old_rows) s
        GROUP BY s.status
    LOOP
        PERFORM {{schema}}.note_events('conflict', part.status, part.ids, '{status}');
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."conflict" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_conflict();


CREATE FUNCTION {{schema}}.note_insert_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('merge') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('merge', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."merge" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_merge();
CREATE FUNCTION {{schema}}.note_update_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('merge') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('merge', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('merge', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'entity' AS field FROM (SELECT id, "entity" FROM new_rows EXCEPT SELECT id, "entity" FROM old_rows) x
            UNION ALL SELECT id, 'winner_id' AS field FROM (SELECT id, "winner_id" FROM new_rows EXCEPT SELECT id, "winner_id" FROM old_rows) x
            UNION ALL SELECT id, 'loser_id' AS field FROM (SELECT id, "loser_id" FROM new_rows EXCEPT SELECT id, "loser_id" FROM old_rows) x
            UNION ALL SELECT id, 'undone_at' AS field FROM (SELECT id, "undone_at" FROM new_rows EXCEPT SELECT id, "undone_at" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('merge', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."merge" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_merge();


-- The outbox of jobs: one INSERT in the tenant's own transaction. The tenant's id is baked in, so no caller can forge it.
CREATE FUNCTION {{schema}}.enqueue_job(message_id uuid, queue text, message jsonb, delay_ms integer DEFAULT 0) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO dramatiq.queue (message_id, queue_name, state, message, available_at)
    VALUES (message_id, queue, 'queued',
        message || jsonb_build_object('options',
            CASE jsonb_typeof(message -> 'options') WHEN 'object' THEN message -> 'options' ELSE '{}' END
            || '{"tenant_id": "{{tenant_id}}"}'),
        now() + make_interval(secs => delay_ms / 1000.0));
END;

-- What a request was answered under its Idempotency-Key, written with what the request wrote; kept for 24 hours.
CREATE TABLE {{schema}}.idempotent_reply (
    member_id uuid NOT NULL, key text NOT NULL, request_hash bytea NOT NULL,
    status smallint NOT NULL, headers jsonb NOT NULL, body bytea,
    unfinished boolean NOT NULL DEFAULT false, at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (member_id, key)
);
CREATE INDEX ON {{schema}}.idempotent_reply (at);

-- A key acts as a member of its own; of its text only a hash is kept.
CREATE TABLE {{schema}}.api_key (
    id uuid PRIMARY KEY,
    prefix text NOT NULL UNIQUE,
    key_hash bytea NOT NULL,
    name text NOT NULL,
    member_id uuid NOT NULL REFERENCES {{schema}}.member (id),
    scopes text[] NOT NULL,
    requests_per_minute integer NOT NULL,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

-- Webhooks. A secret is derived from the installation's key, the id and secret_generation; none is stored.
CREATE TABLE {{schema}}.webhook (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    description text,
    events text[] NOT NULL,
    entities text[] NOT NULL,
    secret_generation integer NOT NULL DEFAULT 1,
    secret_rotated_at timestamptz,
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    disabled_reason text,
    failing_since timestamptz,
    failures_in_row integer NOT NULL DEFAULT 0,
    resume_at timestamptz,
    wake_at timestamptz,
    leased_until timestamptz
);

CREATE TABLE {{schema}}.webhook_event (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    revision bigint NOT NULL,
    entity text NOT NULL,
    "row" uuid,
    type text NOT NULL,
    changed text[] NOT NULL,
    at timestamptz NOT NULL,
    dispatched_at timestamptz,
    UNIQUE (revision, "row", type)
);
CREATE INDEX ON {{schema}}.webhook_event (revision) WHERE dispatched_at IS NULL;
CREATE INDEX ON {{schema}}.webhook_event (at);

CREATE TABLE {{schema}}.webhook_delivery (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    webhook_id uuid NOT NULL REFERENCES {{schema}}.webhook (id) ON DELETE CASCADE,
    event_id uuid NOT NULL REFERENCES {{schema}}.webhook_event (id) ON DELETE CASCADE,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    next_attempt_at timestamptz DEFAULT now(),
    attempted_at timestamptz,
    response_status integer,
    duration_ms integer,
    error text
);
CREATE INDEX ON {{schema}}.webhook_delivery (webhook_id, next_attempt_at) WHERE state = 'pending';
CREATE INDEX ON {{schema}}.webhook_delivery (webhook_id, created_at, id);
CREATE INDEX ON {{schema}}.webhook_delivery (event_id);

-- Whether a webhook waits for events of the entity; one that is disabled too, as it may have them replayed.
CREATE FUNCTION {{schema}}.is_watched(entity text) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT 1 FROM {{schema}}.webhook w WHERE w.entities && ARRAY[entity, '*']);
END;

-- Notes events of the open transaction, each once, and sends the job that dispatches them, once.
CREATE FUNCTION {{schema}}.note_events(entity text, verb text, ids uuid[], changed text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; job uuid := gen_random_uuid();
BEGIN
    IF cardinality(ids) = 0 THEN RETURN; END IF;
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    IF NOT EXISTS (SELECT 1 FROM {{schema}}.webhook_event e WHERE e.revision = r) THEN
        PERFORM {{schema}}.enqueue_job(job, 'webhooks', jsonb_build_object(
            'queue_name', 'webhooks', 'actor_name', 'dispatch_events', 'args', jsonb_build_array(), 'kwargs', '{}'::jsonb,
            'options', '{}'::jsonb, 'message_id', job, 'message_timestamp', (extract(epoch FROM moment) * 1000)::bigint));
    END IF;
    INSERT INTO {{schema}}.webhook_event AS e (revision, entity, "row", type, changed, at)
    SELECT r, note_events.entity, i.id, note_events.entity || '.' || verb, note_events.changed, moment
    FROM unnest(ids) AS i (id)
    WHERE verb <> 'changed' OR NOT EXISTS (
        SELECT 1 FROM {{schema}}.webhook_event b
        WHERE b.revision = r AND b."row" = i.id AND b.type = note_events.entity || '.created')
    ON CONFLICT (revision, "row", type) DO UPDATE
    SET changed = ARRAY(SELECT DISTINCT f FROM unnest(e.changed || excluded.changed) AS x (f) ORDER BY f);
END $$;
