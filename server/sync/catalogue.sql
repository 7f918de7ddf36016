-- Brings products, and what is in their scopes, in line with the assortments.
CREATE FUNCTION {{schema}}.refresh_products(products uuid[]) RETURNS void :head
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
CREATE FUNCTION {{schema}}.refresh_dated_products() RETURNS void :head
BEGIN:dated_productsEND $$;

-- After agreements changed, or who holds them: who sees the price lists that they name, or named. Of a list that no other
-- agreement names, everybody's sight may have changed: one that none names is everybody's.
CREATE FUNCTION {{schema}}.refresh_lists(agreements uuid[], lists uuid[]) RETURNS void :head
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
CREATE FUNCTION {{schema}}.refresh_places(members uuid[], places uuid[]) RETURNS void :head
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
                WHERE e.scope = g.scope AND e.entity = :agreement AND NOT e.gone LIMIT 1
            ) hit)
        UNION ALL
        SELECT g.member_id, h.id, false, g.level FROM {{schema}}.warehouse h
        JOIN {{schema}}.scope_grant g ON g.scope = h.member_id AND NOT g.gone JOIN who w ON w.id = g.member_id
        WHERE places IS NULL OR h.id = ANY (places)
    ), nearest AS (
        SELECT f.member_id, f.place, f.is_list, min(f.level) AS level FROM found f GROUP BY f.member_id, f.place, f.is_list
    ), part AS MATERIALIZED :parts, desired AS MATERIALIZED (
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
CREATE FUNCTION {{schema}}.refresh_places_after(anew uuid[], others uuid[], touched uuid[]) RETURNS void :head
BEGIN
    PERFORM {{schema}}.refresh_places(anew, NULL);
    PERFORM {{schema}}.refresh_places(ARRAY(SELECT unnest(others) EXCEPT SELECT unnest(anew)), ARRAY(
        SELECT a.price_list_id FROM {{schema}}.scope_entry e
        JOIN {{schema}}.agreement a ON a.id = e."row" AND a.deleted_at IS NULL
        WHERE e.scope = ANY (touched) AND e.entity = :agreement AND NOT e.gone
        UNION SELECT h.id FROM {{schema}}.warehouse h WHERE h.member_id = ANY (touched)));
END $$;
