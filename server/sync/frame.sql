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
