-- Recorded from server/sync/ddl.py (python -m server.sync.ddl). {{schema}} and {{tenant_id}} are filled in when it is replayed.
CREATE TABLE {{schema}}.schema_migration (
    number integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
);

-- One row: the tenant's revision, and who holds it in the transaction named by xact.
CREATE TABLE {{schema}}.revision_counter (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    revision bigint NOT NULL DEFAULT 0,
    token uuid NOT NULL DEFAULT gen_random_uuid(),
    horizon bigint NOT NULL DEFAULT 0,
    epoch uuid NOT NULL DEFAULT gen_random_uuid(),
    epoch_began_at timestamptz,
    xact xid8,
    member_id uuid,
    device_id uuid,
    source text NOT NULL DEFAULT 'sql',
    login text,
    at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO {{schema}}.revision_counter DEFAULT VALUES;

-- Each revision's own random token, kept to the horizon: a cursor that bears another one is of a history that this database
-- does not have, because it was restored from a backup (ADR 0031).
CREATE TABLE {{schema}}.revision_token (revision bigint PRIMARY KEY, token uuid NOT NULL, at timestamptz NOT NULL);

CREATE TABLE {{schema}}.scope_entry (
    "row" uuid NOT NULL, scope uuid NOT NULL, entity smallint NOT NULL, revision bigint NOT NULL, gone boolean NOT NULL,
    away boolean NOT NULL DEFAULT false, gone_at timestamptz,
    PRIMARY KEY ("row", scope)
);
-- What is past its window of time: in sight, and on no device.
CREATE INDEX ON {{schema}}.scope_entry ("row") WHERE away;
CREATE INDEX ON {{schema}}.scope_entry (scope, revision, "row") INCLUDE (entity, gone);
CREATE INDEX ON {{schema}}.scope_entry (revision) WHERE gone;
-- What a member's lists begin with: the rows of one entity in each of their scopes.
CREATE INDEX ON {{schema}}.scope_entry (scope, entity, "row") WHERE NOT gone;

-- Rows that were written since, by scope they are in: a bulk update of ten thousand rows adds an array a scope, where it
-- would have to change ten thousand entries. fold_changes brings the entries up to date. Where rows came into a scope or
-- left it, that is noted without naming them, under the entity's number made negative: what is news since a revision is
-- then found here alone, as long as there is anything up to that revision (a fold takes away what is oldest).
CREATE TABLE {{schema}}.scope_change (
    scope uuid NOT NULL, revision bigint NOT NULL, entity smallint NOT NULL, rows uuid[] NOT NULL
);
CREATE INDEX ON {{schema}}.scope_change (scope, revision);
CREATE INDEX ON {{schema}}.scope_change (revision);
ALTER TABLE {{schema}}.scope_change ALTER rows SET STORAGE EXTERNAL; -- ids do not compress, and trying costs

CREATE TABLE {{schema}}.scope_grant (
    member_id uuid NOT NULL, scope uuid NOT NULL, level smallint NOT NULL, revision bigint NOT NULL, gone boolean NOT NULL,
    at timestamptz NOT NULL, of_place boolean NOT NULL DEFAULT false,
    PRIMARY KEY (member_id, scope, level)
);
-- What members hold otherwise than by reading everything: by it the price lists in their sight are found.
CREATE INDEX ON {{schema}}.scope_grant (member_id, level, scope) WHERE NOT gone AND level < 4;
CREATE INDEX ON {{schema}}.scope_grant (scope, member_id) WHERE of_place AND NOT gone;
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
    revoked_at timestamptz,
    -- Of a later incarnation: the device that was enrolled; why and when it began; from which number on; under which ids it
    -- was known before, and the last number in common with each; what it says was lost.
    origin_id uuid,
    cause text NOT NULL DEFAULT 'enrolled' CHECK (cause IN ('enrolled', 'enrolled_again', 'forked', 'lost')),
    begun_at timestamptz NOT NULL DEFAULT now(),
    begun_after bigint NOT NULL DEFAULT 0,
    -- Up to which of its mutations a verified backup has everything: the device need not keep these.
    durable_through bigint NOT NULL DEFAULT 0,
    earlier jsonb NOT NULL DEFAULT '{}',
    lost_from bigint,
    lost_to bigint,
    incarnation_key uuid UNIQUE,
    -- Until when it may work without contact; the last time for which it had no lease; how many mutations were captured then.
    lease_until timestamptz, lapsed_from timestamptz, lapsed_to timestamptz, past_lease bigint NOT NULL DEFAULT 0,
    -- How many pushes in a row that began with this mutation failed by a fault of the server's.
    failed_number bigint, failures integer NOT NULL DEFAULT 0,
    -- Of a push that came again and has begun: its first and last mutation, and in how many such these died.
    trial_start bigint, trial_through bigint, trial_deaths integer NOT NULL DEFAULT 0,
    -- Who wants it to erase all that it holds; its receipt that it has.
    wipe_ordered_at timestamptz, wipe_ordered_by uuid, wipe_now boolean NOT NULL DEFAULT false, wiped_at timestamptz,
    wipe_receipt jsonb
);
CREATE INDEX ON {{schema}}.device (member_id);
CREATE INDEX ON {{schema}}.device (origin_id) WHERE origin_id IS NOT NULL;
CREATE INDEX ON {{schema}}.device (member_id) WHERE origin_id IS NULL AND cause = 'enrolled_again';

CREATE TABLE {{schema}}.device_code (
    code_hash bytea PRIMARY KEY, member_id uuid NOT NULL, created_by uuid, expires_at timestamptz NOT NULL, used_at timestamptz
);

CREATE TABLE {{schema}}.mutation_outcome (
    device_id uuid NOT NULL, incarnation integer NOT NULL, number bigint NOT NULL,
    digest text NOT NULL, revision bigint NOT NULL, refused boolean NOT NULL, outcome jsonb NOT NULL,
    PRIMARY KEY (device_id, incarnation, number)
);

-- What a revoked device handed in, once: as it came, until a manager has decided on it. A device has one. What was
-- released and waits for rows since a restore stays, and is tried when something was written since "tried_revision".
CREATE TABLE {{schema}}.quarantine (
    id uuid PRIMARY KEY, device_id uuid NOT NULL UNIQUE, member_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'released', 'discarded')), complete boolean NOT NULL,
    mutations integer NOT NULL, size_bytes bigint NOT NULL, last_number bigint NOT NULL, last_digest text NOT NULL,
    handed_in_at timestamptz NOT NULL, decided_by uuid, decided_at timestamptz, tried_revision bigint NOT NULL DEFAULT 0
);
CREATE TABLE {{schema}}.quarantined_mutation (
    quarantine_id uuid NOT NULL, number bigint NOT NULL, payload bytea NOT NULL, released boolean NOT NULL DEFAULT false,
    PRIMARY KEY (quarantine_id, number)
);
CREATE INDEX ON {{schema}}.quarantined_mutation (quarantine_id) WHERE released;

-- The payload of a refused mutation stays until a person has dealt with it; created lists what it would have made.
CREATE TABLE {{schema}}.refused_mutation (
    device_id uuid NOT NULL, incarnation integer NOT NULL, number bigint NOT NULL, member_id uuid NOT NULL,
    code text NOT NULL, payload jsonb NOT NULL, created uuid[] NOT NULL, at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    PRIMARY KEY (device_id, incarnation, number)
);

-- Rows of people who were erased; "subject" is the person's. No word of what stood in them: it is replayed after a restore.
CREATE TABLE {{schema}}.erasure (
    "row" uuid PRIMARY KEY, entity smallint NOT NULL, subject uuid NOT NULL, revision bigint NOT NULL, asked_by uuid, at timestamptz NOT NULL
);
CREATE INDEX ON {{schema}}.erasure (revision);

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

-- Content of attachments travels apart from sync. It was uploaded for its own row: the same hash in another one is no right
-- to it. Parts of an upload are files under these keys until they are put together.
CREATE TABLE {{schema}}.attachment_content (
    attachment_id uuid PRIMARY KEY, sha256 text NOT NULL, size_bytes bigint NOT NULL, member_id uuid, device_id uuid,
    received_at timestamptz NOT NULL, thumbnail text NOT NULL CHECK (thumbnail IN ('waiting', 'done', 'none'))
);
CREATE TABLE {{schema}}.attachment_upload (
    attachment_id uuid PRIMARY KEY, offset_bytes bigint NOT NULL, parts text[] NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- Ready files of what some scopes show under a view, as of a revision; who holds the same shares them ("key"). ADR 0021.
CREATE TABLE {{schema}}.snapshot (
    id uuid PRIMARY KEY, key text NOT NULL, encoding text NOT NULL, revision bigint NOT NULL, scopes uuid[] NOT NULL,
    sha256 text NOT NULL, size_bytes bigint NOT NULL, file_bytes bigint NOT NULL, rows bigint NOT NULL,
    built_at timestamptz NOT NULL DEFAULT now(), used_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON {{schema}}.snapshot (key, encoding, revision);

-- Devices that had other rows than their member saw, for operators: each has repaired itself, if it could (ADR 0022).
CREATE TABLE {{schema}}.replica_difference (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, device_id uuid NOT NULL, "cursor" bigint NOT NULL, view text NOT NULL,
    entities text[] NOT NULL, at timestamptz NOT NULL DEFAULT now()
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

-- What a member's role, and a role's document, were until when: captured work is judged by the rights of its hour.
CREATE TABLE {{schema}}.member_role_change (
    member_id uuid NOT NULL, role text NOT NULL, until timestamptz NOT NULL, revision bigint NOT NULL
);
CREATE INDEX ON {{schema}}.member_role_change (member_id, until);
CREATE TABLE {{schema}}.role_change (
    "key" text NOT NULL, base text NOT NULL, permissions jsonb NOT NULL, fields jsonb NOT NULL, until timestamptz NOT NULL,
    revision bigint NOT NULL
);
CREATE INDEX ON {{schema}}.role_change ("key", until);

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
    words tsvector; -- a set, for its deduplication and order: no query is run, and an update of 10,000 rows asks as often
    telling tsvector;
BEGIN
    IF octet_length(name) <> length(name) THEN -- PostgreSQL's lower() knows only ASCII here: the cluster's locale is C
        folded := lower(translate(regexp_replace(normalize(name, NFKD), '[\u0300-\u036F]', '', 'g'),
            'ßøØłŁđĐæÆАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς«»“”„‘’–—·',
            'soollddaaабвгдежзиклмнопрстуфхцчшщъыьэюяαβγδεζηθικλμνξοπρστυφχψωσ          '));
    END IF;
    words := array_to_tsvector(array_remove(string_to_array(
        translate(left(folded, 500), E'\t\n.,;:!?"''()[]{}<>/\\|-_+*&@#%^=~`$', repeat(' ', 40)), ' '), ''));
    telling := ts_delete(words, '{the,and,und,et,y,e,ltd,limited,llc,llp,plc,inc,corp,corporation,co,company,gmbh,mbh,ag,kg,ohg,'
        'ug,ev,bv,nv,vof,sa,sas,sarl,srl,spa,sl,lda,as,asa,ab,oy,oyj,aps,sia,uab,ou,kft,doo,ooo,oao,zao,ao,pao,ip,ооо,оао,зао,ао,'
        'пао,ип,pty,тоо,жшс,чп,фоп,тов,одо,уп,чуп}'::text[]);
    RETURN nullif(array_to_string(tsvector_to_array(CASE WHEN length(telling) = 0 THEN words ELSE telling END), ' '), '');
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

-- Who wrote in a revision, when, and through what. "login" is the database's log-in, where it was plain SQL.
CREATE TABLE {{schema}}.audit_revision (
    revision bigint PRIMARY KEY, at timestamptz NOT NULL, member_id uuid, device_id uuid, source text NOT NULL, login text
);
CREATE INDEX ON {{schema}}.audit_revision (member_id, revision);
CREATE INDEX ON {{schema}}.audit_revision (at);

-- What one statement changed of one field, over all its rows; values as they stand on the wire, as text. "captured" is when
-- it was typed on a device, if it was pushed. Where "field" is null it is the statement's head: all rows that it touched, with
-- the revision that each had before; null for those it made. A row's history leads from its revision to the one before.
CREATE TABLE {{schema}}.audit_entry (
    revision bigint NOT NULL, number bigint GENERATED ALWAYS AS IDENTITY, entity smallint NOT NULL, field text,
    rows uuid[] NOT NULL, previous bigint[], old text[], new text[], captured bigint[],
    PRIMARY KEY (revision, number)
);
ALTER TABLE {{schema}}.audit_entry ALTER rows SET STORAGE EXTERNAL, ALTER old SET STORAGE EXTERNAL,
    ALTER new SET STORAGE EXTERNAL;

-- The door of every writer. The row lock it takes lasts until commit. A second call in the same transaction changes nothing.
CREATE FUNCTION {{schema}}.take_revision(member uuid, device uuid, source text) RETURNS TABLE (revision bigint, at timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN QUERY
        UPDATE {{schema}}.revision_counter c
        SET revision = c.revision + 1, token = gen_random_uuid(), xact = pg_current_xact_id(), member_id = member,
            device_id = device, at = clock_timestamp(), source = take_revision.source, login = NULL
        WHERE c.xact IS DISTINCT FROM pg_current_xact_id()
        RETURNING c.revision, c.at;
    IF FOUND THEN
        INSERT INTO {{schema}}.revision_token SELECT c.revision, c.token, c.at FROM {{schema}}.revision_counter c;
    ELSE
        RETURN QUERY SELECT c.revision, c.at FROM {{schema}}.revision_counter c;
    END IF;
END $$;

-- Takes the revision if the transaction has none yet, and lays out for the row triggers what they stamp: settings, as a look
-- at the counter for each row would cost more than the rest of the trigger. SQL could forge them; it would be found out,
-- by audit_statement, when the statement ends.
CREATE FUNCTION {{schema}}.before_statement() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c {{schema}}.revision_counter;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION 'TRUNCATE of % is refused: devices would never learn of it. Use DELETE.', TG_TABLE_NAME;
    END IF;
    UPDATE {{schema}}.revision_counter n
    SET revision = n.revision + 1, token = gen_random_uuid(), xact = pg_current_xact_id(), member_id = NULL,
        device_id = NULL, at = clock_timestamp(), source = 'sql', login = session_user
    WHERE n.xact IS DISTINCT FROM pg_current_xact_id();
    IF FOUND THEN
        INSERT INTO {{schema}}.revision_token SELECT n.revision, n.token, n.at FROM {{schema}}.revision_counter n;
    END IF;
    SELECT * INTO c FROM {{schema}}.revision_counter;
    PERFORM set_config('outrider.revision', c.revision::text, true),
        set_config('outrider.at', extract(epoch FROM c.at)::text, true),
        set_config('outrider.member', coalesce(c.member_id::text, ''), true),
        set_config('outrider.stamp',
            jsonb_build_array(c.revision, (extract(epoch FROM c.at) * 1000000)::bigint, c.device_id, c.member_id)::text, true);
    RETURN NULL;
END $$;

-- First of a statement's audit: checks that its rows bear the revision, and puts on record who has it. True in a push.
CREATE FUNCTION {{schema}}.audit_statement(entity smallint, ids uuid[], previous bigint[], lowest bigint, highest bigint)
RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c {{schema}}.revision_counter;
BEGIN
    SELECT * INTO c FROM {{schema}}.revision_counter;
    IF lowest <> c.revision OR highest <> c.revision THEN
        RAISE EXCEPTION 'Rows were stamped in revision % with another: the setting outrider.revision is not yours to set.', c.revision;
    END IF;
    INSERT INTO {{schema}}.audit_revision (revision, at, member_id, device_id, source, login)
    VALUES (c.revision, c.at, c.member_id, c.device_id, c.source, c.login) ON CONFLICT DO NOTHING;
    INSERT INTO {{schema}}.audit_entry (revision, entity, rows, previous) VALUES (c.revision, entity, ids, previous);
    RETURN c.device_id IS NOT NULL;
END $$;

-- Tells the devices that hold the rows. Entries of this very revision tell it themselves. The ids are unnested so that no
-- plan is made for these very ten thousand.
CREATE FUNCTION {{schema}}.record_change(entity smallint, ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint;
BEGIN
    SELECT c.revision INTO r FROM {{schema}}.revision_counter c;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT s.scope, r, record_change.entity, array_agg(s."row") FROM {{schema}}.scope_entry s
    WHERE s."row" = ANY (ARRAY(SELECT unnest(ids))) AND NOT s.gone AND s.revision < r GROUP BY s.scope;
END $$;

-- Moves the changes up to a revision into the entries. In the stream of a pull each row stays where it was.
CREATE FUNCTION {{schema}}.fold_changes(through bigint) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    WITH folded AS (DELETE FROM {{schema}}.scope_change WHERE revision <= through RETURNING scope, revision, rows),
    latest AS (
        SELECT f.scope, r."row", max(f.revision) AS revision FROM folded f CROSS JOIN LATERAL unnest(f.rows) AS r ("row")
        GROUP BY f.scope, r."row"
    )
    UPDATE {{schema}}.scope_entry s SET revision = l.revision FROM latest l
    WHERE s."row" = l."row" AND s.scope = l.scope AND NOT s.gone AND s.revision < l.revision
$$;

-- Moves the horizon, and forgets what only a cursor behind it would ask for, at most so many entries at a time; how many
-- entries went.
CREATE FUNCTION {{schema}}.prune(through bigint, at_most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE went bigint;
BEGIN
    UPDATE {{schema}}.revision_counter c SET horizon = greatest(c.horizon, least(prune.through, c.revision));
    DELETE FROM {{schema}}.revision_token t USING {{schema}}.revision_counter c WHERE t.revision < c.horizon;
    DELETE FROM {{schema}}.scope_entry e WHERE e.gone AND (e."row", e.scope) IN (
        SELECT d."row", d.scope FROM {{schema}}.scope_entry d, {{schema}}.revision_counter c
        WHERE d.gone AND d.revision <= c.horizon LIMIT at_most);
    GET DIAGNOSTICS went = ROW_COUNT;
    RETURN went;
END $$;

-- This database was restored: cursors of before are void, and no revision is given out again. The operator's alone.
-- `at_least`: another restore of the same backup may have begun epochs that this database knows nothing of.
CREATE FUNCTION {{schema}}.begin_epoch(at_least bigint DEFAULT 0) RETURNS bigint
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    UPDATE {{schema}}.revision_counter c SET revision = greatest((c.revision >> 32) + 1, at_least) << 32,
        token = gen_random_uuid(), epoch = gen_random_uuid(), epoch_began_at = clock_timestamp(),
        at = clock_timestamp(), xact = NULL;
    INSERT INTO {{schema}}.revision_token SELECT c.revision, c.token, c.at FROM {{schema}}.revision_counter c;
    SELECT c.revision >> 32 FROM {{schema}}.revision_counter c;
$$;

-- Puts an erasure on record, and takes all values of the rows out of the audit: of every revision that wrote them, this
-- one too, which has just overwritten them. What was changed when, and by whom, stays.
CREATE FUNCTION {{schema}}.erase_record(subject uuid, asked_by uuid, entities smallint[], ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE c {{schema}}.revision_counter;
BEGIN
    SELECT * INTO c FROM {{schema}}.revision_counter;
    IF c.xact IS DISTINCT FROM pg_current_xact_id() THEN
        RAISE EXCEPTION 'An erasure belongs into the transaction that overwrites the rows.';
    END IF;
    INSERT INTO {{schema}}.erasure AS e ("row", entity, subject, revision, asked_by, at)
    SELECT r."row", r.entity, erase_record.subject, c.revision, erase_record.asked_by, c.at FROM unnest(ids, entities) AS r ("row", entity)
    ON CONFLICT ("row") DO UPDATE SET revision = c.revision;
    DELETE FROM {{schema}}.snapshot; -- nobody may fetch one any more; the files go with the next sweep
    WITH RECURSIVE chain AS (
        SELECT r."row", r.entity, c.revision FROM unnest(ids, entities) AS r ("row", entity)
        UNION ALL
        SELECT n."row", n.entity, p.previous FROM chain n CROSS JOIN LATERAL (
            SELECT h.previous[array_position(h.rows, n."row")] AS previous FROM {{schema}}.audit_entry h
            WHERE h.revision = n.revision AND h.entity = n.entity AND h.field IS NULL AND n."row" = ANY (h.rows)
            ORDER BY h.number LIMIT 1
        ) p WHERE p.previous IS NOT NULL
    )
    UPDATE {{schema}}.audit_entry e SET
        old = ARRAY(SELECT CASE WHEN v."row" <> ALL (ids) THEN v.value END
            FROM unnest(e.rows, e.old) WITH ORDINALITY AS v ("row", value, n) ORDER BY v.n),
        new = ARRAY(SELECT CASE WHEN v."row" <> ALL (ids) THEN v.value END
            FROM unnest(e.rows, e.new) WITH ORDINALITY AS v ("row", value, n) ORDER BY v.n)
    FROM (SELECT DISTINCT entity, revision FROM chain) w
    WHERE e.revision = w.revision AND e.entity = w.entity AND e.field <> 'deleted_at' AND e.rows && ids;
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


CREATE TABLE {{schema}}."field_master" (
    "id" uuid PRIMARY KEY,
    "revision" bigint NOT NULL DEFAULT 0,
    "created_at" timestamptz NOT NULL DEFAULT now(),
    "created_by" uuid,
    "updated_at" timestamptz NOT NULL DEFAULT now(),
    "custom" jsonb NOT NULL DEFAULT '{}',
    deleted_at timestamptz,
    stamps jsonb NOT NULL DEFAULT '{}',
    "entity" text NOT NULL,
    "field" text NOT NULL,
    "system" text NOT NULL
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
CREATE INDEX ON {{schema}}.assignment (assortment_id) WHERE assortment_id IS NOT NULL;


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
    "seen" jsonb,
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
CREATE INDEX ON {{schema}}."category" ("parent_id");


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
CREATE INDEX ON {{schema}}."warehouse" ("member_id");

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
CREATE INDEX ON {{schema}}."agreement" ("price_list_id");

ALTER TABLE {{schema}}."outlet" ADD FOREIGN KEY ("account_id") REFERENCES {{schema}}."account" (id),
    ADD FOREIGN KEY ("territory_id") REFERENCES {{schema}}."territory" (id);
CREATE INDEX ON {{schema}}."outlet" ("account_id");
CREATE INDEX ON {{schema}}."outlet" ("territory_id");

ALTER TABLE {{schema}}."assortment_item" ADD FOREIGN KEY ("assortment_id") REFERENCES {{schema}}."assortment" (id),
    ADD FOREIGN KEY ("product_id") REFERENCES {{schema}}."product" (id),
    ADD FOREIGN KEY ("category_id") REFERENCES {{schema}}."category" (id),
    ADD FOREIGN KEY ("outlet_id") REFERENCES {{schema}}."outlet" (id);
CREATE INDEX ON {{schema}}."assortment_item" ("assortment_id");
CREATE INDEX ON {{schema}}."assortment_item" ("product_id");
CREATE INDEX ON {{schema}}."assortment_item" ("category_id");

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


-- The scope of what is both of a place and of a part of the catalogue. Of version 8, which no id of a row is.
CREATE FUNCTION {{schema}}.pair_scope(place uuid, part uuid) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT overlay(md5(place::text || part::text) PLACING '8' FROM 13 FOR 1)::uuid
$$;

CREATE VIEW {{schema}}.category_below AS
    WITH RECURSIVE below AS (
        SELECT c.id AS category_id, c.id AS above_id FROM {{schema}}.category c
        UNION
        SELECT c.id, b.above_id FROM {{schema}}.category c JOIN below b ON c.parent_id = b.category_id
    ) SELECT category_id, above_id FROM below;

CREATE VIEW {{schema}}.assorted_product AS
    SELECT s.product_id, s.assortment_id FROM (
        SELECT i.product_id, i.assortment_id, i.effect, i.outlet_id, i.channel, i.starts_on, i.ends_on
        FROM {{schema}}.assortment_item i WHERE i.product_id IS NOT NULL AND i.deleted_at IS NULL
        UNION ALL
        SELECT x.id, i.assortment_id, i.effect, i.outlet_id, i.channel, i.starts_on, i.ends_on
        FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN {{schema}}.assortment_item i ON i.category_id = b.above_id AND i.deleted_at IS NULL
    ) s JOIN {{schema}}.assortment a ON a.id = s.assortment_id AND a.deleted_at IS NULL AND (a.starts_on IS NULL OR a.starts_on <= current_date) AND (a.ends_on IS NULL OR a.ends_on >= current_date)
    WHERE (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date) GROUP BY s.product_id, s.assortment_id
    HAVING bool_or(s.effect = 'allow')
    AND NOT bool_or(s.effect = 'ban' AND s.outlet_id IS NULL AND s.channel IS NULL);

CREATE VIEW {{schema}}.active_member AS
    SELECT m.id, m.team_id, greatest(r.reach, CASE coalesce(r.base, m.role)
        WHEN 'rep' THEN 1 WHEN 'manager' THEN 3 WHEN 'admin' THEN 4 WHEN 'owner' THEN 4 ELSE 0 END) AS reach
    FROM {{schema}}.member m LEFT JOIN {{schema}}.role r ON r.key = m.role AND r.deleted_at IS NULL
    WHERE m.active AND m.deleted_at IS NULL;

CREATE VIEW {{schema}}.worked_outlet AS
    SELECT s.outlet_id, s.member_id, s.assortment_id FROM {{schema}}.assignment s
    WHERE s.member_id IS NOT NULL AND s.deleted_at IS NULL
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date)
    UNION ALL
    SELECT s.outlet_id, m.id, s.assortment_id FROM {{schema}}.assignment s JOIN {{schema}}.member m ON m.team_id = s.team_id
    WHERE s.deleted_at IS NULL
    AND (s.starts_on IS NULL OR s.starts_on <= current_date) AND (s.ends_on IS NULL OR s.ends_on >= current_date);

CREATE VIEW {{schema}}.own_catalogue AS
    SELECT m.id AS member_id, '00000000-0000-8000-8000-000000000000'::uuid AS scope FROM {{schema}}.member m
    WHERE EXISTS (SELECT FROM {{schema}}.worked_outlet w WHERE w.member_id = m.id AND w.assortment_id IS NULL)
    OR NOT EXISTS (SELECT FROM {{schema}}.worked_outlet w WHERE w.member_id = m.id)
    UNION ALL
    SELECT DISTINCT w.member_id, w.assortment_id FROM {{schema}}.worked_outlet w WHERE w.assortment_id IS NOT NULL
    AND NOT EXISTS (
        SELECT FROM {{schema}}.worked_outlet o WHERE o.member_id = w.member_id AND o.assortment_id IS NULL);

CREATE VIEW {{schema}}.granted AS
    -- Own: what is everybody's, what is the member's, and the outlets that they work.
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
    WHERE a.reach >= 4
    UNION ALL
    -- Of the catalogue: what is the member's own, and of those for whom they stand in; their team-mates'; all of it, to
    -- whoever manages a branch, or reads everything.
    SELECT c.member_id, c.scope, 1 FROM {{schema}}.own_catalogue c
    JOIN {{schema}}.active_member a ON a.id = c.member_id AND a.reach > 0
    UNION ALL
    SELECT d.substitute_id, c.scope, 1 FROM {{schema}}.delegation d
    JOIN {{schema}}.active_member a ON a.id = d.substitute_id AND a.reach > 0
    JOIN {{schema}}.own_catalogue c ON c.member_id = d.member_id
    WHERE d.deleted_at IS NULL AND (d.starts_on IS NULL OR d.starts_on <= current_date) AND (d.ends_on IS NULL OR d.ends_on >= current_date)
    UNION ALL
    SELECT a.id, c.scope, 2 FROM {{schema}}.active_member a
    JOIN {{schema}}.member m ON m.team_id = a.team_id AND m.id <> a.id
    JOIN {{schema}}.own_catalogue c ON c.member_id = m.id
    WHERE a.reach >= 2
    UNION ALL
    SELECT a.id, '00000000-0000-8000-8000-000000000000'::uuid, 3 FROM {{schema}}.active_member a WHERE a.reach >= 3
    AND EXISTS (SELECT FROM {{schema}}.territory t WHERE t.manager_id = a.id AND t.deleted_at IS NULL)
    UNION ALL
    SELECT a.id, '00000000-0000-8000-8000-000000000000'::uuid, 4 FROM {{schema}}.active_member a WHERE a.reach >= 4;

-- Brings the grants in line with the view. NULL stands for all members, or all scopes. Of several levels the nearest
-- counts: whoever reads as far as a farther one reads as far as it.
CREATE FUNCTION {{schema}}.refresh_grants(members uuid[], scopes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; anew uuid[]; others uuid[]; touched uuid[];
BEGIN
    IF cardinality(members) = 0 OR cardinality(scopes) = 0 THEN RETURN; END IF;
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT v.member_id, v.scope, min(v.level)::smallint AS level FROM {{schema}}.granted v WHERE (members IS NULL OR v.member_id = ANY (members)) AND (scopes IS NULL OR v.scope = ANY (scopes))
        GROUP BY v.member_id, v.scope
    ), lost AS (
        UPDATE {{schema}}.scope_grant g SET gone = true, revision = r, at = moment
        WHERE NOT g.gone AND NOT g.of_place AND (members IS NULL OR g.member_id = ANY (members)) AND (scopes IS NULL OR g.scope = ANY (scopes))
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d.member_id = g.member_id AND d.scope = g.scope AND d.level = g.level)
        RETURNING g.member_id, g.scope, g.level
    ), gained AS (
        INSERT INTO {{schema}}.scope_grant AS g (member_id, scope, level, revision, gone, at)
        SELECT d.member_id, d.scope, d.level, r, false, moment FROM desired d
        ON CONFLICT (member_id, scope, level) DO UPDATE SET gone = false, revision = r, at = moment WHERE g.gone
        RETURNING g.member_id, g.scope, g.level
    )
    SELECT coalesce(array_agg(DISTINCT c.member_id) FILTER (
            WHERE c.scope = 'ffffffff-ffff-ffff-ffff-ffffffffffff' OR c.scope IN (SELECT p.scope FROM (SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope UNION ALL SELECT s.id FROM {{schema}}.assortment s) p)), '{}'),
        coalesce(array_agg(DISTINCT c.member_id) FILTER (WHERE c.level < 4), '{}'),
        coalesce(array_agg(DISTINCT c.scope) FILTER (WHERE c.level < 4), '{}')
    INTO anew, others, touched
    FROM (SELECT * FROM lost UNION ALL SELECT * FROM gained) c;
    PERFORM {{schema}}.refresh_places_after(anew, others, touched);
END $$;
-- Brings products, and what is in their scopes, in line with the assortments.
CREATE FUNCTION {{schema}}.refresh_products(products uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF cardinality(products) = 0 THEN RETURN; END IF;
    PERFORM {{schema}}.refresh_scopes_product(products);
    PERFORM {{schema}}.refresh_scopes_product_unit(
        ARRAY(SELECT x.id FROM {{schema}}.product_unit x WHERE x.product_id = ANY (products)));
    PERFORM {{schema}}.refresh_scopes_price_item(
        ARRAY(SELECT x.id FROM {{schema}}.price_item x WHERE x.product_id = ANY (products)));
    PERFORM {{schema}}.refresh_scopes_stock(
        ARRAY(SELECT x.id FROM {{schema}}.stock x WHERE x.product_id = ANY (products)));
END $$;

-- Those of which assortments say from when, or until when.
CREATE FUNCTION {{schema}}.refresh_dated_products() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT i.product_id FROM (
            SELECT n.* FROM {{schema}}.assortment_item n JOIN {{schema}}.assortment s ON s.id = n.assortment_id
            WHERE num_nonnulls(n.starts_on, n.ends_on, s.starts_on, s.ends_on) > 0) i WHERE i.product_id IS NOT NULL
        UNION
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN (
            SELECT n.* FROM {{schema}}.assortment_item n JOIN {{schema}}.assortment s ON s.id = n.assortment_id
            WHERE num_nonnulls(n.starts_on, n.ends_on, s.starts_on, s.ends_on) > 0) i ON i.category_id = b.above_id));
END $$;

-- After agreements changed, or who holds them: who sees the price lists that they name, or named. Of a list that no other
-- agreement names, everybody's sight may have changed: one that none names is everybody's.
CREATE FUNCTION {{schema}}.refresh_lists(agreements uuid[], lists uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE turned uuid[];
BEGIN
    IF cardinality(agreements) = 0 THEN RETURN; END IF;
    turned := ARRAY(
        SELECT l.id FROM unnest(lists) AS l (id) WHERE NOT EXISTS (
            SELECT FROM {{schema}}.agreement a WHERE a.price_list_id = l.id AND a.deleted_at IS NULL
            AND NOT EXISTS (SELECT FROM unnest(agreements) AS n (id) WHERE n.id = a.id)));
    PERFORM {{schema}}.refresh_places(NULL, turned);
    PERFORM {{schema}}.refresh_places(
        ARRAY(
            SELECT DISTINCT g.member_id FROM {{schema}}.scope_entry e
            JOIN {{schema}}.scope_grant g ON g.scope = e.scope AND NOT g.gone AND g.level < 4
            WHERE e."row" = ANY (agreements)),
        ARRAY(SELECT unnest(lists) EXCEPT SELECT unnest(turned)));
END $$;

-- Grants of places, and of pairs with the parts of the catalogue that the member holds. NULL: all members, or all places.
-- A list that many agreements name is looked for among what the member holds, level by level, and soon found; one that few
-- name, among those who hold these few. OFFSET 0 keeps the planner to that: there may be ten thousands of either.
CREATE FUNCTION {{schema}}.refresh_places(members uuid[], places uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz;
BEGIN
    IF cardinality(members) = 0 OR cardinality(places) = 0 THEN RETURN; END IF;
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH who AS MATERIALIZED (
        SELECT a.id, a.reach FROM {{schema}}.active_member a WHERE a.reach > 0 AND (members IS NULL OR a.id = ANY (members))
    ), list AS MATERIALIZED (
        SELECT l.id, (SELECT count(*) FROM (
            SELECT FROM {{schema}}.agreement a WHERE a.price_list_id = l.id AND a.deleted_at IS NULL LIMIT 50) n) AS named
        FROM {{schema}}.price_list l WHERE places IS NULL OR l.id = ANY (places)
    ), found AS (
        SELECT w.id AS member_id, l.id AS place, true AS is_list, 1 AS level FROM who w CROSS JOIN list l WHERE l.named = 0
        UNION ALL
        SELECT w.id, l.id, true, 4 FROM who w CROSS JOIN list l WHERE w.reach >= 4
        UNION ALL
        SELECT w.id, l.id, true, g.level FROM list l
        CROSS JOIN LATERAL (
            SELECT a.id FROM {{schema}}.agreement a WHERE a.price_list_id = l.id AND a.deleted_at IS NULL OFFSET 0
        ) a CROSS JOIN LATERAL (
            SELECT e.scope FROM {{schema}}.scope_entry e WHERE e."row" = a.id AND NOT e.gone OFFSET 0
        ) e CROSS JOIN LATERAL (
            SELECT g.member_id, g.level FROM {{schema}}.scope_grant g
            WHERE g.scope = e.scope AND NOT g.gone AND g.level < 4 OFFSET 0
        ) g JOIN who w ON w.id = g.member_id
        WHERE l.named BETWEEN 1 AND 49
        UNION ALL
        SELECT w.id, l.id, true, k.level FROM who w CROSS JOIN list l CROSS JOIN generate_series(1, 3) AS k (level)
        WHERE l.named >= 50 AND EXISTS (
            SELECT FROM (
                SELECT g.scope FROM {{schema}}.scope_grant g
                WHERE g.member_id = w.id AND g.level = k.level AND NOT g.gone AND g.level < 4 OFFSET 0
            ) g CROSS JOIN LATERAL (
                SELECT FROM {{schema}}.scope_entry e
                JOIN {{schema}}.agreement a ON a.id = e."row" AND a.price_list_id = l.id AND a.deleted_at IS NULL
                WHERE e.scope = g.scope AND e.entity = 11 AND NOT e.gone LIMIT 1
            ) hit)
        UNION ALL
        SELECT g.member_id, h.id, false, g.level FROM {{schema}}.warehouse h
        JOIN {{schema}}.scope_grant g ON g.scope = h.member_id AND NOT g.gone JOIN who w ON w.id = g.member_id
        WHERE places IS NULL OR h.id = ANY (places)
    ), nearest AS (
        SELECT f.member_id, f.place, f.is_list, min(f.level) AS level FROM found f GROUP BY f.member_id, f.place, f.is_list
    ), part AS MATERIALIZED (SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope UNION ALL SELECT s.id FROM {{schema}}.assortment s), desired AS MATERIALIZED (
        SELECT d.member_id, d.scope, min(d.level)::smallint AS level FROM (
            SELECT n.member_id, n.place AS scope, n.level FROM nearest n WHERE n.is_list
            UNION ALL
            SELECT n.member_id, {{schema}}.pair_scope(n.place, p.scope), greatest(n.level, g.level)
            FROM nearest n CROSS JOIN part p
            JOIN {{schema}}.scope_grant g ON g.member_id = n.member_id AND g.scope = p.scope AND NOT g.gone
        ) d GROUP BY d.member_id, d.scope
    ), touched AS MATERIALIZED (
        SELECT p.id AS scope FROM (
            SELECT l.id FROM {{schema}}.price_list l UNION ALL SELECT h.id FROM {{schema}}.warehouse h
        ) p WHERE places IS NULL OR p.id = ANY (places)
    ), lost AS (
        UPDATE {{schema}}.scope_grant g SET gone = true, revision = r, at = moment
        WHERE NOT g.gone AND g.of_place AND (members IS NULL OR g.member_id = ANY (members))
        AND g.scope IN (
            SELECT t.scope FROM touched t
            UNION ALL SELECT {{schema}}.pair_scope(t.scope, p.scope) FROM touched t CROSS JOIN part p)
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d.member_id = g.member_id AND d.scope = g.scope AND d.level = g.level)
    )
    INSERT INTO {{schema}}.scope_grant AS g (member_id, scope, level, revision, gone, at, of_place)
    SELECT d.member_id, d.scope, d.level, r, false, moment, true FROM desired d
    ON CONFLICT (member_id, scope, level) DO UPDATE SET gone = false, revision = r, at = moment WHERE g.gone;
END $$;

-- After grants changed: whoever reads more of the catalogue, or less, sees other prices (anew); whoever gained or lost an
-- outlet perhaps other lists, and whoever gained or lost a member what is in their van (others, by the scopes touched).
CREATE FUNCTION {{schema}}.refresh_places_after(anew uuid[], others uuid[], touched uuid[]) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM {{schema}}.refresh_places(anew, NULL);
    PERFORM {{schema}}.refresh_places(ARRAY(SELECT unnest(others) EXCEPT SELECT unnest(anew)), ARRAY(
        SELECT a.price_list_id FROM {{schema}}.scope_entry e
        JOIN {{schema}}.agreement a ON a.id = e."row" AND a.deleted_at IS NULL
        WHERE e.scope = ANY (touched) AND e.entity = 11 AND NOT e.gone
        UNION SELECT h.id FROM {{schema}}.warehouse h WHERE h.member_id = ANY (touched)));
END $$;


CREATE FUNCTION {{schema}}.window_start() RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (current_date - coalesce((
        SELECT CASE jsonb_typeof(s.value) WHEN 'number' THEN greatest((s.value #>> '{}')::numeric, 1)::integer END
        FROM {{schema}}.setting s WHERE s.key = 'order_window_days'), 90))::timestamptz
$$;


CREATE FUNCTION {{schema}}.refresh_scopes_role(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT r.id AS "row", 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid AS scope FROM {{schema}}.role r
        WHERE r.id = ANY (ids) AND r.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 60::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -60, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_office(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."office" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 61::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -61, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_team(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."team" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 62::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -62, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_custom_field(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."custom_field" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 49::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -49, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_field_master(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."field_master" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 81::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -81, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_territory(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."territory" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 1::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -1, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_member(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."member" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 2::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -2, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_delegation(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT d.id AS "row", v.scope FROM {{schema}}.delegation d
        CROSS JOIN LATERAL (VALUES (d.member_id), (d.substitute_id)) AS v (scope)
        WHERE d.id = ANY (ids) AND d.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 63::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -63, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_legal_entity(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."legal_entity" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 3::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -3, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_category(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."category" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 30::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -30, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_tax_category(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."tax_category" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 31::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -31, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_tax_rate(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."tax_rate" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 32::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -32, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_price_list(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x.id AS scope FROM {{schema}}.price_list x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 4::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -4, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_product(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-8000-8000-000000000000'::uuid AS scope FROM {{schema}}.product x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
        UNION ALL
        SELECT x.id, p.assortment_id FROM {{schema}}.assorted_product p JOIN {{schema}}.product x ON x.id = p.product_id
        WHERE p.product_id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 5::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -5, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_product_unit(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p.scope AS scope FROM {{schema}}.product_unit x CROSS JOIN LATERAL (
            SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope
            UNION ALL
            SELECT e.scope FROM {{schema}}.scope_entry e
            WHERE e."row" = x.product_id AND NOT e.gone AND e.scope <> '00000000-0000-8000-8000-000000000000'::uuid
        ) p
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 6::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -6, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_price_item(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", {{schema}}.pair_scope(x.price_list_id, p.scope) AS scope FROM {{schema}}.price_item x CROSS JOIN LATERAL (
            SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope
            UNION ALL
            SELECT e.scope FROM {{schema}}.scope_entry e
            WHERE e."row" = x.product_id AND NOT e.gone AND e.scope <> '00000000-0000-8000-8000-000000000000'::uuid
        ) p
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 7::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -7, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_assortment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}.assortment x
        CROSS JOIN LATERAL (VALUES (x.id), ('00000000-0000-8000-8000-000000000000'::uuid)) AS v (scope)
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 33::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -33, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_promotion(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", '00000000-0000-0000-0000-000000000000'::uuid AS scope FROM {{schema}}."promotion" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 35::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -35, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_warehouse(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", coalesce(x.member_id, '00000000-0000-0000-0000-000000000000'::uuid) AS scope FROM {{schema}}.warehouse x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 8::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -8, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_stock(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", CASE WHEN w.member_id IS NULL THEN p.scope ELSE {{schema}}.pair_scope(w.id, p.scope) END AS scope FROM {{schema}}.stock x JOIN {{schema}}.warehouse w ON w.id = x.warehouse_id CROSS JOIN LATERAL (
            SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope
            UNION ALL
            SELECT e.scope FROM {{schema}}.scope_entry e
            WHERE e."row" = x.product_id AND NOT e.gone AND e.scope <> '00000000-0000-8000-8000-000000000000'::uuid
        ) p
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 9::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -9, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_stock_movement(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", coalesce(w.member_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AS scope FROM {{schema}}.stock_movement x
        JOIN {{schema}}.warehouse w ON w.id = x.warehouse_id
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 40::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -40, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_account(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT a.id AS "row", v.scope FROM {{schema}}.account a CROSS JOIN LATERAL (
            SELECT o.id AS scope FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL
            UNION ALL
            SELECT v.scope FROM (VALUES (a.created_by), ('ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid)) AS v (scope)
            WHERE v.scope IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM {{schema}}.outlet o WHERE o.account_id = a.id AND o.deleted_at IS NULL)) v
        WHERE a.id = ANY (ids) AND a.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 10::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -10, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_agreement(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 11::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -11, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
    PERFORM {{schema}}.refresh_lists(
        ids, ARRAY(SELECT DISTINCT x.price_list_id FROM {{schema}}.agreement x WHERE x.id = ANY (ids)));
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_outlet(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT o.id AS "row", o.id AS scope FROM {{schema}}.outlet o WHERE o.id = ANY (ids) AND o.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 12::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -12, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_assortment_item(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", v.scope FROM {{schema}}.assortment_item x
        CROSS JOIN LATERAL (
            VALUES (coalesce(x.outlet_id, x.assortment_id)), (coalesce(x.outlet_id, '00000000-0000-8000-8000-000000000000'::uuid))
        ) AS v (scope)
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 34::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -34, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_contact(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 13::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -13, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_contact_channel(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 14::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -14, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_consent(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 41::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -41, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_assignment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT s.id AS "row", v.scope FROM {{schema}}.assignment s
        CROSS JOIN LATERAL (VALUES (s.outlet_id), (s.member_id)) AS v (scope)
        WHERE s.id = ANY (ids) AND s.deleted_at IS NULL AND v.scope IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 15::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -15, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_order(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."outlet_id" AS scope FROM {{schema}}."order" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 16::smallint, r, false, EXISTS (SELECT FROM {{schema}}."order" x WHERE x.id = d."row" AND x.status IN ('delivered', 'closed', 'refused', 'cancelled') AND x.updated_at < {{schema}}.window_start()) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -16, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_order_line(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p."outlet_id" AS scope FROM {{schema}}."order_line" x
        JOIN {{schema}}."order" p ON p.id = x.order_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 17::smallint, r, false, EXISTS (SELECT FROM {{schema}}."order_line" c JOIN {{schema}}."order" x ON x.id = c.order_id WHERE c.id = d."row" AND x.status IN ('delivered', 'closed', 'refused', 'cancelled') AND x.updated_at < {{schema}}.window_start()) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -17, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_return_order(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."outlet_id" AS scope FROM {{schema}}."return_order" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 42::smallint, r, false, EXISTS (SELECT FROM {{schema}}."return_order" x WHERE x.id = d."row" AND x.status IN ('closed', 'refused', 'cancelled') AND x.updated_at < {{schema}}.window_start()) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -42, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_return_line(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p."outlet_id" AS scope FROM {{schema}}."return_line" x
        JOIN {{schema}}."return_order" p ON p.id = x.return_order_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."outlet_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 43::smallint, r, false, EXISTS (SELECT FROM {{schema}}."return_line" c JOIN {{schema}}."return_order" x ON x.id = c.return_order_id WHERE c.id = d."row" AND x.status IN ('closed', 'refused', 'cancelled') AND x.updated_at < {{schema}}.window_start()) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -43, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_invoice(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 36::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -36, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_receivable(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 37::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -37, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_payment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 38::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -38, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_payment_allocation(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 39::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -39, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_comment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", e.scope FROM {{schema}}."comment" x
        JOIN {{schema}}.scope_entry e ON e."row" = x.row_id AND NOT e.gone
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 47::smallint, r, false, EXISTS (SELECT FROM {{schema}}."comment" c JOIN {{schema}}.scope_entry e ON e."row" = c.row_id WHERE c.id = d."row" AND e.scope = d.scope AND e.away AND NOT e.gone) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -47, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_attachment(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", e.scope FROM {{schema}}."attachment" x
        JOIN {{schema}}.scope_entry e ON e."row" = x.row_id AND NOT e.gone
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 48::smallint, r, false, EXISTS (SELECT FROM {{schema}}."attachment" c JOIN {{schema}}.scope_entry e ON e."row" = c.row_id WHERE c.id = d."row" AND e.scope = d.scope AND e.away AND NOT e.gone) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -48, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_route(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."member_id" AS scope FROM {{schema}}."route" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."member_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 44::smallint, r, false, EXISTS (SELECT FROM {{schema}}."route" x WHERE x.id = d."row" AND x.day < current_date - 7 AND x.updated_at < current_date - 7) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -44, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_route_stop(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", p."member_id" AS scope FROM {{schema}}."route_stop" x
        JOIN {{schema}}."route" p ON p.id = x.route_id AND p.deleted_at IS NULL
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND p."member_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 45::smallint, r, false, EXISTS (SELECT FROM {{schema}}."route_stop" c JOIN {{schema}}."route" x ON x.id = c.route_id WHERE c.id = d."row" AND x.day < current_date - 7 AND x.updated_at < current_date - 7) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -45, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_visit(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT x.id AS "row", x."member_id" AS scope FROM {{schema}}."visit" x
        WHERE x.id = ANY (ids) AND x.deleted_at IS NULL AND x."member_id" IS NOT NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone, away)
        SELECT DISTINCT d."row", d.scope, 46::smallint, r, false, EXISTS (SELECT FROM {{schema}}."visit" x WHERE x.id = d."row" AND x.updated_at < {{schema}}.window_start()) FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone OR s.away <> excluded.away
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -46, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_conflict(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT c.id AS "row", coalesce(side.member_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid) AS scope FROM {{schema}}.conflict c
        CROSS JOIN LATERAL (VALUES (c.lost_by), (c.kept_by)) AS side (member_id)
        WHERE c.id = ANY (ids) AND c.deleted_at IS NULL
    ), left_scope AS (
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 18::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -18, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


CREATE FUNCTION {{schema}}.refresh_scopes_merge(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; followers uuid[];
BEGIN
    SELECT c.revision, c.at INTO r, moment FROM {{schema}}.revision_counter c;
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
        UPDATE {{schema}}.scope_entry s SET gone = true, gone_at = moment, revision = r
        WHERE s."row" = ANY (ids) AND NOT s.gone
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d."row" = s."row" AND d.scope = s.scope)
        RETURNING s.scope
    ), came AS (
        INSERT INTO {{schema}}.scope_entry AS s ("row", scope, entity, revision, gone)
        SELECT DISTINCT d."row", d.scope, 80::smallint, r, false FROM desired d
        ON CONFLICT ("row", scope) DO UPDATE
        SET gone = false, gone_at = NULL, away = excluded.away, revision = r WHERE s.gone
        RETURNING s.scope
    )
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    SELECT m.scope, r, -80, '{}' FROM (SELECT scope FROM left_scope UNION SELECT scope FROM came) m;
    followers := ARRAY(SELECT x.id FROM {{schema}}."comment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_comment(followers); END IF;
    followers := ARRAY(SELECT x.id FROM {{schema}}."attachment" x WHERE x.row_id = ANY (ids));
    IF cardinality(followers) > 0 THEN PERFORM {{schema}}.refresh_scopes_attachment(followers); END IF;
END $$;


-- Brings rows, and what stands below them, in line with their windows.
CREATE FUNCTION {{schema}}.refresh_windows(ids uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM {{schema}}.refresh_scopes_order(ARRAY(SELECT x.id FROM {{schema}}."order" x WHERE x.id = ANY (ids)));
    PERFORM {{schema}}.refresh_scopes_order_line(ARRAY(SELECT x.id FROM {{schema}}."order_line" x WHERE x.order_id = ANY (ids)));
    PERFORM {{schema}}.refresh_scopes_return_order(ARRAY(SELECT x.id FROM {{schema}}."return_order" x WHERE x.id = ANY (ids)));
    PERFORM {{schema}}.refresh_scopes_return_line(ARRAY(SELECT x.id FROM {{schema}}."return_line" x WHERE x.return_order_id = ANY (ids)));
    PERFORM {{schema}}.refresh_scopes_visit(ARRAY(SELECT x.id FROM {{schema}}."visit" x WHERE x.id = ANY (ids)));
    PERFORM {{schema}}.refresh_scopes_route(ARRAY(SELECT x.id FROM {{schema}}."route" x WHERE x.id = ANY (ids)));
    PERFORM {{schema}}.refresh_scopes_route_stop(ARRAY(SELECT x.id FROM {{schema}}."route_stop" x WHERE x.route_id = ANY (ids)));
END $$;


CREATE FUNCTION {{schema}}.stamp_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."role" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of role never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."role" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."role" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_role();

CREATE FUNCTION {{schema}}.after_insert_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(60::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_role(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.role IN (SELECT r.key FROM new_rows r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."role" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_role();
CREATE FUNCTION {{schema}}.after_update_role() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    INSERT INTO {{schema}}.role_change ("key", base, permissions, fields, until, revision)
    SELECT o."key", o.base, o.permissions, o.fields, c.at, c.revision
    FROM (SELECT "key", base, permissions, fields FROM old_rows WHERE deleted_at IS NULL EXCEPT SELECT "key", base, permissions, fields FROM new_rows WHERE deleted_at IS NULL) o
    CROSS JOIN {{schema}}.revision_counter c;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."key", n."base", n."permissions", n."deleted_at") IS DISTINCT FROM (o."key", o."base", o."permissions", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."key" IS DISTINCT FROM o."key") THEN 'key' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."base" IS DISTINCT FROM o."base") THEN 'base' END, CASE WHEN bool_or(n."permissions" IS DISTINCT FROM o."permissions") THEN 'permissions' END, CASE WHEN bool_or(n."fields" IS DISTINCT FROM o."fields") THEN 'fields' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(60::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'key' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'key', array_agg(n.id), array_agg(o."key"), array_agg(n."key"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."key" IS DISTINCT FROM o."key";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'base' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'base', array_agg(n.id), array_agg(o."base"), array_agg(n."base"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."base" IS DISTINCT FROM o."base";
    END IF;
    IF 'permissions' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'permissions', array_agg(n.id), array_agg(o."permissions"::text), array_agg(n."permissions"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."permissions" IS DISTINCT FROM o."permissions";
    END IF;
    IF 'fields' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'fields', array_agg(n.id), array_agg(o."fields"::text), array_agg(n."fields"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."fields" IS DISTINCT FROM o."fields";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 60, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(60::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_role(moved);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.role IN (SELECT r.key FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."role" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_role();


CREATE FUNCTION {{schema}}.stamp_office() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."office" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of office never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."office" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."office" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_office();

CREATE FUNCTION {{schema}}.after_insert_office() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(61::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_office(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."office" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_office();
CREATE FUNCTION {{schema}}.after_update_office() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."address" IS DISTINCT FROM o."address") THEN 'address' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(61::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 61, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 61, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 61, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'address' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 61, 'address', array_agg(n.id), array_agg(o."address"::text), array_agg(n."address"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."address" IS DISTINCT FROM o."address";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 61, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 61, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_office(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."office" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_office();


CREATE FUNCTION {{schema}}.stamp_team() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."team" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of team never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."team" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."team" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_team();

CREATE FUNCTION {{schema}}.after_insert_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(62::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_team(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."team" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_team();
CREATE FUNCTION {{schema}}.after_update_team() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."office_id" IS DISTINCT FROM o."office_id") THEN 'office_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(62::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 62, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 62, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 62, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'office_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 62, 'office_id', array_agg(n.id), array_agg(o."office_id"::text), array_agg(n."office_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."office_id" IS DISTINCT FROM o."office_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 62, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 62, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_team(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."team" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_team();


CREATE FUNCTION {{schema}}.stamp_custom_field() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."custom_field" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of custom_field never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."custom_field" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."custom_field" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_custom_field();

CREATE FUNCTION {{schema}}.after_insert_custom_field() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(49::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_custom_field(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."custom_field" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_custom_field();
CREATE FUNCTION {{schema}}.after_update_custom_field() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."entity" IS DISTINCT FROM o."entity") THEN 'entity' END, CASE WHEN bool_or(n."key" IS DISTINCT FROM o."key") THEN 'key' END, CASE WHEN bool_or(n."label" IS DISTINCT FROM o."label") THEN 'label' END, CASE WHEN bool_or(n."labels" IS DISTINCT FROM o."labels") THEN 'labels' END, CASE WHEN bool_or(n."field_type" IS DISTINCT FROM o."field_type") THEN 'field_type' END, CASE WHEN bool_or(n."choices" IS DISTINCT FROM o."choices") THEN 'choices' END, CASE WHEN bool_or(n."required" IS DISTINCT FROM o."required") THEN 'required' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."version" IS DISTINCT FROM o."version") THEN 'version' END, CASE WHEN bool_or(n."active" IS DISTINCT FROM o."active") THEN 'active' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(49::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'entity', array_agg(n.id), array_agg(o."entity"), array_agg(n."entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."entity" IS DISTINCT FROM o."entity";
    END IF;
    IF 'key' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'key', array_agg(n.id), array_agg(o."key"), array_agg(n."key"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."key" IS DISTINCT FROM o."key";
    END IF;
    IF 'label' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'label', array_agg(n.id), array_agg(o."label"), array_agg(n."label"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."label" IS DISTINCT FROM o."label";
    END IF;
    IF 'labels' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'labels', array_agg(n.id), array_agg(o."labels"::text), array_agg(n."labels"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."labels" IS DISTINCT FROM o."labels";
    END IF;
    IF 'field_type' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'field_type', array_agg(n.id), array_agg(o."field_type"), array_agg(n."field_type"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."field_type" IS DISTINCT FROM o."field_type";
    END IF;
    IF 'choices' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'choices', array_agg(n.id), array_agg(o."choices"::text), array_agg(n."choices"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."choices" IS DISTINCT FROM o."choices";
    END IF;
    IF 'required' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'required', array_agg(n.id), array_agg(o."required"::text), array_agg(n."required"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."required" IS DISTINCT FROM o."required";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'version' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'version', array_agg(n.id), array_agg(o."version"::text), array_agg(n."version"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."version" IS DISTINCT FROM o."version";
    END IF;
    IF 'active' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'active', array_agg(n.id), array_agg(o."active"::text), array_agg(n."active"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."active" IS DISTINCT FROM o."active";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 49, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 49, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_custom_field(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."custom_field" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_custom_field();


CREATE FUNCTION {{schema}}.stamp_field_master() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."field_master" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of field_master never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."field_master" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."field_master" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_field_master();

CREATE FUNCTION {{schema}}.after_insert_field_master() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(81::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_field_master(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."field_master" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_field_master();
CREATE FUNCTION {{schema}}.after_update_field_master() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."entity" IS DISTINCT FROM o."entity") THEN 'entity' END, CASE WHEN bool_or(n."field" IS DISTINCT FROM o."field") THEN 'field' END, CASE WHEN bool_or(n."system" IS DISTINCT FROM o."system") THEN 'system' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(81::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 81, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 81, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 81, 'entity', array_agg(n.id), array_agg(o."entity"), array_agg(n."entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."entity" IS DISTINCT FROM o."entity";
    END IF;
    IF 'field' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 81, 'field', array_agg(n.id), array_agg(o."field"), array_agg(n."field"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."field" IS DISTINCT FROM o."field";
    END IF;
    IF 'system' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 81, 'system', array_agg(n.id), array_agg(o."system"), array_agg(n."system"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."system" IS DISTINCT FROM o."system";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 81, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 81, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_field_master(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."field_master" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_field_master();


CREATE FUNCTION {{schema}}.stamp_territory() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."territory" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of territory never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."territory" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."territory" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_territory();

CREATE FUNCTION {{schema}}.after_insert_territory() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(1::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_territory(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(NULL, NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."territory" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_territory();
CREATE FUNCTION {{schema}}.after_update_territory() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."parent_id", n."manager_id", n."deleted_at") IS DISTINCT FROM (o."parent_id", o."manager_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."parent_id" IS DISTINCT FROM o."parent_id") THEN 'parent_id' END, CASE WHEN bool_or(n."manager_id" IS DISTINCT FROM o."manager_id") THEN 'manager_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(1::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 1, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 1, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 1, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'parent_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 1, 'parent_id', array_agg(n.id), array_agg(o."parent_id"::text), array_agg(n."parent_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."parent_id" IS DISTINCT FROM o."parent_id";
    END IF;
    IF 'manager_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 1, 'manager_id', array_agg(n.id), array_agg(o."manager_id"::text), array_agg(n."manager_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."manager_id" IS DISTINCT FROM o."manager_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 1, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 1, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_territory(moved);
    PERFORM {{schema}}.refresh_grants(NULL, NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."territory" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_territory();


CREATE FUNCTION {{schema}}.stamp_member() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."member" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of member never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."member" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."member" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_member();

CREATE FUNCTION {{schema}}.after_insert_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(2::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_member(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.id FROM new_rows r), NULL);
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.id FROM new_rows r));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.team_id IN (SELECT r.team_id FROM new_rows r)), NULL);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT d.substitute_id FROM {{schema}}.delegation d WHERE d.member_id IN (SELECT r.id FROM new_rows r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."member" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_member();
CREATE FUNCTION {{schema}}.after_update_member() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    INSERT INTO {{schema}}.member_role_change (member_id, role, until, revision)
    SELECT o.id, o.role, c.at, c.revision
    FROM (SELECT id, role FROM old_rows EXCEPT SELECT id, role FROM new_rows) o
    CROSS JOIN {{schema}}.revision_counter c;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."role", n."active", n."team_id", n."deleted_at") IS DISTINCT FROM (o."role", o."active", o."team_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."role" IS DISTINCT FROM o."role") THEN 'role' END, CASE WHEN bool_or(n."active" IS DISTINCT FROM o."active") THEN 'active' END, CASE WHEN bool_or(n."team_id" IS DISTINCT FROM o."team_id") THEN 'team_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END, CASE WHEN bool_or(n."email" IS DISTINCT FROM o."email") THEN 'email' END, CASE WHEN bool_or(n."identity_id" IS DISTINCT FROM o."identity_id") THEN 'identity_id' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(2::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'role' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'role', array_agg(n.id), array_agg(o."role"), array_agg(n."role"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."role" IS DISTINCT FROM o."role";
    END IF;
    IF 'active' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'active', array_agg(n.id), array_agg(o."active"::text), array_agg(n."active"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."active" IS DISTINCT FROM o."active";
    END IF;
    IF 'team_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'team_id', array_agg(n.id), array_agg(o."team_id"::text), array_agg(n."team_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."team_id" IS DISTINCT FROM o."team_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    IF 'email' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'email', array_agg(n.id), array_agg(o."email"), array_agg(n."email"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."email" IS DISTINCT FROM o."email";
    END IF;
    IF 'identity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 2, 'identity_id', array_agg(n.id), array_agg(o."identity_id"::text), array_agg(n."identity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."identity_id" IS DISTINCT FROM o."identity_id";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 2, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_member(moved);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r), NULL);
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT m.id FROM {{schema}}.member m WHERE m.team_id IN (SELECT r.team_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)), NULL);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT d.substitute_id FROM {{schema}}.delegation d WHERE d.member_id IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."member" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_member();


CREATE FUNCTION {{schema}}.stamp_delegation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."delegation" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of delegation never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."delegation" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."delegation" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_delegation();

CREATE FUNCTION {{schema}}.after_insert_delegation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(63::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_delegation(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.substitute_id FROM new_rows r), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."delegation" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_delegation();
CREATE FUNCTION {{schema}}.after_update_delegation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."member_id", n."substitute_id", n."starts_on", n."ends_on", n."deleted_at") IS DISTINCT FROM (o."member_id", o."substitute_id", o."starts_on", o."ends_on", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."member_id" IS DISTINCT FROM o."member_id") THEN 'member_id' END, CASE WHEN bool_or(n."substitute_id" IS DISTINCT FROM o."substitute_id") THEN 'substitute_id' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(63::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'member_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'member_id', array_agg(n.id), array_agg(o."member_id"::text), array_agg(n."member_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."member_id" IS DISTINCT FROM o."member_id";
    END IF;
    IF 'substitute_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'substitute_id', array_agg(n.id), array_agg(o."substitute_id"::text), array_agg(n."substitute_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."substitute_id" IS DISTINCT FROM o."substitute_id";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 63, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(63::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_delegation(moved);
    PERFORM {{schema}}.refresh_grants(ARRAY(SELECT r.substitute_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r), NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."delegation" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_delegation();


CREATE FUNCTION {{schema}}.stamp_legal_entity() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."legal_entity" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of legal_entity never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."legal_entity" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."legal_entity" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_legal_entity();

CREATE FUNCTION {{schema}}.after_insert_legal_entity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(3::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_legal_entity(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."legal_entity" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_legal_entity();
CREATE FUNCTION {{schema}}.after_update_legal_entity() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."tax_id" IS DISTINCT FROM o."tax_id") THEN 'tax_id' END, CASE WHEN bool_or(n."country" IS DISTINCT FROM o."country") THEN 'country' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."number_series" IS DISTINCT FROM o."number_series") THEN 'number_series' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(3::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'tax_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'tax_id', array_agg(n.id), array_agg(o."tax_id"), array_agg(n."tax_id"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tax_id" IS DISTINCT FROM o."tax_id";
    END IF;
    IF 'country' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'country', array_agg(n.id), array_agg(o."country"), array_agg(n."country"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."country" IS DISTINCT FROM o."country";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'number_series' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'number_series', array_agg(n.id), array_agg(o."number_series"), array_agg(n."number_series"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."number_series" IS DISTINCT FROM o."number_series";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 3, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 3, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_legal_entity(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."legal_entity" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_legal_entity();


CREATE FUNCTION {{schema}}.stamp_category() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."category" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of category never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."category" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."category" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_category();

CREATE FUNCTION {{schema}}.after_insert_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(30::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_category(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."category" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_category();
CREATE FUNCTION {{schema}}.after_update_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."parent_id", n."deleted_at") IS DISTINCT FROM (o."parent_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."names" IS DISTINCT FROM o."names") THEN 'names' END, CASE WHEN bool_or(n."parent_id" IS DISTINCT FROM o."parent_id") THEN 'parent_id' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(30::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'names' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'names', array_agg(n.id), array_agg(o."names"::text), array_agg(n."names"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."names" IS DISTINCT FROM o."names";
    END IF;
    IF 'parent_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'parent_id', array_agg(n.id), array_agg(o."parent_id"::text), array_agg(n."parent_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."parent_id" IS DISTINCT FROM o."parent_id";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 30, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 30, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_category(moved);

    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        WHERE b.above_id = ANY (moved)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."category" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_category();


CREATE FUNCTION {{schema}}.stamp_tax_category() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."tax_category" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of tax_category never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."tax_category" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."tax_category" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_tax_category();

CREATE FUNCTION {{schema}}.after_insert_tax_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(31::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_tax_category(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."tax_category" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_tax_category();
CREATE FUNCTION {{schema}}.after_update_tax_category() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(31::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 31, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 31, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 31, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 31, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 31, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_tax_category(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."tax_category" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_tax_category();


CREATE FUNCTION {{schema}}.stamp_tax_rate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."tax_rate" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of tax_rate never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."tax_rate" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."tax_rate" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_tax_rate();

CREATE FUNCTION {{schema}}.after_insert_tax_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(32::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_tax_rate(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."tax_rate" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_tax_rate();
CREATE FUNCTION {{schema}}.after_update_tax_rate() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."tax_category_id" IS DISTINCT FROM o."tax_category_id") THEN 'tax_category_id' END, CASE WHEN bool_or(n."country" IS DISTINCT FROM o."country") THEN 'country' END, CASE WHEN bool_or(n."rate" IS DISTINCT FROM o."rate") THEN 'rate' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(32::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'tax_category_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'tax_category_id', array_agg(n.id), array_agg(o."tax_category_id"::text), array_agg(n."tax_category_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tax_category_id" IS DISTINCT FROM o."tax_category_id";
    END IF;
    IF 'country' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'country', array_agg(n.id), array_agg(o."country"), array_agg(n."country"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."country" IS DISTINCT FROM o."country";
    END IF;
    IF 'rate' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'rate', array_agg(n.id), array_agg(o."rate"::text), array_agg(n."rate"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."rate" IS DISTINCT FROM o."rate";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 32, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 32, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_tax_rate(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."tax_rate" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_tax_rate();


CREATE FUNCTION {{schema}}.stamp_price_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."price_list" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of price_list never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."price_list" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."price_list" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_price_list();

CREATE FUNCTION {{schema}}.after_insert_price_list() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(4::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_price_list(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_places(NULL, ARRAY(SELECT r.id FROM new_rows r));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."price_list" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_price_list();
CREATE FUNCTION {{schema}}.after_update_price_list() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."version" IS DISTINCT FROM o."version") THEN 'version' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(4::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'version' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'version', array_agg(n.id), array_agg(o."version"::text), array_agg(n."version"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."version" IS DISTINCT FROM o."version";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 4, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(4::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_price_list(moved);
    PERFORM {{schema}}.refresh_places(NULL, ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."price_list" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_price_list();


CREATE FUNCTION {{schema}}.stamp_product() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."product" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of product never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."product" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."product" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_product();

CREATE FUNCTION {{schema}}.after_insert_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(5::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_product(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."product" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_product();
CREATE FUNCTION {{schema}}.after_update_product() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."category_id", n."deleted_at") IS DISTINCT FROM (o."category_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."sku" IS DISTINCT FROM o."sku") THEN 'sku' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."names" IS DISTINCT FROM o."names") THEN 'names' END, CASE WHEN bool_or(n."base_unit" IS DISTINCT FROM o."base_unit") THEN 'base_unit' END, CASE WHEN bool_or(n."category_id" IS DISTINCT FROM o."category_id") THEN 'category_id' END, CASE WHEN bool_or(n."tax_category_id" IS DISTINCT FROM o."tax_category_id") THEN 'tax_category_id' END, CASE WHEN bool_or(n."description" IS DISTINCT FROM o."description") THEN 'description' END, CASE WHEN bool_or(n."active" IS DISTINCT FROM o."active") THEN 'active' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(5::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'sku' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'sku', array_agg(n.id), array_agg(o."sku"), array_agg(n."sku"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."sku" IS DISTINCT FROM o."sku";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'names' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'names', array_agg(n.id), array_agg(o."names"::text), array_agg(n."names"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."names" IS DISTINCT FROM o."names";
    END IF;
    IF 'base_unit' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'base_unit', array_agg(n.id), array_agg(o."base_unit"), array_agg(n."base_unit"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."base_unit" IS DISTINCT FROM o."base_unit";
    END IF;
    IF 'category_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'category_id', array_agg(n.id), array_agg(o."category_id"::text), array_agg(n."category_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."category_id" IS DISTINCT FROM o."category_id";
    END IF;
    IF 'tax_category_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'tax_category_id', array_agg(n.id), array_agg(o."tax_category_id"::text), array_agg(n."tax_category_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tax_category_id" IS DISTINCT FROM o."tax_category_id";
    END IF;
    IF 'description' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'description', array_agg(n.id), array_agg(o."description"), array_agg(n."description"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."description" IS DISTINCT FROM o."description";
    END IF;
    IF 'active' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'active', array_agg(n.id), array_agg(o."active"::text), array_agg(n."active"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."active" IS DISTINCT FROM o."active";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 5, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(5::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_product(moved);
    PERFORM {{schema}}.refresh_products(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."product" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_product();


CREATE FUNCTION {{schema}}.stamp_product_unit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."product_unit" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of product_unit never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."product_unit" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."product_unit" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_product_unit();

CREATE FUNCTION {{schema}}.after_insert_product_unit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(6::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_product_unit(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."product_unit" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_product_unit();
CREATE FUNCTION {{schema}}.after_update_product_unit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."product_id", n."deleted_at") IS DISTINCT FROM (o."product_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."unit" IS DISTINCT FROM o."unit") THEN 'unit' END, CASE WHEN bool_or(n."factor" IS DISTINCT FROM o."factor") THEN 'factor' END, CASE WHEN bool_or(n."barcode" IS DISTINCT FROM o."barcode") THEN 'barcode' END, CASE WHEN bool_or(n."multiple" IS DISTINCT FROM o."multiple") THEN 'multiple' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(6::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'unit' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'unit', array_agg(n.id), array_agg(o."unit"), array_agg(n."unit"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."unit" IS DISTINCT FROM o."unit";
    END IF;
    IF 'factor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'factor', array_agg(n.id), array_agg(o."factor"::text), array_agg(n."factor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."factor" IS DISTINCT FROM o."factor";
    END IF;
    IF 'barcode' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'barcode', array_agg(n.id), array_agg(o."barcode"), array_agg(n."barcode"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."barcode" IS DISTINCT FROM o."barcode";
    END IF;
    IF 'multiple' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'multiple', array_agg(n.id), array_agg(o."multiple"::text), array_agg(n."multiple"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."multiple" IS DISTINCT FROM o."multiple";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 6, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(6::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_product_unit(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."product_unit" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_product_unit();


CREATE FUNCTION {{schema}}.stamp_price_item() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."price_item" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of price_item never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."price_item" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."price_item" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_price_item();

CREATE FUNCTION {{schema}}.after_insert_price_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(7::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_price_item(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."price_item" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_price_item();
CREATE FUNCTION {{schema}}.after_update_price_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    INSERT INTO {{schema}}.price_change (price_item_id, price, until, revision)
    SELECT o.id, o.price, c.at, c.revision
    FROM (SELECT id, price FROM old_rows EXCEPT SELECT id, price FROM new_rows) o
    CROSS JOIN {{schema}}.revision_counter c;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."price_list_id", n."product_id", n."deleted_at") IS DISTINCT FROM (o."price_list_id", o."product_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."price_list_id" IS DISTINCT FROM o."price_list_id") THEN 'price_list_id' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."unit" IS DISTINCT FROM o."unit") THEN 'unit' END, CASE WHEN bool_or(n."price" IS DISTINCT FROM o."price") THEN 'price' END, CASE WHEN bool_or(n."minimum_quantity" IS DISTINCT FROM o."minimum_quantity") THEN 'minimum_quantity' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(7::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'price_list_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'price_list_id', array_agg(n.id), array_agg(o."price_list_id"::text), array_agg(n."price_list_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."price_list_id" IS DISTINCT FROM o."price_list_id";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'unit' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'unit', array_agg(n.id), array_agg(o."unit"), array_agg(n."unit"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."unit" IS DISTINCT FROM o."unit";
    END IF;
    IF 'price' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'price', array_agg(n.id), array_agg(o."price"::text), array_agg(n."price"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."price" IS DISTINCT FROM o."price";
    END IF;
    IF 'minimum_quantity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'minimum_quantity', array_agg(n.id), array_agg(o."minimum_quantity"::text), array_agg(n."minimum_quantity"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."minimum_quantity" IS DISTINCT FROM o."minimum_quantity";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 7, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(7::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_price_item(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."price_item" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_price_item();


CREATE FUNCTION {{schema}}.stamp_assortment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."assortment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of assortment never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."assortment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."assortment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_assortment();

CREATE FUNCTION {{schema}}.after_insert_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(33::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_assortment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."assortment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_assortment();
CREATE FUNCTION {{schema}}.after_update_assortment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."starts_on", n."ends_on", n."deleted_at") IS DISTINCT FROM (o."starts_on", o."ends_on", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(33::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 33, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 33, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 33, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 33, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 33, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 33, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(33::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assortment(moved);

    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT i.product_id FROM (SELECT * FROM {{schema}}.assortment_item n WHERE n.assortment_id = ANY (moved)) i WHERE i.product_id IS NOT NULL
        UNION
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN (SELECT * FROM {{schema}}.assortment_item n WHERE n.assortment_id = ANY (moved)) i ON i.category_id = b.above_id));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."assortment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_assortment();


CREATE FUNCTION {{schema}}.stamp_promotion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."promotion" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of promotion never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."promotion" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."promotion" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_promotion();

CREATE FUNCTION {{schema}}.after_insert_promotion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(35::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_promotion(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."promotion" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_promotion();
CREATE FUNCTION {{schema}}.after_update_promotion() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."deleted_at") IS DISTINCT FROM (o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."names" IS DISTINCT FROM o."names") THEN 'names' END, CASE WHEN bool_or(n."version" IS DISTINCT FROM o."version") THEN 'version' END, CASE WHEN bool_or(n."priority" IS DISTINCT FROM o."priority") THEN 'priority' END, CASE WHEN bool_or(n."exclusive" IS DISTINCT FROM o."exclusive") THEN 'exclusive' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."conditions" IS DISTINCT FROM o."conditions") THEN 'conditions' END, CASE WHEN bool_or(n."effects" IS DISTINCT FROM o."effects") THEN 'effects' END, CASE WHEN bool_or(n."active" IS DISTINCT FROM o."active") THEN 'active' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(35::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'names' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'names', array_agg(n.id), array_agg(o."names"::text), array_agg(n."names"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."names" IS DISTINCT FROM o."names";
    END IF;
    IF 'version' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'version', array_agg(n.id), array_agg(o."version"::text), array_agg(n."version"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."version" IS DISTINCT FROM o."version";
    END IF;
    IF 'priority' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'priority', array_agg(n.id), array_agg(o."priority"::text), array_agg(n."priority"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."priority" IS DISTINCT FROM o."priority";
    END IF;
    IF 'exclusive' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'exclusive', array_agg(n.id), array_agg(o."exclusive"::text), array_agg(n."exclusive"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."exclusive" IS DISTINCT FROM o."exclusive";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'conditions' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'conditions', array_agg(n.id), array_agg(o."conditions"::text), array_agg(n."conditions"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."conditions" IS DISTINCT FROM o."conditions";
    END IF;
    IF 'effects' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'effects', array_agg(n.id), array_agg(o."effects"::text), array_agg(n."effects"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."effects" IS DISTINCT FROM o."effects";
    END IF;
    IF 'active' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'active', array_agg(n.id), array_agg(o."active"::text), array_agg(n."active"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."active" IS DISTINCT FROM o."active";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 35, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    INSERT INTO {{schema}}.scope_change (scope, revision, entity, rows)
    VALUES ('00000000-0000-0000-0000-000000000000', highest, 35, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_promotion(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."promotion" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_promotion();


CREATE FUNCTION {{schema}}.stamp_warehouse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."warehouse" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of warehouse never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."warehouse" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."warehouse" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_warehouse();

CREATE FUNCTION {{schema}}.after_insert_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(8::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_warehouse(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_places(NULL, ARRAY(SELECT r.id FROM new_rows r));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."warehouse" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_warehouse();
CREATE FUNCTION {{schema}}.after_update_warehouse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."member_id", n."deleted_at") IS DISTINCT FROM (o."member_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."warehouse_kind" IS DISTINCT FROM o."warehouse_kind") THEN 'warehouse_kind' END, CASE WHEN bool_or(n."member_id" IS DISTINCT FROM o."member_id") THEN 'member_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(8::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'warehouse_kind' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'warehouse_kind', array_agg(n.id), array_agg(o."warehouse_kind"), array_agg(n."warehouse_kind"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."warehouse_kind" IS DISTINCT FROM o."warehouse_kind";
    END IF;
    IF 'member_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'member_id', array_agg(n.id), array_agg(o."member_id"::text), array_agg(n."member_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."member_id" IS DISTINCT FROM o."member_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 8, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(8::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_warehouse(moved);
    PERFORM {{schema}}.refresh_scopes_stock_movement(ARRAY(SELECT x.id FROM {{schema}}."stock_movement" x WHERE x."warehouse_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_scopes_stock(ARRAY(SELECT x.id FROM {{schema}}."stock" x WHERE x."warehouse_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    PERFORM {{schema}}.refresh_places(NULL, ARRAY(SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."warehouse" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_warehouse();


CREATE FUNCTION {{schema}}.stamp_stock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."stock" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of stock never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."stock" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."stock" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_stock();

CREATE FUNCTION {{schema}}.after_insert_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(9::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_stock(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."stock" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_stock();
CREATE FUNCTION {{schema}}.after_update_stock() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."warehouse_id", n."product_id", n."deleted_at") IS DISTINCT FROM (o."warehouse_id", o."product_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."warehouse_id" IS DISTINCT FROM o."warehouse_id") THEN 'warehouse_id' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."quantity" IS DISTINCT FROM o."quantity") THEN 'quantity' END, CASE WHEN bool_or(n."reserved" IS DISTINCT FROM o."reserved") THEN 'reserved' END, CASE WHEN bool_or(n."as_of" IS DISTINCT FROM o."as_of") THEN 'as_of' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(9::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'warehouse_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'warehouse_id', array_agg(n.id), array_agg(o."warehouse_id"::text), array_agg(n."warehouse_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."warehouse_id" IS DISTINCT FROM o."warehouse_id";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'quantity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'quantity', array_agg(n.id), array_agg(o."quantity"::text), array_agg(n."quantity"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity" IS DISTINCT FROM o."quantity";
    END IF;
    IF 'reserved' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'reserved', array_agg(n.id), array_agg(o."reserved"::text), array_agg(n."reserved"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."reserved" IS DISTINCT FROM o."reserved";
    END IF;
    IF 'as_of' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'as_of', array_agg(n.id), array_agg((extract(epoch FROM o."as_of") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."as_of") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."as_of" IS DISTINCT FROM o."as_of";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 9, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(9::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_stock(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."stock" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_stock();


CREATE FUNCTION {{schema}}.stamp_stock_movement() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."stock_movement" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of stock_movement never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."stock_movement" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."stock_movement" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_stock_movement();

CREATE FUNCTION {{schema}}.after_insert_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(40::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_stock_movement(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."stock_movement" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_stock_movement();
CREATE FUNCTION {{schema}}.after_update_stock_movement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."warehouse_id", n."deleted_at") IS DISTINCT FROM (o."warehouse_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."warehouse_id" IS DISTINCT FROM o."warehouse_id") THEN 'warehouse_id' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."movement_kind" IS DISTINCT FROM o."movement_kind") THEN 'movement_kind' END, CASE WHEN bool_or(n."quantity" IS DISTINCT FROM o."quantity") THEN 'quantity' END, CASE WHEN bool_or(n."counted" IS DISTINCT FROM o."counted") THEN 'counted' END, CASE WHEN bool_or(n."reason" IS DISTINCT FROM o."reason") THEN 'reason' END, CASE WHEN bool_or(n."source_entity" IS DISTINCT FROM o."source_entity") THEN 'source_entity' END, CASE WHEN bool_or(n."source_id" IS DISTINCT FROM o."source_id") THEN 'source_id' END, CASE WHEN bool_or(n."moved_at" IS DISTINCT FROM o."moved_at") THEN 'moved_at' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(40::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'warehouse_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'warehouse_id', array_agg(n.id), array_agg(o."warehouse_id"::text), array_agg(n."warehouse_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."warehouse_id" IS DISTINCT FROM o."warehouse_id";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'movement_kind' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'movement_kind', array_agg(n.id), array_agg(o."movement_kind"), array_agg(n."movement_kind"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."movement_kind" IS DISTINCT FROM o."movement_kind";
    END IF;
    IF 'quantity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'quantity', array_agg(n.id), array_agg(o."quantity"::text), array_agg(n."quantity"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity" IS DISTINCT FROM o."quantity";
    END IF;
    IF 'counted' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'counted', array_agg(n.id), array_agg(o."counted"::text), array_agg(n."counted"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."counted" IS DISTINCT FROM o."counted";
    END IF;
    IF 'reason' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'reason', array_agg(n.id), array_agg(o."reason"), array_agg(n."reason"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."reason" IS DISTINCT FROM o."reason";
    END IF;
    IF 'source_entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'source_entity', array_agg(n.id), array_agg(o."source_entity"), array_agg(n."source_entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."source_entity" IS DISTINCT FROM o."source_entity";
    END IF;
    IF 'source_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'source_id', array_agg(n.id), array_agg(o."source_id"::text), array_agg(n."source_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."source_id" IS DISTINCT FROM o."source_id";
    END IF;
    IF 'moved_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'moved_at', array_agg(n.id), array_agg((extract(epoch FROM o."moved_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."moved_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."moved_at" IS DISTINCT FROM o."moved_at";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 40, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(40::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_stock_movement(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."stock_movement" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_stock_movement();


CREATE FUNCTION {{schema}}.stamp_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."account" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of account never changes: devices know it by that.';
    END IF;
    IF NEW."name" IS DISTINCT FROM OLD."name" OR NEW."legal_name" IS DISTINCT FROM OLD."legal_name" OR NEW."tags" IS DISTINCT FROM OLD."tags" THEN
        IF NEW."name" IS DISTINCT FROM OLD."name" AND NEW.stamps -> 'name' IS NOT DISTINCT FROM OLD.stamps -> 'name' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{name}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."legal_name" IS DISTINCT FROM OLD."legal_name" AND NEW.stamps -> 'legal_name' IS NOT DISTINCT FROM OLD.stamps -> 'legal_name' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{legal_name}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."tags" IS DISTINCT FROM OLD."tags" AND NEW.stamps -> 'tags' IS NOT DISTINCT FROM OLD.stamps -> 'tags' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{tags}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."account" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."account" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_account();

CREATE FUNCTION {{schema}}.after_insert_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(10::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_account(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."account" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_account();
CREATE FUNCTION {{schema}}.after_update_account() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."created_by", n."deleted_at") IS DISTINCT FROM (o."created_by", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."legal_name" IS DISTINCT FROM o."legal_name") THEN 'legal_name' END, CASE WHEN bool_or(n."roles" IS DISTINCT FROM o."roles") THEN 'roles' END, CASE WHEN bool_or(n."tax_id" IS DISTINCT FROM o."tax_id") THEN 'tax_id' END, CASE WHEN bool_or(n."parent_id" IS DISTINCT FROM o."parent_id") THEN 'parent_id' END, CASE WHEN bool_or(n."tags" IS DISTINCT FROM o."tags") THEN 'tags' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(10::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), array_agg((n.stamps -> 'name' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'legal_name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'legal_name', array_agg(n.id), array_agg(o."legal_name"), array_agg(n."legal_name"), array_agg((n.stamps -> 'legal_name' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_name" IS DISTINCT FROM o."legal_name";
    END IF;
    IF 'roles' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'roles', array_agg(n.id), array_agg(o."roles"::text), array_agg(n."roles"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."roles" IS DISTINCT FROM o."roles";
    END IF;
    IF 'tax_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'tax_id', array_agg(n.id), array_agg(o."tax_id"), array_agg(n."tax_id"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tax_id" IS DISTINCT FROM o."tax_id";
    END IF;
    IF 'parent_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'parent_id', array_agg(n.id), array_agg(o."parent_id"::text), array_agg(n."parent_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."parent_id" IS DISTINCT FROM o."parent_id";
    END IF;
    IF 'tags' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'tags', array_agg(n.id), array_agg(o."tags"::text), array_agg(n."tags"::text), array_agg((n.stamps -> 'tags' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tags" IS DISTINCT FROM o."tags";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 10, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(10::smallint, ids);
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
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."agreement" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of agreement never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."agreement" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."agreement" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_agreement();

CREATE FUNCTION {{schema}}.after_insert_agreement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(11::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_agreement(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."agreement" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_agreement();
CREATE FUNCTION {{schema}}.after_update_agreement() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."account_id", n."price_list_id", n."deleted_at") IS DISTINCT FROM (o."account_id", o."price_list_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."price_list_id" IS DISTINCT FROM o."price_list_id") THEN 'price_list_id' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."payment_terms_days" IS DISTINCT FROM o."payment_terms_days") THEN 'payment_terms_days' END, CASE WHEN bool_or(n."credit_limit_minor" IS DISTINCT FROM o."credit_limit_minor") THEN 'credit_limit_minor' END, CASE WHEN bool_or(n."discount_max" IS DISTINCT FROM o."discount_max") THEN 'discount_max' END, CASE WHEN bool_or(n."vat_status" IS DISTINCT FROM o."vat_status") THEN 'vat_status' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(11::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'price_list_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'price_list_id', array_agg(n.id), array_agg(o."price_list_id"::text), array_agg(n."price_list_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."price_list_id" IS DISTINCT FROM o."price_list_id";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'payment_terms_days' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'payment_terms_days', array_agg(n.id), array_agg(o."payment_terms_days"::text), array_agg(n."payment_terms_days"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."payment_terms_days" IS DISTINCT FROM o."payment_terms_days";
    END IF;
    IF 'credit_limit_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'credit_limit_minor', array_agg(n.id), array_agg(o."credit_limit_minor"::text), array_agg(n."credit_limit_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."credit_limit_minor" IS DISTINCT FROM o."credit_limit_minor";
    END IF;
    IF 'discount_max' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'discount_max', array_agg(n.id), array_agg(o."discount_max"::text), array_agg(n."discount_max"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."discount_max" IS DISTINCT FROM o."discount_max";
    END IF;
    IF 'vat_status' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'vat_status', array_agg(n.id), array_agg(o."vat_status"), array_agg(n."vat_status"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."vat_status" IS DISTINCT FROM o."vat_status";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 11, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(11::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_agreement(moved);

    PERFORM {{schema}}.refresh_lists(moved, ARRAY(SELECT DISTINCT r.price_list_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."agreement" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_agreement();


CREATE FUNCTION {{schema}}.stamp_outlet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."outlet" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of outlet never changes: devices know it by that.';
    END IF;
    IF NEW."name" IS DISTINCT FROM OLD."name" OR NEW."address" IS DISTINCT FROM OLD."address" OR NEW."position" IS DISTINCT FROM OLD."position" OR NEW."time_zone" IS DISTINCT FROM OLD."time_zone" OR NEW."delivery_windows" IS DISTINCT FROM OLD."delivery_windows" OR NEW."channel" IS DISTINCT FROM OLD."channel" OR NEW."description" IS DISTINCT FROM OLD."description" OR NEW."tags" IS DISTINCT FROM OLD."tags" THEN
        IF NEW."name" IS DISTINCT FROM OLD."name" AND NEW.stamps -> 'name' IS NOT DISTINCT FROM OLD.stamps -> 'name' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{name}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."address" IS DISTINCT FROM OLD."address" AND NEW.stamps -> 'address' IS NOT DISTINCT FROM OLD.stamps -> 'address' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{address}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{position}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."time_zone" IS DISTINCT FROM OLD."time_zone" AND NEW.stamps -> 'time_zone' IS NOT DISTINCT FROM OLD.stamps -> 'time_zone' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{time_zone}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."delivery_windows" IS DISTINCT FROM OLD."delivery_windows" AND NEW.stamps -> 'delivery_windows' IS NOT DISTINCT FROM OLD.stamps -> 'delivery_windows' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{delivery_windows}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."channel" IS DISTINCT FROM OLD."channel" AND NEW.stamps -> 'channel' IS NOT DISTINCT FROM OLD.stamps -> 'channel' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{channel}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."description" IS DISTINCT FROM OLD."description" AND NEW.stamps -> 'description' IS NOT DISTINCT FROM OLD.stamps -> 'description' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{description}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."tags" IS DISTINCT FROM OLD."tags" AND NEW.stamps -> 'tags' IS NOT DISTINCT FROM OLD.stamps -> 'tags' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{tags}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."outlet" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."outlet" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_outlet();

CREATE FUNCTION {{schema}}.after_insert_outlet() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(12::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
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
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."account_id", n."territory_id", n."deleted_at") IS DISTINCT FROM (o."account_id", o."territory_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."territory_id" IS DISTINCT FROM o."territory_id") THEN 'territory_id' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."address" IS DISTINCT FROM o."address") THEN 'address' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."time_zone" IS DISTINCT FROM o."time_zone") THEN 'time_zone' END, CASE WHEN bool_or(n."delivery_windows" IS DISTINCT FROM o."delivery_windows") THEN 'delivery_windows' END, CASE WHEN bool_or(n."channel" IS DISTINCT FROM o."channel") THEN 'channel' END, CASE WHEN bool_or(n."description" IS DISTINCT FROM o."description") THEN 'description' END, CASE WHEN bool_or(n."tags" IS DISTINCT FROM o."tags") THEN 'tags' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(12::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'territory_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'territory_id', array_agg(n.id), array_agg(o."territory_id"::text), array_agg(n."territory_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."territory_id" IS DISTINCT FROM o."territory_id";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), array_agg((n.stamps -> 'name' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'address' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'address', array_agg(n.id), array_agg(o."address"::text), array_agg(n."address"::text), array_agg((n.stamps -> 'address' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."address" IS DISTINCT FROM o."address";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), array_agg((n.stamps -> 'position' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'time_zone' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'time_zone', array_agg(n.id), array_agg(o."time_zone"), array_agg(n."time_zone"), array_agg((n.stamps -> 'time_zone' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."time_zone" IS DISTINCT FROM o."time_zone";
    END IF;
    IF 'delivery_windows' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'delivery_windows', array_agg(n.id), array_agg(o."delivery_windows"::text), array_agg(n."delivery_windows"::text), array_agg((n.stamps -> 'delivery_windows' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."delivery_windows" IS DISTINCT FROM o."delivery_windows";
    END IF;
    IF 'channel' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'channel', array_agg(n.id), array_agg(o."channel"), array_agg(n."channel"), array_agg((n.stamps -> 'channel' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."channel" IS DISTINCT FROM o."channel";
    END IF;
    IF 'description' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'description', array_agg(n.id), array_agg(o."description"), array_agg(n."description"), array_agg((n.stamps -> 'description' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."description" IS DISTINCT FROM o."description";
    END IF;
    IF 'tags' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'tags', array_agg(n.id), array_agg(o."tags"::text), array_agg(n."tags"::text), array_agg((n.stamps -> 'tags' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tags" IS DISTINCT FROM o."tags";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 12, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(12::smallint, ids);
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
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."assortment_item" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of assortment_item never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."assortment_item" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."assortment_item" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_assortment_item();

CREATE FUNCTION {{schema}}.after_insert_assortment_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(34::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_assortment_item(ARRAY(SELECT n.id FROM new_rows n));

    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT i.product_id FROM new_rows i WHERE i.product_id IS NOT NULL
        UNION
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN new_rows i ON i.category_id = b.above_id));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."assortment_item" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_assortment_item();
CREATE FUNCTION {{schema}}.after_update_assortment_item() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."assortment_id", n."effect", n."product_id", n."category_id", n."outlet_id", n."channel", n."starts_on", n."ends_on", n."deleted_at") IS DISTINCT FROM (o."assortment_id", o."effect", o."product_id", o."category_id", o."outlet_id", o."channel", o."starts_on", o."ends_on", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."assortment_id" IS DISTINCT FROM o."assortment_id") THEN 'assortment_id' END, CASE WHEN bool_or(n."effect" IS DISTINCT FROM o."effect") THEN 'effect' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."category_id" IS DISTINCT FROM o."category_id") THEN 'category_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."channel" IS DISTINCT FROM o."channel") THEN 'channel' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(34::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'assortment_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'assortment_id', array_agg(n.id), array_agg(o."assortment_id"::text), array_agg(n."assortment_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."assortment_id" IS DISTINCT FROM o."assortment_id";
    END IF;
    IF 'effect' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'effect', array_agg(n.id), array_agg(o."effect"), array_agg(n."effect"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."effect" IS DISTINCT FROM o."effect";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'category_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'category_id', array_agg(n.id), array_agg(o."category_id"::text), array_agg(n."category_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."category_id" IS DISTINCT FROM o."category_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'channel' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'channel', array_agg(n.id), array_agg(o."channel"), array_agg(n."channel"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."channel" IS DISTINCT FROM o."channel";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 34, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(34::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assortment_item(moved);

    PERFORM {{schema}}.refresh_products(ARRAY(
        SELECT i.product_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) i WHERE i.product_id IS NOT NULL
        UNION
        SELECT x.id FROM {{schema}}.product x JOIN {{schema}}.category_below b ON b.category_id = x.category_id
        JOIN (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) i ON i.category_id = b.above_id));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."assortment_item" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_assortment_item();


CREATE FUNCTION {{schema}}.stamp_contact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."contact" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of contact never changes: devices know it by that.';
    END IF;
    IF NEW."name" IS DISTINCT FROM OLD."name" OR NEW."job_title" IS DISTINCT FROM OLD."job_title" OR NEW."language" IS DISTINCT FROM OLD."language" OR NEW."description" IS DISTINCT FROM OLD."description" THEN
        IF NEW."name" IS DISTINCT FROM OLD."name" AND NEW.stamps -> 'name' IS NOT DISTINCT FROM OLD.stamps -> 'name' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{name}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."job_title" IS DISTINCT FROM OLD."job_title" AND NEW.stamps -> 'job_title' IS NOT DISTINCT FROM OLD.stamps -> 'job_title' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{job_title}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."language" IS DISTINCT FROM OLD."language" AND NEW.stamps -> 'language' IS NOT DISTINCT FROM OLD.stamps -> 'language' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{language}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."description" IS DISTINCT FROM OLD."description" AND NEW.stamps -> 'description' IS NOT DISTINCT FROM OLD.stamps -> 'description' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{description}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."contact" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."contact" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_contact();

CREATE FUNCTION {{schema}}.after_insert_contact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(13::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_contact(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."contact" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_contact();
CREATE FUNCTION {{schema}}.after_update_contact() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."account_id", n."outlet_id", n."deleted_at") IS DISTINCT FROM (o."account_id", o."outlet_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."job_title" IS DISTINCT FROM o."job_title") THEN 'job_title' END, CASE WHEN bool_or(n."language" IS DISTINCT FROM o."language") THEN 'language' END, CASE WHEN bool_or(n."description" IS DISTINCT FROM o."description") THEN 'description' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(13::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), array_agg((n.stamps -> 'name' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'job_title' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'job_title', array_agg(n.id), array_agg(o."job_title"), array_agg(n."job_title"), array_agg((n.stamps -> 'job_title' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."job_title" IS DISTINCT FROM o."job_title";
    END IF;
    IF 'language' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'language', array_agg(n.id), array_agg(o."language"), array_agg(n."language"), array_agg((n.stamps -> 'language' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."language" IS DISTINCT FROM o."language";
    END IF;
    IF 'description' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'description', array_agg(n.id), array_agg(o."description"), array_agg(n."description"), array_agg((n.stamps -> 'description' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."description" IS DISTINCT FROM o."description";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 13, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(13::smallint, ids);
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
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."contact_channel" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of contact_channel never changes: devices know it by that.';
    END IF;
    IF NEW."value" IS DISTINCT FROM OLD."value" OR NEW."label" IS DISTINCT FROM OLD."label" OR NEW."preferred" IS DISTINCT FROM OLD."preferred" THEN
        IF NEW."value" IS DISTINCT FROM OLD."value" AND NEW.stamps -> 'value' IS NOT DISTINCT FROM OLD.stamps -> 'value' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{value}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."label" IS DISTINCT FROM OLD."label" AND NEW.stamps -> 'label' IS NOT DISTINCT FROM OLD.stamps -> 'label' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{label}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."preferred" IS DISTINCT FROM OLD."preferred" AND NEW.stamps -> 'preferred' IS NOT DISTINCT FROM OLD.stamps -> 'preferred' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{preferred}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."contact_channel" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."contact_channel" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_contact_channel();

CREATE FUNCTION {{schema}}.after_insert_contact_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(14::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_contact_channel(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."contact_channel" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_contact_channel();
CREATE FUNCTION {{schema}}.after_update_contact_channel() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."contact_id", n."deleted_at") IS DISTINCT FROM (o."contact_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."contact_id" IS DISTINCT FROM o."contact_id") THEN 'contact_id' END, CASE WHEN bool_or(n."channel_kind" IS DISTINCT FROM o."channel_kind") THEN 'channel_kind' END, CASE WHEN bool_or(n."value" IS DISTINCT FROM o."value") THEN 'value' END, CASE WHEN bool_or(n."label" IS DISTINCT FROM o."label") THEN 'label' END, CASE WHEN bool_or(n."preferred" IS DISTINCT FROM o."preferred") THEN 'preferred' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(14::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'contact_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'contact_id', array_agg(n.id), array_agg(o."contact_id"::text), array_agg(n."contact_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."contact_id" IS DISTINCT FROM o."contact_id";
    END IF;
    IF 'channel_kind' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'channel_kind', array_agg(n.id), array_agg(o."channel_kind"), array_agg(n."channel_kind"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."channel_kind" IS DISTINCT FROM o."channel_kind";
    END IF;
    IF 'value' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'value', array_agg(n.id), array_agg(o."value"), array_agg(n."value"), array_agg((n.stamps -> 'value' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."value" IS DISTINCT FROM o."value";
    END IF;
    IF 'label' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'label', array_agg(n.id), array_agg(o."label"), array_agg(n."label"), array_agg((n.stamps -> 'label' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."label" IS DISTINCT FROM o."label";
    END IF;
    IF 'preferred' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'preferred', array_agg(n.id), array_agg(o."preferred"::text), array_agg(n."preferred"::text), array_agg((n.stamps -> 'preferred' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."preferred" IS DISTINCT FROM o."preferred";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 14, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(14::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_contact_channel(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."contact_channel" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_contact_channel();


CREATE FUNCTION {{schema}}.stamp_consent() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."consent" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of consent never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."consent" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."consent" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_consent();

CREATE FUNCTION {{schema}}.after_insert_consent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(41::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_consent(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."consent" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_consent();
CREATE FUNCTION {{schema}}.after_update_consent() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."contact_id", n."deleted_at") IS DISTINCT FROM (o."contact_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."contact_id" IS DISTINCT FROM o."contact_id") THEN 'contact_id' END, CASE WHEN bool_or(n."purpose" IS DISTINCT FROM o."purpose") THEN 'purpose' END, CASE WHEN bool_or(n."channel_kind" IS DISTINCT FROM o."channel_kind") THEN 'channel_kind' END, CASE WHEN bool_or(n."state" IS DISTINCT FROM o."state") THEN 'state' END, CASE WHEN bool_or(n."at" IS DISTINCT FROM o."at") THEN 'at' END, CASE WHEN bool_or(n."evidence" IS DISTINCT FROM o."evidence") THEN 'evidence' END, CASE WHEN bool_or(n."follows_id" IS DISTINCT FROM o."follows_id") THEN 'follows_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(41::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'contact_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'contact_id', array_agg(n.id), array_agg(o."contact_id"::text), array_agg(n."contact_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."contact_id" IS DISTINCT FROM o."contact_id";
    END IF;
    IF 'purpose' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'purpose', array_agg(n.id), array_agg(o."purpose"), array_agg(n."purpose"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."purpose" IS DISTINCT FROM o."purpose";
    END IF;
    IF 'channel_kind' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'channel_kind', array_agg(n.id), array_agg(o."channel_kind"), array_agg(n."channel_kind"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."channel_kind" IS DISTINCT FROM o."channel_kind";
    END IF;
    IF 'state' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'state', array_agg(n.id), array_agg(o."state"), array_agg(n."state"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."state" IS DISTINCT FROM o."state";
    END IF;
    IF 'at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'at', array_agg(n.id), array_agg((extract(epoch FROM o."at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."at" IS DISTINCT FROM o."at";
    END IF;
    IF 'evidence' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'evidence', array_agg(n.id), array_agg(o."evidence"), array_agg(n."evidence"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."evidence" IS DISTINCT FROM o."evidence";
    END IF;
    IF 'follows_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'follows_id', array_agg(n.id), array_agg(o."follows_id"::text), array_agg(n."follows_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."follows_id" IS DISTINCT FROM o."follows_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 41, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(41::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_consent(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."consent" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_consent();


CREATE FUNCTION {{schema}}.stamp_assignment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."assignment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of assignment never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."assignment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."assignment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_assignment();

CREATE FUNCTION {{schema}}.after_insert_assignment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(15::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_assignment(ARRAY(SELECT n.id FROM new_rows n));
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.outlet_id FROM new_rows r));

    IF EXISTS (SELECT FROM new_rows r WHERE r.assortment_id IS NOT NULL)
        OR EXISTS (SELECT FROM {{schema}}.assignment s WHERE s.assortment_id IS NOT NULL AND s.deleted_at IS NULL)
    THEN
        PERFORM {{schema}}.refresh_grants(ARRAY(
            WITH assigned AS (
                SELECT m.id, m.team_id FROM {{schema}}.member m
                WHERE m.id IN (SELECT r.member_id FROM new_rows r) OR m.team_id IN (SELECT r.team_id FROM new_rows r)
            )
            SELECT s.id FROM assigned s
            UNION SELECT m.id FROM {{schema}}.member m JOIN assigned s ON s.team_id = m.team_id
            UNION SELECT d.substitute_id FROM {{schema}}.delegation d JOIN assigned s ON s.id = d.member_id
        ), ARRAY(SELECT p.scope FROM (SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope UNION ALL SELECT s.id FROM {{schema}}.assortment s) p));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."assignment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_assignment();
CREATE FUNCTION {{schema}}.after_update_assignment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."member_id", n."team_id", n."outlet_id", n."assortment_id", n."starts_on", n."ends_on", n."deleted_at") IS DISTINCT FROM (o."member_id", o."team_id", o."outlet_id", o."assortment_id", o."starts_on", o."ends_on", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."member_id" IS DISTINCT FROM o."member_id") THEN 'member_id' END, CASE WHEN bool_or(n."team_id" IS DISTINCT FROM o."team_id") THEN 'team_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."assortment_id" IS DISTINCT FROM o."assortment_id") THEN 'assortment_id' END, CASE WHEN bool_or(n."starts_on" IS DISTINCT FROM o."starts_on") THEN 'starts_on' END, CASE WHEN bool_or(n."ends_on" IS DISTINCT FROM o."ends_on") THEN 'ends_on' END, CASE WHEN bool_or(n."delegated_by" IS DISTINCT FROM o."delegated_by") THEN 'delegated_by' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(15::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'member_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'member_id', array_agg(n.id), array_agg(o."member_id"::text), array_agg(n."member_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."member_id" IS DISTINCT FROM o."member_id";
    END IF;
    IF 'team_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'team_id', array_agg(n.id), array_agg(o."team_id"::text), array_agg(n."team_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."team_id" IS DISTINCT FROM o."team_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'assortment_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'assortment_id', array_agg(n.id), array_agg(o."assortment_id"::text), array_agg(n."assortment_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."assortment_id" IS DISTINCT FROM o."assortment_id";
    END IF;
    IF 'starts_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'starts_on', array_agg(n.id), array_agg(to_char(o."starts_on", 'YYYY-MM-DD')), array_agg(to_char(n."starts_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."starts_on" IS DISTINCT FROM o."starts_on";
    END IF;
    IF 'ends_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'ends_on', array_agg(n.id), array_agg(to_char(o."ends_on", 'YYYY-MM-DD')), array_agg(to_char(n."ends_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."ends_on" IS DISTINCT FROM o."ends_on";
    END IF;
    IF 'delegated_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'delegated_by', array_agg(n.id), array_agg(o."delegated_by"::text), array_agg(n."delegated_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."delegated_by" IS DISTINCT FROM o."delegated_by";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 15, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(15::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_assignment(moved);
    PERFORM {{schema}}.refresh_grants(NULL, ARRAY(SELECT r.outlet_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r));

    IF EXISTS (SELECT FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r WHERE r.assortment_id IS NOT NULL)
        OR EXISTS (SELECT FROM {{schema}}.assignment s WHERE s.assortment_id IS NOT NULL AND s.deleted_at IS NULL)
    THEN
        PERFORM {{schema}}.refresh_grants(ARRAY(
            WITH assigned AS (
                SELECT m.id, m.team_id FROM {{schema}}.member m
                WHERE m.id IN (SELECT r.member_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r) OR m.team_id IN (SELECT r.team_id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)
            )
            SELECT s.id FROM assigned s
            UNION SELECT m.id FROM {{schema}}.member m JOIN assigned s ON s.team_id = m.team_id
            UNION SELECT d.substitute_id FROM {{schema}}.delegation d JOIN assigned s ON s.id = d.member_id
        ), ARRAY(SELECT p.scope FROM (SELECT '00000000-0000-8000-8000-000000000000'::uuid AS scope UNION ALL SELECT s.id FROM {{schema}}.assortment s) p));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."assignment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_assignment();


CREATE FUNCTION {{schema}}.stamp_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."order" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of order never changes: devices know it by that.';
    END IF;
    IF NEW."delivery_date" IS DISTINCT FROM OLD."delivery_date" OR NEW."delivery_window" IS DISTINCT FROM OLD."delivery_window" OR NEW."fulfilment" IS DISTINCT FROM OLD."fulfilment" OR NEW."note" IS DISTINCT FROM OLD."note" THEN
        IF NEW."delivery_date" IS DISTINCT FROM OLD."delivery_date" AND NEW.stamps -> 'delivery_date' IS NOT DISTINCT FROM OLD.stamps -> 'delivery_date' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{delivery_date}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."delivery_window" IS DISTINCT FROM OLD."delivery_window" AND NEW.stamps -> 'delivery_window' IS NOT DISTINCT FROM OLD.stamps -> 'delivery_window' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{delivery_window}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."fulfilment" IS DISTINCT FROM OLD."fulfilment" AND NEW.stamps -> 'fulfilment' IS NOT DISTINCT FROM OLD.stamps -> 'fulfilment' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{fulfilment}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{note}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."order" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."order" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_order();

CREATE FUNCTION {{schema}}.after_insert_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(16::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_order(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."order" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_order();
CREATE FUNCTION {{schema}}.after_update_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."outlet_id", n."deleted_at") IS DISTINCT FROM (o."outlet_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."number" IS DISTINCT FROM o."number") THEN 'number' END, CASE WHEN bool_or(n."maker_id" IS DISTINCT FROM o."maker_id") THEN 'maker_id' END, CASE WHEN bool_or(n."owner_id" IS DISTINCT FROM o."owner_id") THEN 'owner_id' END, CASE WHEN bool_or(n."credited_id" IS DISTINCT FROM o."credited_id") THEN 'credited_id' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."agreement_id" IS DISTINCT FROM o."agreement_id") THEN 'agreement_id' END, CASE WHEN bool_or(n."warehouse_id" IS DISTINCT FROM o."warehouse_id") THEN 'warehouse_id' END, CASE WHEN bool_or(n."price_list_id" IS DISTINCT FROM o."price_list_id") THEN 'price_list_id' END, CASE WHEN bool_or(n."price_list_version" IS DISTINCT FROM o."price_list_version") THEN 'price_list_version' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."exchange_rate" IS DISTINCT FROM o."exchange_rate") THEN 'exchange_rate' END, CASE WHEN bool_or(n."exchange_rate_on" IS DISTINCT FROM o."exchange_rate_on") THEN 'exchange_rate_on' END, CASE WHEN bool_or(n."address_snapshot" IS DISTINCT FROM o."address_snapshot") THEN 'address_snapshot' END, CASE WHEN bool_or(n."delivery_date" IS DISTINCT FROM o."delivery_date") THEN 'delivery_date' END, CASE WHEN bool_or(n."delivery_window" IS DISTINCT FROM o."delivery_window") THEN 'delivery_window' END, CASE WHEN bool_or(n."fulfilment" IS DISTINCT FROM o."fulfilment") THEN 'fulfilment' END, CASE WHEN bool_or(n."status" IS DISTINCT FROM o."status") THEN 'status' END, CASE WHEN bool_or(n."status_reason" IS DISTINCT FROM o."status_reason") THEN 'status_reason' END, CASE WHEN bool_or(n."captured_at" IS DISTINCT FROM o."captured_at") THEN 'captured_at' END, CASE WHEN bool_or(n."submitted_at" IS DISTINCT FROM o."submitted_at") THEN 'submitted_at' END, CASE WHEN bool_or(n."total_minor" IS DISTINCT FROM o."total_minor") THEN 'total_minor' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."source_order_id" IS DISTINCT FROM o."source_order_id") THEN 'source_order_id' END, CASE WHEN bool_or(n."revises_order_id" IS DISTINCT FROM o."revises_order_id") THEN 'revises_order_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(16::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'number' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'number', array_agg(n.id), array_agg(o."number"), array_agg(n."number"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."number" IS DISTINCT FROM o."number";
    END IF;
    IF 'maker_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'maker_id', array_agg(n.id), array_agg(o."maker_id"::text), array_agg(n."maker_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."maker_id" IS DISTINCT FROM o."maker_id";
    END IF;
    IF 'owner_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'owner_id', array_agg(n.id), array_agg(o."owner_id"::text), array_agg(n."owner_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."owner_id" IS DISTINCT FROM o."owner_id";
    END IF;
    IF 'credited_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'credited_id', array_agg(n.id), array_agg(o."credited_id"::text), array_agg(n."credited_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."credited_id" IS DISTINCT FROM o."credited_id";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'agreement_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'agreement_id', array_agg(n.id), array_agg(o."agreement_id"::text), array_agg(n."agreement_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."agreement_id" IS DISTINCT FROM o."agreement_id";
    END IF;
    IF 'warehouse_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'warehouse_id', array_agg(n.id), array_agg(o."warehouse_id"::text), array_agg(n."warehouse_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."warehouse_id" IS DISTINCT FROM o."warehouse_id";
    END IF;
    IF 'price_list_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'price_list_id', array_agg(n.id), array_agg(o."price_list_id"::text), array_agg(n."price_list_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."price_list_id" IS DISTINCT FROM o."price_list_id";
    END IF;
    IF 'price_list_version' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'price_list_version', array_agg(n.id), array_agg(o."price_list_version"::text), array_agg(n."price_list_version"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."price_list_version" IS DISTINCT FROM o."price_list_version";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'exchange_rate' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'exchange_rate', array_agg(n.id), array_agg(o."exchange_rate"::text), array_agg(n."exchange_rate"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."exchange_rate" IS DISTINCT FROM o."exchange_rate";
    END IF;
    IF 'exchange_rate_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'exchange_rate_on', array_agg(n.id), array_agg(to_char(o."exchange_rate_on", 'YYYY-MM-DD')), array_agg(to_char(n."exchange_rate_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."exchange_rate_on" IS DISTINCT FROM o."exchange_rate_on";
    END IF;
    IF 'address_snapshot' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'address_snapshot', array_agg(n.id), array_agg(o."address_snapshot"::text), array_agg(n."address_snapshot"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."address_snapshot" IS DISTINCT FROM o."address_snapshot";
    END IF;
    IF 'delivery_date' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'delivery_date', array_agg(n.id), array_agg(to_char(o."delivery_date", 'YYYY-MM-DD')), array_agg(to_char(n."delivery_date", 'YYYY-MM-DD')), array_agg((n.stamps -> 'delivery_date' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."delivery_date" IS DISTINCT FROM o."delivery_date";
    END IF;
    IF 'delivery_window' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'delivery_window', array_agg(n.id), array_agg(o."delivery_window"::text), array_agg(n."delivery_window"::text), array_agg((n.stamps -> 'delivery_window' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."delivery_window" IS DISTINCT FROM o."delivery_window";
    END IF;
    IF 'fulfilment' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'fulfilment', array_agg(n.id), array_agg(o."fulfilment"), array_agg(n."fulfilment"), array_agg((n.stamps -> 'fulfilment' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."fulfilment" IS DISTINCT FROM o."fulfilment";
    END IF;
    IF 'status' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'status', array_agg(n.id), array_agg(o."status"), array_agg(n."status"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."status" IS DISTINCT FROM o."status";
    END IF;
    IF 'status_reason' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'status_reason', array_agg(n.id), array_agg(o."status_reason"), array_agg(n."status_reason"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."status_reason" IS DISTINCT FROM o."status_reason";
    END IF;
    IF 'captured_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'captured_at', array_agg(n.id), array_agg((extract(epoch FROM o."captured_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."captured_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."captured_at" IS DISTINCT FROM o."captured_at";
    END IF;
    IF 'submitted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'submitted_at', array_agg(n.id), array_agg((extract(epoch FROM o."submitted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."submitted_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."submitted_at" IS DISTINCT FROM o."submitted_at";
    END IF;
    IF 'total_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'total_minor', array_agg(n.id), array_agg(o."total_minor"::text), array_agg(n."total_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."total_minor" IS DISTINCT FROM o."total_minor";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), array_agg((n.stamps -> 'note' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'source_order_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'source_order_id', array_agg(n.id), array_agg(o."source_order_id"::text), array_agg(n."source_order_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."source_order_id" IS DISTINCT FROM o."source_order_id";
    END IF;
    IF 'revises_order_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'revises_order_id', array_agg(n.id), array_agg(o."revises_order_id"::text), array_agg(n."revises_order_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."revises_order_id" IS DISTINCT FROM o."revises_order_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 16, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    moved := moved || ARRAY(SELECT DISTINCT s."row" FROM {{schema}}.scope_entry s
        WHERE s."row" = ANY (ids) AND s.away AND s."row" <> ALL (moved));
    PERFORM {{schema}}.record_change(16::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_order(moved);
    PERFORM {{schema}}.refresh_scopes_order_line(ARRAY(SELECT x.id FROM {{schema}}."order_line" x WHERE x."order_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."order" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_order();


CREATE FUNCTION {{schema}}.stamp_order_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."order_line" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of order_line never changes: devices know it by that.';
    END IF;
    IF NEW."position" IS DISTINCT FROM OLD."position" OR NEW."unit" IS DISTINCT FROM OLD."unit" OR NEW."quantity" IS DISTINCT FROM OLD."quantity" OR NEW."list_price" IS DISTINCT FROM OLD."list_price" OR NEW."discount" IS DISTINCT FROM OLD."discount" THEN
        IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{position}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."unit" IS DISTINCT FROM OLD."unit" AND NEW.stamps -> 'unit' IS NOT DISTINCT FROM OLD.stamps -> 'unit' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{unit}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."quantity" IS DISTINCT FROM OLD."quantity" AND NEW.stamps -> 'quantity' IS NOT DISTINCT FROM OLD.stamps -> 'quantity' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{quantity}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."list_price" IS DISTINCT FROM OLD."list_price" AND NEW.stamps -> 'list_price' IS NOT DISTINCT FROM OLD.stamps -> 'list_price' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{list_price}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."discount" IS DISTINCT FROM OLD."discount" AND NEW.stamps -> 'discount' IS NOT DISTINCT FROM OLD.stamps -> 'discount' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{discount}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."order_line" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."order_line" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_order_line();

CREATE FUNCTION {{schema}}.after_insert_order_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(17::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_order_line(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."order_line" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_order_line();
CREATE FUNCTION {{schema}}.after_update_order_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."order_id", n."deleted_at") IS DISTINCT FROM (o."order_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."order_id" IS DISTINCT FROM o."order_id") THEN 'order_id' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."unit" IS DISTINCT FROM o."unit") THEN 'unit' END, CASE WHEN bool_or(n."factor" IS DISTINCT FROM o."factor") THEN 'factor' END, CASE WHEN bool_or(n."quantity" IS DISTINCT FROM o."quantity") THEN 'quantity' END, CASE WHEN bool_or(n."list_price" IS DISTINCT FROM o."list_price") THEN 'list_price' END, CASE WHEN bool_or(n."discount" IS DISTINCT FROM o."discount") THEN 'discount' END, CASE WHEN bool_or(n."adjustments" IS DISTINCT FROM o."adjustments") THEN 'adjustments' END, CASE WHEN bool_or(n."tax" IS DISTINCT FROM o."tax") THEN 'tax' END, CASE WHEN bool_or(n."amount_minor" IS DISTINCT FROM o."amount_minor") THEN 'amount_minor' END, CASE WHEN bool_or(n."quantity_accepted" IS DISTINCT FROM o."quantity_accepted") THEN 'quantity_accepted' END, CASE WHEN bool_or(n."quantity_shipped" IS DISTINCT FROM o."quantity_shipped") THEN 'quantity_shipped' END, CASE WHEN bool_or(n."quantity_delivered" IS DISTINCT FROM o."quantity_delivered") THEN 'quantity_delivered' END, CASE WHEN bool_or(n."quantity_returned" IS DISTINCT FROM o."quantity_returned") THEN 'quantity_returned' END, CASE WHEN bool_or(n."bundle_id" IS DISTINCT FROM o."bundle_id") THEN 'bundle_id' END, CASE WHEN bool_or(n."verdict" IS DISTINCT FROM o."verdict") THEN 'verdict' END, CASE WHEN bool_or(n."verdict_reason" IS DISTINCT FROM o."verdict_reason") THEN 'verdict_reason' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(17::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'order_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'order_id', array_agg(n.id), array_agg(o."order_id"::text), array_agg(n."order_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."order_id" IS DISTINCT FROM o."order_id";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), array_agg((n.stamps -> 'position' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'unit' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'unit', array_agg(n.id), array_agg(o."unit"), array_agg(n."unit"), array_agg((n.stamps -> 'unit' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."unit" IS DISTINCT FROM o."unit";
    END IF;
    IF 'factor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'factor', array_agg(n.id), array_agg(o."factor"::text), array_agg(n."factor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."factor" IS DISTINCT FROM o."factor";
    END IF;
    IF 'quantity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'quantity', array_agg(n.id), array_agg(o."quantity"::text), array_agg(n."quantity"::text), array_agg((n.stamps -> 'quantity' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity" IS DISTINCT FROM o."quantity";
    END IF;
    IF 'list_price' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'list_price', array_agg(n.id), array_agg(o."list_price"::text), array_agg(n."list_price"::text), array_agg((n.stamps -> 'list_price' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."list_price" IS DISTINCT FROM o."list_price";
    END IF;
    IF 'discount' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'discount', array_agg(n.id), array_agg(o."discount"::text), array_agg(n."discount"::text), array_agg((n.stamps -> 'discount' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."discount" IS DISTINCT FROM o."discount";
    END IF;
    IF 'adjustments' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'adjustments', array_agg(n.id), array_agg(o."adjustments"::text), array_agg(n."adjustments"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."adjustments" IS DISTINCT FROM o."adjustments";
    END IF;
    IF 'tax' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'tax', array_agg(n.id), array_agg(o."tax"::text), array_agg(n."tax"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."tax" IS DISTINCT FROM o."tax";
    END IF;
    IF 'amount_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'amount_minor', array_agg(n.id), array_agg(o."amount_minor"::text), array_agg(n."amount_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."amount_minor" IS DISTINCT FROM o."amount_minor";
    END IF;
    IF 'quantity_accepted' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'quantity_accepted', array_agg(n.id), array_agg(o."quantity_accepted"::text), array_agg(n."quantity_accepted"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity_accepted" IS DISTINCT FROM o."quantity_accepted";
    END IF;
    IF 'quantity_shipped' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'quantity_shipped', array_agg(n.id), array_agg(o."quantity_shipped"::text), array_agg(n."quantity_shipped"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity_shipped" IS DISTINCT FROM o."quantity_shipped";
    END IF;
    IF 'quantity_delivered' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'quantity_delivered', array_agg(n.id), array_agg(o."quantity_delivered"::text), array_agg(n."quantity_delivered"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity_delivered" IS DISTINCT FROM o."quantity_delivered";
    END IF;
    IF 'quantity_returned' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'quantity_returned', array_agg(n.id), array_agg(o."quantity_returned"::text), array_agg(n."quantity_returned"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity_returned" IS DISTINCT FROM o."quantity_returned";
    END IF;
    IF 'bundle_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'bundle_id', array_agg(n.id), array_agg(o."bundle_id"::text), array_agg(n."bundle_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."bundle_id" IS DISTINCT FROM o."bundle_id";
    END IF;
    IF 'verdict' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'verdict', array_agg(n.id), array_agg(o."verdict"), array_agg(n."verdict"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."verdict" IS DISTINCT FROM o."verdict";
    END IF;
    IF 'verdict_reason' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'verdict_reason', array_agg(n.id), array_agg(o."verdict_reason"), array_agg(n."verdict_reason"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."verdict_reason" IS DISTINCT FROM o."verdict_reason";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 17, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(17::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_order_line(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."order_line" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_order_line();


CREATE FUNCTION {{schema}}.stamp_return_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."return_order" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of return_order never changes: devices know it by that.';
    END IF;
    IF NEW."note" IS DISTINCT FROM OLD."note" THEN
        IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{note}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."return_order" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."return_order" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_return_order();

CREATE FUNCTION {{schema}}.after_insert_return_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(42::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_return_order(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."return_order" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_return_order();
CREATE FUNCTION {{schema}}.after_update_return_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."outlet_id", n."deleted_at") IS DISTINCT FROM (o."outlet_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."number" IS DISTINCT FROM o."number") THEN 'number' END, CASE WHEN bool_or(n."maker_id" IS DISTINCT FROM o."maker_id") THEN 'maker_id' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."agreement_id" IS DISTINCT FROM o."agreement_id") THEN 'agreement_id' END, CASE WHEN bool_or(n."warehouse_id" IS DISTINCT FROM o."warehouse_id") THEN 'warehouse_id' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."status" IS DISTINCT FROM o."status") THEN 'status' END, CASE WHEN bool_or(n."status_reason" IS DISTINCT FROM o."status_reason") THEN 'status_reason' END, CASE WHEN bool_or(n."captured_at" IS DISTINCT FROM o."captured_at") THEN 'captured_at' END, CASE WHEN bool_or(n."submitted_at" IS DISTINCT FROM o."submitted_at") THEN 'submitted_at' END, CASE WHEN bool_or(n."total_minor" IS DISTINCT FROM o."total_minor") THEN 'total_minor' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."source_order_id" IS DISTINCT FROM o."source_order_id") THEN 'source_order_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(42::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'number' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'number', array_agg(n.id), array_agg(o."number"), array_agg(n."number"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."number" IS DISTINCT FROM o."number";
    END IF;
    IF 'maker_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'maker_id', array_agg(n.id), array_agg(o."maker_id"::text), array_agg(n."maker_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."maker_id" IS DISTINCT FROM o."maker_id";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'agreement_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'agreement_id', array_agg(n.id), array_agg(o."agreement_id"::text), array_agg(n."agreement_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."agreement_id" IS DISTINCT FROM o."agreement_id";
    END IF;
    IF 'warehouse_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'warehouse_id', array_agg(n.id), array_agg(o."warehouse_id"::text), array_agg(n."warehouse_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."warehouse_id" IS DISTINCT FROM o."warehouse_id";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'status' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'status', array_agg(n.id), array_agg(o."status"), array_agg(n."status"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."status" IS DISTINCT FROM o."status";
    END IF;
    IF 'status_reason' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'status_reason', array_agg(n.id), array_agg(o."status_reason"), array_agg(n."status_reason"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."status_reason" IS DISTINCT FROM o."status_reason";
    END IF;
    IF 'captured_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'captured_at', array_agg(n.id), array_agg((extract(epoch FROM o."captured_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."captured_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."captured_at" IS DISTINCT FROM o."captured_at";
    END IF;
    IF 'submitted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'submitted_at', array_agg(n.id), array_agg((extract(epoch FROM o."submitted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."submitted_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."submitted_at" IS DISTINCT FROM o."submitted_at";
    END IF;
    IF 'total_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'total_minor', array_agg(n.id), array_agg(o."total_minor"::text), array_agg(n."total_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."total_minor" IS DISTINCT FROM o."total_minor";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), array_agg((n.stamps -> 'note' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'source_order_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'source_order_id', array_agg(n.id), array_agg(o."source_order_id"::text), array_agg(n."source_order_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."source_order_id" IS DISTINCT FROM o."source_order_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 42, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    moved := moved || ARRAY(SELECT DISTINCT s."row" FROM {{schema}}.scope_entry s
        WHERE s."row" = ANY (ids) AND s.away AND s."row" <> ALL (moved));
    PERFORM {{schema}}.record_change(42::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_return_order(moved);
    PERFORM {{schema}}.refresh_scopes_return_line(ARRAY(SELECT x.id FROM {{schema}}."return_line" x WHERE x."return_order_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."return_order" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_return_order();


CREATE FUNCTION {{schema}}.stamp_return_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."return_line" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of return_line never changes: devices know it by that.';
    END IF;
    IF NEW."position" IS DISTINCT FROM OLD."position" OR NEW."reason" IS DISTINCT FROM OLD."reason" OR NEW."unit" IS DISTINCT FROM OLD."unit" OR NEW."quantity" IS DISTINCT FROM OLD."quantity" OR NEW."price" IS DISTINCT FROM OLD."price" OR NEW."note" IS DISTINCT FROM OLD."note" THEN
        IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{position}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."reason" IS DISTINCT FROM OLD."reason" AND NEW.stamps -> 'reason' IS NOT DISTINCT FROM OLD.stamps -> 'reason' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{reason}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."unit" IS DISTINCT FROM OLD."unit" AND NEW.stamps -> 'unit' IS NOT DISTINCT FROM OLD.stamps -> 'unit' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{unit}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."quantity" IS DISTINCT FROM OLD."quantity" AND NEW.stamps -> 'quantity' IS NOT DISTINCT FROM OLD.stamps -> 'quantity' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{quantity}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."price" IS DISTINCT FROM OLD."price" AND NEW.stamps -> 'price' IS NOT DISTINCT FROM OLD.stamps -> 'price' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{price}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{note}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."return_line" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."return_line" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_return_line();

CREATE FUNCTION {{schema}}.after_insert_return_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(43::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_return_line(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."return_line" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_return_line();
CREATE FUNCTION {{schema}}.after_update_return_line() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."return_order_id", n."deleted_at") IS DISTINCT FROM (o."return_order_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."return_order_id" IS DISTINCT FROM o."return_order_id") THEN 'return_order_id' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."product_id" IS DISTINCT FROM o."product_id") THEN 'product_id' END, CASE WHEN bool_or(n."source_line_id" IS DISTINCT FROM o."source_line_id") THEN 'source_line_id' END, CASE WHEN bool_or(n."reason" IS DISTINCT FROM o."reason") THEN 'reason' END, CASE WHEN bool_or(n."unit" IS DISTINCT FROM o."unit") THEN 'unit' END, CASE WHEN bool_or(n."factor" IS DISTINCT FROM o."factor") THEN 'factor' END, CASE WHEN bool_or(n."quantity" IS DISTINCT FROM o."quantity") THEN 'quantity' END, CASE WHEN bool_or(n."price" IS DISTINCT FROM o."price") THEN 'price' END, CASE WHEN bool_or(n."amount_minor" IS DISTINCT FROM o."amount_minor") THEN 'amount_minor' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(43::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'return_order_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'return_order_id', array_agg(n.id), array_agg(o."return_order_id"::text), array_agg(n."return_order_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."return_order_id" IS DISTINCT FROM o."return_order_id";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), array_agg((n.stamps -> 'position' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'product_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'product_id', array_agg(n.id), array_agg(o."product_id"::text), array_agg(n."product_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."product_id" IS DISTINCT FROM o."product_id";
    END IF;
    IF 'source_line_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'source_line_id', array_agg(n.id), array_agg(o."source_line_id"::text), array_agg(n."source_line_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."source_line_id" IS DISTINCT FROM o."source_line_id";
    END IF;
    IF 'reason' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'reason', array_agg(n.id), array_agg(o."reason"), array_agg(n."reason"), array_agg((n.stamps -> 'reason' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."reason" IS DISTINCT FROM o."reason";
    END IF;
    IF 'unit' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'unit', array_agg(n.id), array_agg(o."unit"), array_agg(n."unit"), array_agg((n.stamps -> 'unit' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."unit" IS DISTINCT FROM o."unit";
    END IF;
    IF 'factor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'factor', array_agg(n.id), array_agg(o."factor"::text), array_agg(n."factor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."factor" IS DISTINCT FROM o."factor";
    END IF;
    IF 'quantity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'quantity', array_agg(n.id), array_agg(o."quantity"::text), array_agg(n."quantity"::text), array_agg((n.stamps -> 'quantity' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."quantity" IS DISTINCT FROM o."quantity";
    END IF;
    IF 'price' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'price', array_agg(n.id), array_agg(o."price"::text), array_agg(n."price"::text), array_agg((n.stamps -> 'price' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."price" IS DISTINCT FROM o."price";
    END IF;
    IF 'amount_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'amount_minor', array_agg(n.id), array_agg(o."amount_minor"::text), array_agg(n."amount_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."amount_minor" IS DISTINCT FROM o."amount_minor";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), array_agg((n.stamps -> 'note' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 43, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(43::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_return_line(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."return_line" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_return_line();


CREATE FUNCTION {{schema}}.stamp_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."invoice" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of invoice never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."invoice" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."invoice" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_invoice();

CREATE FUNCTION {{schema}}.after_insert_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(36::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_invoice(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."invoice" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_invoice();
CREATE FUNCTION {{schema}}.after_update_invoice() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."account_id", n."deleted_at") IS DISTINCT FROM (o."account_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."number" IS DISTINCT FROM o."number") THEN 'number' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."order_id" IS DISTINCT FROM o."order_id") THEN 'order_id' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."issued_on" IS DISTINCT FROM o."issued_on") THEN 'issued_on' END, CASE WHEN bool_or(n."due_on" IS DISTINCT FROM o."due_on") THEN 'due_on' END, CASE WHEN bool_or(n."total_minor" IS DISTINCT FROM o."total_minor") THEN 'total_minor' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(36::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'number' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'number', array_agg(n.id), array_agg(o."number"), array_agg(n."number"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."number" IS DISTINCT FROM o."number";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'order_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'order_id', array_agg(n.id), array_agg(o."order_id"::text), array_agg(n."order_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."order_id" IS DISTINCT FROM o."order_id";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'issued_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'issued_on', array_agg(n.id), array_agg(to_char(o."issued_on", 'YYYY-MM-DD')), array_agg(to_char(n."issued_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."issued_on" IS DISTINCT FROM o."issued_on";
    END IF;
    IF 'due_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'due_on', array_agg(n.id), array_agg(to_char(o."due_on", 'YYYY-MM-DD')), array_agg(to_char(n."due_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."due_on" IS DISTINCT FROM o."due_on";
    END IF;
    IF 'total_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'total_minor', array_agg(n.id), array_agg(o."total_minor"::text), array_agg(n."total_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."total_minor" IS DISTINCT FROM o."total_minor";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 36, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(36::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_invoice(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."invoice" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_invoice();


CREATE FUNCTION {{schema}}.stamp_receivable() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."receivable" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of receivable never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."receivable" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."receivable" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_receivable();

CREATE FUNCTION {{schema}}.after_insert_receivable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(37::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_receivable(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."receivable" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_receivable();
CREATE FUNCTION {{schema}}.after_update_receivable() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."account_id", n."deleted_at") IS DISTINCT FROM (o."account_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."invoice_id" IS DISTINCT FROM o."invoice_id") THEN 'invoice_id' END, CASE WHEN bool_or(n."document_number" IS DISTINCT FROM o."document_number") THEN 'document_number' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."due_on" IS DISTINCT FROM o."due_on") THEN 'due_on' END, CASE WHEN bool_or(n."amount_minor" IS DISTINCT FROM o."amount_minor") THEN 'amount_minor' END, CASE WHEN bool_or(n."balance_minor" IS DISTINCT FROM o."balance_minor") THEN 'balance_minor' END, CASE WHEN bool_or(n."as_of" IS DISTINCT FROM o."as_of") THEN 'as_of' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(37::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'invoice_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'invoice_id', array_agg(n.id), array_agg(o."invoice_id"::text), array_agg(n."invoice_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."invoice_id" IS DISTINCT FROM o."invoice_id";
    END IF;
    IF 'document_number' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'document_number', array_agg(n.id), array_agg(o."document_number"), array_agg(n."document_number"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."document_number" IS DISTINCT FROM o."document_number";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'due_on' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'due_on', array_agg(n.id), array_agg(to_char(o."due_on", 'YYYY-MM-DD')), array_agg(to_char(n."due_on", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."due_on" IS DISTINCT FROM o."due_on";
    END IF;
    IF 'amount_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'amount_minor', array_agg(n.id), array_agg(o."amount_minor"::text), array_agg(n."amount_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."amount_minor" IS DISTINCT FROM o."amount_minor";
    END IF;
    IF 'balance_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'balance_minor', array_agg(n.id), array_agg(o."balance_minor"::text), array_agg(n."balance_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."balance_minor" IS DISTINCT FROM o."balance_minor";
    END IF;
    IF 'as_of' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'as_of', array_agg(n.id), array_agg((extract(epoch FROM o."as_of") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."as_of") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."as_of" IS DISTINCT FROM o."as_of";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 37, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(37::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_receivable(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."receivable" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_receivable();


CREATE FUNCTION {{schema}}.stamp_payment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."payment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of payment never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."payment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."payment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_payment();

CREATE FUNCTION {{schema}}.after_insert_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(38::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_payment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."payment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_payment();
CREATE FUNCTION {{schema}}.after_update_payment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."account_id", n."outlet_id", n."deleted_at") IS DISTINCT FROM (o."account_id", o."outlet_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."account_id" IS DISTINCT FROM o."account_id") THEN 'account_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id") THEN 'legal_entity_id' END, CASE WHEN bool_or(n."currency" IS DISTINCT FROM o."currency") THEN 'currency' END, CASE WHEN bool_or(n."amount_minor" IS DISTINCT FROM o."amount_minor") THEN 'amount_minor' END, CASE WHEN bool_or(n."method" IS DISTINCT FROM o."method") THEN 'method' END, CASE WHEN bool_or(n."receipt_number" IS DISTINCT FROM o."receipt_number") THEN 'receipt_number' END, CASE WHEN bool_or(n."paid_at" IS DISTINCT FROM o."paid_at") THEN 'paid_at' END, CASE WHEN bool_or(n."reversal_of_id" IS DISTINCT FROM o."reversal_of_id") THEN 'reversal_of_id' END, CASE WHEN bool_or(n."allocated_minor" IS DISTINCT FROM o."allocated_minor") THEN 'allocated_minor' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(38::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'account_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'account_id', array_agg(n.id), array_agg(o."account_id"::text), array_agg(n."account_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."account_id" IS DISTINCT FROM o."account_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'legal_entity_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'legal_entity_id', array_agg(n.id), array_agg(o."legal_entity_id"::text), array_agg(n."legal_entity_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."legal_entity_id" IS DISTINCT FROM o."legal_entity_id";
    END IF;
    IF 'currency' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'currency', array_agg(n.id), array_agg(o."currency"), array_agg(n."currency"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."currency" IS DISTINCT FROM o."currency";
    END IF;
    IF 'amount_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'amount_minor', array_agg(n.id), array_agg(o."amount_minor"::text), array_agg(n."amount_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."amount_minor" IS DISTINCT FROM o."amount_minor";
    END IF;
    IF 'method' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'method', array_agg(n.id), array_agg(o."method"), array_agg(n."method"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."method" IS DISTINCT FROM o."method";
    END IF;
    IF 'receipt_number' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'receipt_number', array_agg(n.id), array_agg(o."receipt_number"), array_agg(n."receipt_number"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."receipt_number" IS DISTINCT FROM o."receipt_number";
    END IF;
    IF 'paid_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'paid_at', array_agg(n.id), array_agg((extract(epoch FROM o."paid_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."paid_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."paid_at" IS DISTINCT FROM o."paid_at";
    END IF;
    IF 'reversal_of_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'reversal_of_id', array_agg(n.id), array_agg(o."reversal_of_id"::text), array_agg(n."reversal_of_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."reversal_of_id" IS DISTINCT FROM o."reversal_of_id";
    END IF;
    IF 'allocated_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'allocated_minor', array_agg(n.id), array_agg(o."allocated_minor"::text), array_agg(n."allocated_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."allocated_minor" IS DISTINCT FROM o."allocated_minor";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 38, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(38::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_payment(moved);
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT x.id FROM {{schema}}."payment_allocation" x WHERE x."payment_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."payment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_payment();


CREATE FUNCTION {{schema}}.stamp_payment_allocation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."payment_allocation" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of payment_allocation never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."payment_allocation" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."payment_allocation" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_payment_allocation();

CREATE FUNCTION {{schema}}.after_insert_payment_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(39::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_payment_allocation(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."payment_allocation" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_payment_allocation();
CREATE FUNCTION {{schema}}.after_update_payment_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."payment_id", n."deleted_at") IS DISTINCT FROM (o."payment_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."payment_id" IS DISTINCT FROM o."payment_id") THEN 'payment_id' END, CASE WHEN bool_or(n."receivable_id" IS DISTINCT FROM o."receivable_id") THEN 'receivable_id' END, CASE WHEN bool_or(n."amount_minor" IS DISTINCT FROM o."amount_minor") THEN 'amount_minor' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(39::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 39, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 39, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'payment_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 39, 'payment_id', array_agg(n.id), array_agg(o."payment_id"::text), array_agg(n."payment_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."payment_id" IS DISTINCT FROM o."payment_id";
    END IF;
    IF 'receivable_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 39, 'receivable_id', array_agg(n.id), array_agg(o."receivable_id"::text), array_agg(n."receivable_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."receivable_id" IS DISTINCT FROM o."receivable_id";
    END IF;
    IF 'amount_minor' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 39, 'amount_minor', array_agg(n.id), array_agg(o."amount_minor"::text), array_agg(n."amount_minor"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."amount_minor" IS DISTINCT FROM o."amount_minor";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 39, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(39::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_payment_allocation(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."payment_allocation" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_payment_allocation();


CREATE FUNCTION {{schema}}.stamp_comment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."comment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of comment never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."comment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."comment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_comment();

CREATE FUNCTION {{schema}}.after_insert_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(47::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_comment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."comment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_comment();
CREATE FUNCTION {{schema}}.after_update_comment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."row_id", n."deleted_at") IS DISTINCT FROM (o."row_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."entity" IS DISTINCT FROM o."entity") THEN 'entity' END, CASE WHEN bool_or(n."row_id" IS DISTINCT FROM o."row_id") THEN 'row_id' END, CASE WHEN bool_or(n."body" IS DISTINCT FROM o."body") THEN 'body' END, CASE WHEN bool_or(n."visibility" IS DISTINCT FROM o."visibility") THEN 'visibility' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(47::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'entity', array_agg(n.id), array_agg(o."entity"), array_agg(n."entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."entity" IS DISTINCT FROM o."entity";
    END IF;
    IF 'row_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'row_id', array_agg(n.id), array_agg(o."row_id"::text), array_agg(n."row_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."row_id" IS DISTINCT FROM o."row_id";
    END IF;
    IF 'body' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'body', array_agg(n.id), array_agg(o."body"), array_agg(n."body"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."body" IS DISTINCT FROM o."body";
    END IF;
    IF 'visibility' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'visibility', array_agg(n.id), array_agg(o."visibility"), array_agg(n."visibility"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."visibility" IS DISTINCT FROM o."visibility";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 47, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(47::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_comment(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."comment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_comment();


CREATE FUNCTION {{schema}}.stamp_attachment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."attachment" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of attachment never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."attachment" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."attachment" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_attachment();

CREATE FUNCTION {{schema}}.after_insert_attachment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(48::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_attachment(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."attachment" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_attachment();
CREATE FUNCTION {{schema}}.after_update_attachment() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."row_id", n."deleted_at") IS DISTINCT FROM (o."row_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."entity" IS DISTINCT FROM o."entity") THEN 'entity' END, CASE WHEN bool_or(n."row_id" IS DISTINCT FROM o."row_id") THEN 'row_id' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."media_type" IS DISTINCT FROM o."media_type") THEN 'media_type' END, CASE WHEN bool_or(n."size_bytes" IS DISTINCT FROM o."size_bytes") THEN 'size_bytes' END, CASE WHEN bool_or(n."sha256" IS DISTINCT FROM o."sha256") THEN 'sha256' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(48::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'entity', array_agg(n.id), array_agg(o."entity"), array_agg(n."entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."entity" IS DISTINCT FROM o."entity";
    END IF;
    IF 'row_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'row_id', array_agg(n.id), array_agg(o."row_id"::text), array_agg(n."row_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."row_id" IS DISTINCT FROM o."row_id";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'media_type' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'media_type', array_agg(n.id), array_agg(o."media_type"), array_agg(n."media_type"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."media_type" IS DISTINCT FROM o."media_type";
    END IF;
    IF 'size_bytes' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'size_bytes', array_agg(n.id), array_agg(o."size_bytes"::text), array_agg(n."size_bytes"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."size_bytes" IS DISTINCT FROM o."size_bytes";
    END IF;
    IF 'sha256' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'sha256', array_agg(n.id), array_agg(o."sha256"), array_agg(n."sha256"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."sha256" IS DISTINCT FROM o."sha256";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 48, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(48::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_attachment(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."attachment" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_attachment();


CREATE FUNCTION {{schema}}.stamp_route() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."route" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of route never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."route" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."route" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_route();

CREATE FUNCTION {{schema}}.after_insert_route() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(44::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_route(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."route" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_route();
CREATE FUNCTION {{schema}}.after_update_route() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."member_id", n."deleted_at") IS DISTINCT FROM (o."member_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."member_id" IS DISTINCT FROM o."member_id") THEN 'member_id' END, CASE WHEN bool_or(n."day" IS DISTINCT FROM o."day") THEN 'day' END, CASE WHEN bool_or(n."name" IS DISTINCT FROM o."name") THEN 'name' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(44::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'member_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'member_id', array_agg(n.id), array_agg(o."member_id"::text), array_agg(n."member_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."member_id" IS DISTINCT FROM o."member_id";
    END IF;
    IF 'day' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'day', array_agg(n.id), array_agg(to_char(o."day", 'YYYY-MM-DD')), array_agg(to_char(n."day", 'YYYY-MM-DD')), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."day" IS DISTINCT FROM o."day";
    END IF;
    IF 'name' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'name', array_agg(n.id), array_agg(o."name"), array_agg(n."name"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."name" IS DISTINCT FROM o."name";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 44, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    moved := moved || ARRAY(SELECT DISTINCT s."row" FROM {{schema}}.scope_entry s
        WHERE s."row" = ANY (ids) AND s.away AND s."row" <> ALL (moved));
    PERFORM {{schema}}.record_change(44::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_route(moved);
    PERFORM {{schema}}.refresh_scopes_route_stop(ARRAY(SELECT x.id FROM {{schema}}."route_stop" x WHERE x."route_id" IN (SELECT r.id FROM (SELECT * FROM old_rows WHERE id = ANY (moved) UNION ALL SELECT * FROM new_rows WHERE id = ANY (moved)) r)));
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."route" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_route();


CREATE FUNCTION {{schema}}.stamp_route_stop() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."route_stop" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of route_stop never changes: devices know it by that.';
    END IF;
    IF NEW."position" IS DISTINCT FROM OLD."position" THEN
        IF NEW."position" IS DISTINCT FROM OLD."position" AND NEW.stamps -> 'position' IS NOT DISTINCT FROM OLD.stamps -> 'position' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{position}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    IF NEW.custom IS DISTINCT FROM OLD.custom THEN
        NEW.stamps := NEW.stamps || coalesce((
            SELECT jsonb_object_agg('custom.' || k.key, current_setting('outrider.stamp')::jsonb)
            FROM (
                SELECT jsonb_object_keys(CASE jsonb_typeof(x) WHEN 'object' THEN x ELSE '{}' END) AS key
                FROM (VALUES (OLD.custom), (NEW.custom)) AS v (x)
            ) k
            WHERE OLD.custom -> k.key IS DISTINCT FROM NEW.custom -> k.key
            AND NEW.stamps -> ('custom.' || k.key) IS NOT DISTINCT FROM OLD.stamps -> ('custom.' || k.key)), '{}');
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."route_stop" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."route_stop" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_route_stop();

CREATE FUNCTION {{schema}}.after_insert_route_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(45::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_route_stop(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."route_stop" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_route_stop();
CREATE FUNCTION {{schema}}.after_update_route_stop() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."route_id", n."deleted_at") IS DISTINCT FROM (o."route_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."route_id" IS DISTINCT FROM o."route_id") THEN 'route_id' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."planned_at" IS DISTINCT FROM o."planned_at") THEN 'planned_at' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(45::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), array_agg((n.stamps -> 'custom' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'route_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'route_id', array_agg(n.id), array_agg(o."route_id"::text), array_agg(n."route_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."route_id" IS DISTINCT FROM o."route_id";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), array_agg((n.stamps -> 'position' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'planned_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'planned_at', array_agg(n.id), array_agg((extract(epoch FROM o."planned_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."planned_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."planned_at" IS DISTINCT FROM o."planned_at";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 45, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(45::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_route_stop(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."route_stop" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_route_stop();


CREATE FUNCTION {{schema}}.stamp_visit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."visit" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of visit never changes: devices know it by that.';
    END IF;
    IF NEW."checked_out_at" IS DISTINCT FROM OLD."checked_out_at" OR NEW."position_out" IS DISTINCT FROM OLD."position_out" OR NEW."outcome" IS DISTINCT FROM OLD."outcome" OR NEW."note" IS DISTINCT FROM OLD."note" OR NEW."signature_id" IS DISTINCT FROM OLD."signature_id" THEN
        IF NEW."checked_out_at" IS DISTINCT FROM OLD."checked_out_at" AND NEW.stamps -> 'checked_out_at' IS NOT DISTINCT FROM OLD.stamps -> 'checked_out_at' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{checked_out_at}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."position_out" IS DISTINCT FROM OLD."position_out" AND NEW.stamps -> 'position_out' IS NOT DISTINCT FROM OLD.stamps -> 'position_out' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{position_out}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."outcome" IS DISTINCT FROM OLD."outcome" AND NEW.stamps -> 'outcome' IS NOT DISTINCT FROM OLD.stamps -> 'outcome' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{outcome}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."note" IS DISTINCT FROM OLD."note" AND NEW.stamps -> 'note' IS NOT DISTINCT FROM OLD.stamps -> 'note' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{note}', current_setting('outrider.stamp')::jsonb);
        END IF;
        IF NEW."signature_id" IS DISTINCT FROM OLD."signature_id" AND NEW.stamps -> 'signature_id' IS NOT DISTINCT FROM OLD.stamps -> 'signature_id' THEN
            NEW.stamps := jsonb_set(NEW.stamps, '{signature_id}', current_setting('outrider.stamp')::jsonb);
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."visit" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."visit" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_visit();

CREATE FUNCTION {{schema}}.after_insert_visit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(46::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_visit(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."visit" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_visit();
CREATE FUNCTION {{schema}}.after_update_visit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."member_id", n."deleted_at") IS DISTINCT FROM (o."member_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."outlet_id" IS DISTINCT FROM o."outlet_id") THEN 'outlet_id' END, CASE WHEN bool_or(n."member_id" IS DISTINCT FROM o."member_id") THEN 'member_id' END, CASE WHEN bool_or(n."route_stop_id" IS DISTINCT FROM o."route_stop_id") THEN 'route_stop_id' END, CASE WHEN bool_or(n."checked_in_at" IS DISTINCT FROM o."checked_in_at") THEN 'checked_in_at' END, CASE WHEN bool_or(n."position" IS DISTINCT FROM o."position") THEN 'position' END, CASE WHEN bool_or(n."position_absence" IS DISTINCT FROM o."position_absence") THEN 'position_absence' END, CASE WHEN bool_or(n."checked_out_at" IS DISTINCT FROM o."checked_out_at") THEN 'checked_out_at' END, CASE WHEN bool_or(n."position_out" IS DISTINCT FROM o."position_out") THEN 'position_out' END, CASE WHEN bool_or(n."outcome" IS DISTINCT FROM o."outcome") THEN 'outcome' END, CASE WHEN bool_or(n."note" IS DISTINCT FROM o."note") THEN 'note' END, CASE WHEN bool_or(n."signature_id" IS DISTINCT FROM o."signature_id") THEN 'signature_id' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(46::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'outlet_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'outlet_id', array_agg(n.id), array_agg(o."outlet_id"::text), array_agg(n."outlet_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outlet_id" IS DISTINCT FROM o."outlet_id";
    END IF;
    IF 'member_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'member_id', array_agg(n.id), array_agg(o."member_id"::text), array_agg(n."member_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."member_id" IS DISTINCT FROM o."member_id";
    END IF;
    IF 'route_stop_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'route_stop_id', array_agg(n.id), array_agg(o."route_stop_id"::text), array_agg(n."route_stop_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."route_stop_id" IS DISTINCT FROM o."route_stop_id";
    END IF;
    IF 'checked_in_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'checked_in_at', array_agg(n.id), array_agg((extract(epoch FROM o."checked_in_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."checked_in_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."checked_in_at" IS DISTINCT FROM o."checked_in_at";
    END IF;
    IF 'position' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'position', array_agg(n.id), array_agg(o."position"::text), array_agg(n."position"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position" IS DISTINCT FROM o."position";
    END IF;
    IF 'position_absence' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'position_absence', array_agg(n.id), array_agg(o."position_absence"), array_agg(n."position_absence"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position_absence" IS DISTINCT FROM o."position_absence";
    END IF;
    IF 'checked_out_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'checked_out_at', array_agg(n.id), array_agg((extract(epoch FROM o."checked_out_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."checked_out_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'checked_out_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."checked_out_at" IS DISTINCT FROM o."checked_out_at";
    END IF;
    IF 'position_out' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'position_out', array_agg(n.id), array_agg(o."position_out"::text), array_agg(n."position_out"::text), array_agg((n.stamps -> 'position_out' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."position_out" IS DISTINCT FROM o."position_out";
    END IF;
    IF 'outcome' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'outcome', array_agg(n.id), array_agg(o."outcome"), array_agg(n."outcome"), array_agg((n.stamps -> 'outcome' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."outcome" IS DISTINCT FROM o."outcome";
    END IF;
    IF 'note' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'note', array_agg(n.id), array_agg(o."note"), array_agg(n."note"), array_agg((n.stamps -> 'note' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."note" IS DISTINCT FROM o."note";
    END IF;
    IF 'signature_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'signature_id', array_agg(n.id), array_agg(o."signature_id"::text), array_agg(n."signature_id"::text), array_agg((n.stamps -> 'signature_id' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."signature_id" IS DISTINCT FROM o."signature_id";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 46, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    moved := moved || ARRAY(SELECT DISTINCT s."row" FROM {{schema}}.scope_entry s
        WHERE s."row" = ANY (ids) AND s.away AND s."row" <> ALL (moved));
    PERFORM {{schema}}.record_change(46::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_visit(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."visit" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_visit();


CREATE FUNCTION {{schema}}.stamp_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."conflict" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of conflict never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."conflict" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."conflict" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_conflict();

CREATE FUNCTION {{schema}}.after_insert_conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(18::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_conflict(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."conflict" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_conflict();
CREATE FUNCTION {{schema}}.after_update_conflict() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."lost_by", n."kept_by", n."deleted_at") IS DISTINCT FROM (o."lost_by", o."kept_by", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."entity" IS DISTINCT FROM o."entity") THEN 'entity' END, CASE WHEN bool_or(n."row_id" IS DISTINCT FROM o."row_id") THEN 'row_id' END, CASE WHEN bool_or(n."field" IS DISTINCT FROM o."field") THEN 'field' END, CASE WHEN bool_or(n."rule" IS DISTINCT FROM o."rule") THEN 'rule' END, CASE WHEN bool_or(n."kept" IS DISTINCT FROM o."kept") THEN 'kept' END, CASE WHEN bool_or(n."lost" IS DISTINCT FROM o."lost") THEN 'lost' END, CASE WHEN bool_or(n."seen" IS DISTINCT FROM o."seen") THEN 'seen' END, CASE WHEN bool_or(n."kept_by" IS DISTINCT FROM o."kept_by") THEN 'kept_by' END, CASE WHEN bool_or(n."lost_by" IS DISTINCT FROM o."lost_by") THEN 'lost_by' END, CASE WHEN bool_or(n."device_id" IS DISTINCT FROM o."device_id") THEN 'device_id' END, CASE WHEN bool_or(n."mutation_number" IS DISTINCT FROM o."mutation_number") THEN 'mutation_number' END, CASE WHEN bool_or(n."captured_at" IS DISTINCT FROM o."captured_at") THEN 'captured_at' END, CASE WHEN bool_or(n."status" IS DISTINCT FROM o."status") THEN 'status' END, CASE WHEN bool_or(n."explanation" IS DISTINCT FROM o."explanation") THEN 'explanation' END, CASE WHEN bool_or(n."settlement" IS DISTINCT FROM o."settlement") THEN 'settlement' END, CASE WHEN bool_or(n."settled_by" IS DISTINCT FROM o."settled_by") THEN 'settled_by' END, CASE WHEN bool_or(n."settled_at" IS DISTINCT FROM o."settled_at") THEN 'settled_at' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(18::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'entity', array_agg(n.id), array_agg(o."entity"), array_agg(n."entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."entity" IS DISTINCT FROM o."entity";
    END IF;
    IF 'row_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'row_id', array_agg(n.id), array_agg(o."row_id"::text), array_agg(n."row_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."row_id" IS DISTINCT FROM o."row_id";
    END IF;
    IF 'field' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'field', array_agg(n.id), array_agg(o."field"), array_agg(n."field"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."field" IS DISTINCT FROM o."field";
    END IF;
    IF 'rule' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'rule', array_agg(n.id), array_agg(o."rule"), array_agg(n."rule"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."rule" IS DISTINCT FROM o."rule";
    END IF;
    IF 'kept' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'kept', array_agg(n.id), array_agg(o."kept"::text), array_agg(n."kept"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."kept" IS DISTINCT FROM o."kept";
    END IF;
    IF 'lost' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'lost', array_agg(n.id), array_agg(o."lost"::text), array_agg(n."lost"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."lost" IS DISTINCT FROM o."lost";
    END IF;
    IF 'seen' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'seen', array_agg(n.id), array_agg(o."seen"::text), array_agg(n."seen"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."seen" IS DISTINCT FROM o."seen";
    END IF;
    IF 'kept_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'kept_by', array_agg(n.id), array_agg(o."kept_by"::text), array_agg(n."kept_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."kept_by" IS DISTINCT FROM o."kept_by";
    END IF;
    IF 'lost_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'lost_by', array_agg(n.id), array_agg(o."lost_by"::text), array_agg(n."lost_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."lost_by" IS DISTINCT FROM o."lost_by";
    END IF;
    IF 'device_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'device_id', array_agg(n.id), array_agg(o."device_id"::text), array_agg(n."device_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."device_id" IS DISTINCT FROM o."device_id";
    END IF;
    IF 'mutation_number' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'mutation_number', array_agg(n.id), array_agg(o."mutation_number"::text), array_agg(n."mutation_number"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."mutation_number" IS DISTINCT FROM o."mutation_number";
    END IF;
    IF 'captured_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'captured_at', array_agg(n.id), array_agg((extract(epoch FROM o."captured_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."captured_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."captured_at" IS DISTINCT FROM o."captured_at";
    END IF;
    IF 'status' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'status', array_agg(n.id), array_agg(o."status"), array_agg(n."status"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."status" IS DISTINCT FROM o."status";
    END IF;
    IF 'explanation' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'explanation', array_agg(n.id), array_agg(o."explanation"), array_agg(n."explanation"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."explanation" IS DISTINCT FROM o."explanation";
    END IF;
    IF 'settlement' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'settlement', array_agg(n.id), array_agg(o."settlement"), array_agg(n."settlement"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."settlement" IS DISTINCT FROM o."settlement";
    END IF;
    IF 'settled_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'settled_by', array_agg(n.id), array_agg(o."settled_by"::text), array_agg(n."settled_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."settled_by" IS DISTINCT FROM o."settled_by";
    END IF;
    IF 'settled_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'settled_at', array_agg(n.id), array_agg((extract(epoch FROM o."settled_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."settled_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."settled_at" IS DISTINCT FROM o."settled_at";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 18, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(18::smallint, ids);
    IF cardinality(moved) = 0 THEN RETURN NULL; END IF;
    PERFORM {{schema}}.refresh_scopes_conflict(moved);
    RETURN NULL;
END $$;
CREATE TRIGGER d_update AFTER UPDATE ON {{schema}}."conflict" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_update_conflict();


CREATE FUNCTION {{schema}}.stamp_merge() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        UPDATE {{schema}}."merge" x SET deleted_at = (SELECT n.at FROM {{schema}}.revision_counter n)
        WHERE x.id = OLD.id AND x.deleted_at IS NULL;
        RETURN NULL;
    END IF;
    NEW.revision := current_setting('outrider.revision')::bigint;
    NEW.updated_at := to_timestamp(current_setting('outrider.at')::double precision);
    IF TG_OP = 'INSERT' THEN
        NEW.created_by := coalesce(NEW.created_by, nullif(current_setting('outrider.member'), '')::uuid);
        IF NOT NEW.stamps ? '*' THEN NEW.stamps := jsonb_set(NEW.stamps, '{*}', current_setting('outrider.stamp')::jsonb); END IF;
        RETURN NEW;
    END IF;
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'The id of a row of merge never changes: devices know it by that.';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER a_statement BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {{schema}}."merge" FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.before_statement();
CREATE TRIGGER b_stamp BEFORE INSERT OR UPDATE OR DELETE ON {{schema}}."merge" FOR EACH ROW EXECUTE FUNCTION {{schema}}.stamp_merge();

CREATE FUNCTION {{schema}}.after_insert_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    PERFORM {{schema}}.audit_statement(80::smallint, array_agg(n.id), NULL, min(n.revision), max(n.revision))
    FROM new_rows n;
    PERFORM {{schema}}.refresh_scopes_merge(ARRAY(SELECT n.id FROM new_rows n));
    RETURN NULL;
END $$;
CREATE TRIGGER c_insert AFTER INSERT ON {{schema}}."merge" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.after_insert_merge();
CREATE FUNCTION {{schema}}.after_update_merge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE ids uuid[]; moved uuid[]; previous bigint[]; lowest bigint; highest bigint; changed text[]; pushed boolean;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM new_rows) THEN RETURN NULL; END IF;
    SELECT array_agg(n.id), array_agg(o.revision), min(n.revision), max(n.revision),
        coalesce(array_agg(n.id) FILTER (WHERE (n."winner_id", n."deleted_at") IS DISTINCT FROM (o."winner_id", o."deleted_at")), '{}'),
        ARRAY[CASE WHEN bool_or(n."created_by" IS DISTINCT FROM o."created_by") THEN 'created_by' END, CASE WHEN bool_or(n."custom" IS DISTINCT FROM o."custom") THEN 'custom' END, CASE WHEN bool_or(n."entity" IS DISTINCT FROM o."entity") THEN 'entity' END, CASE WHEN bool_or(n."winner_id" IS DISTINCT FROM o."winner_id") THEN 'winner_id' END, CASE WHEN bool_or(n."loser_id" IS DISTINCT FROM o."loser_id") THEN 'loser_id' END, CASE WHEN bool_or(n."undone_at" IS DISTINCT FROM o."undone_at") THEN 'undone_at' END, CASE WHEN bool_or(n."deleted_at" IS DISTINCT FROM o."deleted_at") THEN 'deleted_at' END]
    INTO ids, previous, lowest, highest, moved, changed FROM new_rows n FULL JOIN old_rows o ON o.id = n.id;
    pushed := {{schema}}.audit_statement(80::smallint, ids, previous, lowest, highest);
    IF 'created_by' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'created_by', array_agg(n.id), array_agg(o."created_by"::text), array_agg(n."created_by"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."created_by" IS DISTINCT FROM o."created_by";
    END IF;
    IF 'custom' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'custom', array_agg(n.id), array_agg(o."custom"::text), array_agg(n."custom"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."custom" IS DISTINCT FROM o."custom";
    END IF;
    IF 'entity' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'entity', array_agg(n.id), array_agg(o."entity"), array_agg(n."entity"), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."entity" IS DISTINCT FROM o."entity";
    END IF;
    IF 'winner_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'winner_id', array_agg(n.id), array_agg(o."winner_id"::text), array_agg(n."winner_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."winner_id" IS DISTINCT FROM o."winner_id";
    END IF;
    IF 'loser_id' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'loser_id', array_agg(n.id), array_agg(o."loser_id"::text), array_agg(n."loser_id"::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."loser_id" IS DISTINCT FROM o."loser_id";
    END IF;
    IF 'undone_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'undone_at', array_agg(n.id), array_agg((extract(epoch FROM o."undone_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."undone_at") * 1000000)::bigint::text), NULL
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."undone_at" IS DISTINCT FROM o."undone_at";
    END IF;
    IF 'deleted_at' = ANY (changed) THEN
        INSERT INTO {{schema}}.audit_entry (revision, entity, field, rows, old, new, captured)
        SELECT highest, 80, 'deleted_at', array_agg(n.id), array_agg((extract(epoch FROM o."deleted_at") * 1000000)::bigint::text), array_agg((extract(epoch FROM n."deleted_at") * 1000000)::bigint::text), array_agg((n.stamps -> 'deleted_at' ->> 1)::bigint) FILTER (WHERE pushed)
        FROM new_rows n FULL JOIN old_rows o ON o.id = n.id WHERE n."deleted_at" IS DISTINCT FROM o."deleted_at";
    END IF;
    PERFORM {{schema}}.record_change(80::smallint, ids);
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


CREATE FUNCTION {{schema}}.note_insert_field_master() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT {{schema}}.is_watched('field_master') THEN RETURN NULL; END IF;
    PERFORM {{schema}}.note_events('field_master', 'created', ARRAY(SELECT id FROM new_rows), '{}');
    RETURN NULL;
END $$;
CREATE TRIGGER e_events AFTER INSERT ON {{schema}}."field_master" REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_insert_field_master();
CREATE FUNCTION {{schema}}.note_update_field_master() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE buried uuid[]; revived uuid[]; part record;
BEGIN
    IF NOT {{schema}}.is_watched('field_master') THEN RETURN NULL; END IF;
    buried := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE NOT live);
    revived := ARRAY(SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM new_rows EXCEPT SELECT id, deleted_at IS NULL FROM old_rows) m WHERE live);
    PERFORM {{schema}}.note_events('field_master', 'deleted', buried, '{}');
    PERFORM {{schema}}.note_events('field_master', 'restored', revived, '{}');
    FOR part IN
        SELECT c.changed, array_agg(c.id) AS ids FROM (
            SELECT d.id, array_agg(d.field ORDER BY d.field) AS changed FROM (SELECT id, 'custom' AS field FROM (SELECT id, "custom" FROM new_rows EXCEPT SELECT id, "custom" FROM old_rows) x
            UNION ALL SELECT id, 'entity' AS field FROM (SELECT id, "entity" FROM new_rows EXCEPT SELECT id, "entity" FROM old_rows) x
            UNION ALL SELECT id, 'field' AS field FROM (SELECT id, "field" FROM new_rows EXCEPT SELECT id, "field" FROM old_rows) x
            UNION ALL SELECT id, 'system' AS field FROM (SELECT id, "system" FROM new_rows EXCEPT SELECT id, "system" FROM old_rows) x) d
            WHERE d.id <> ALL (buried) AND d.id <> ALL (revived) GROUP BY d.id) c
        GROUP BY c.changed
    LOOP
        PERFORM {{schema}}.note_events('field_master', 'changed', part.ids, part.changed);
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER e_events_update AFTER UPDATE ON {{schema}}."field_master" REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION {{schema}}.note_update_field_master();


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
            UNION ALL SELECT id, 'seen' AS field FROM (SELECT id, "seen" FROM new_rows EXCEPT SELECT id, "seen" FROM old_rows) x
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

-- Whoever is trusted again is trusted with their devices, but for those that were revoked themselves: should they leave once
-- more, these hand in once more what they hold by then.
CREATE FUNCTION {{schema}}.open_quarantines() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE {{schema}}.quarantine q SET complete = false FROM {{schema}}.device d
    WHERE d.member_id = NEW.id AND d.revoked_at IS NULL AND q.device_id = d.id AND q.complete;
    RETURN NULL;
END $$;
CREATE TRIGGER f_trusted_again AFTER UPDATE ON {{schema}}.member FOR EACH ROW
WHEN (NEW.active AND NEW.deleted_at IS NULL AND NOT (OLD.active AND OLD.deleted_at IS NULL))
EXECUTE FUNCTION {{schema}}.open_quarantines();

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
    system text,
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
