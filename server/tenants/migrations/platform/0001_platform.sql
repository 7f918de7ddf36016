-- The platform's own schema: who the tenants are, who may log in, and the keys that sign tokens.
CREATE TABLE platform.tenant (
    id uuid PRIMARY KEY,
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9](-?[a-z0-9]){1,39}$'),
    name text NOT NULL,
    schema text NOT NULL UNIQUE,
    database text NOT NULL DEFAULT 'main',
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended', 'spare')),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The last revision of tenants that live in this database, by schema: one look for all whose devices listen for news. It runs
-- as the owner, who alone may read every tenant's counter, and says nothing else of anybody.
CREATE FUNCTION platform.heads(schemas text[]) RETURNS TABLE (schema text, revision bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE each text;
BEGIN
    FOREACH each IN ARRAY schemas LOOP
        IF to_regclass(format('%I.revision_counter', each)) IS NOT NULL THEN
            RETURN QUERY EXECUTE format('SELECT %L::text, c.revision FROM %I.revision_counter c', each, each);
        END IF;
    END LOOP;
END $$;
REVOKE ALL ON FUNCTION platform.heads(text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION platform.heads(text[]) TO outrider_platform;

-- One person, one identity, however many tenants; what a tenant knows of them is its member row.
CREATE TABLE platform.identity (
    id uuid PRIMARY KEY,
    email text NOT NULL CHECK (email = lower(email)),
    password_hash text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (email)
);

CREATE TABLE platform.membership (
    tenant_id uuid NOT NULL REFERENCES platform.tenant (id),
    identity_id uuid NOT NULL REFERENCES platform.identity (id),
    member_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, identity_id)
);
CREATE INDEX ON platform.membership (identity_id);

-- Where this database was when it was made, or adopted last: elsewhere, it is a restored copy (ADR 0031).
CREATE TABLE platform.installation (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    cluster text NOT NULL,
    timeline integer NOT NULL,
    database bigint NOT NULL,
    adopted_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO platform.installation (cluster, timeline, database)
SELECT s.system_identifier::text, k.timeline_id, (SELECT oid::bigint FROM pg_database WHERE datname = current_database())
FROM pg_control_system() s, pg_control_checkpoint() k;

CREATE TABLE platform.signing_key (
    kid text PRIMARY KEY,
    private_pem text NOT NULL,
    public_pem text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    retired_at timestamptz
);
