"""Generates the views that say what each member is granted, and the functions that keep the grants equal to them."""

from server.sync.catalogue import (
    ASSORTED_PRODUCT_VIEW,
    CATEGORY_BELOW_VIEW,
    OWN_CATALOGUE_VIEW,
    PAIR_SCOPE_FUNCTION,
    PARTS,
    REFRESH_FUNCTIONS,
)
from server.sync.scopes import ACTIVE_MEMBER_VIEW, GRANTED_VIEW, OFFICE_SCOPE, WORKED_OUTLET_VIEW


def grants_sql() -> str:
    """Views and functions, in an order in which they can be made."""
    chosen = "(members IS NULL OR {0}.member_id = ANY (members)) AND (scopes IS NULL OR {0}.scope = ANY (scopes))"
    return f"""{PAIR_SCOPE_FUNCTION}
CREATE VIEW {{{{schema}}}}.category_below AS{CATEGORY_BELOW_VIEW};

CREATE VIEW {{{{schema}}}}.assorted_product AS{ASSORTED_PRODUCT_VIEW};

CREATE VIEW {{{{schema}}}}.active_member AS{ACTIVE_MEMBER_VIEW};

CREATE VIEW {{{{schema}}}}.worked_outlet AS{WORKED_OUTLET_VIEW};

CREATE VIEW {{{{schema}}}}.own_catalogue AS{OWN_CATALOGUE_VIEW};

CREATE VIEW {{{{schema}}}}.granted AS{GRANTED_VIEW};

-- Brings the grants in line with the view. NULL stands for all members, or all scopes. Of several levels the nearest
-- counts: whoever reads as far as a farther one reads as far as it.
CREATE FUNCTION {{{{schema}}}}.refresh_grants(members uuid[], scopes uuid[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE r bigint; moment timestamptz; anew uuid[]; others uuid[]; touched uuid[];
BEGIN
    IF cardinality(members) = 0 OR cardinality(scopes) = 0 THEN RETURN; END IF;
    SELECT c.revision, c.at INTO r, moment FROM {{{{schema}}}}.revision_counter c;
    WITH desired AS MATERIALIZED (
        SELECT v.member_id, v.scope, min(v.level)::smallint AS level FROM {{{{schema}}}}.granted v WHERE {chosen.format("v")}
        GROUP BY v.member_id, v.scope
    ), lost AS (
        UPDATE {{{{schema}}}}.scope_grant g SET gone = true, revision = r, at = moment
        WHERE NOT g.gone AND NOT g.of_place AND {chosen.format("g")}
        AND NOT EXISTS (SELECT 1 FROM desired d WHERE d.member_id = g.member_id AND d.scope = g.scope AND d.level = g.level)
        RETURNING g.member_id, g.scope, g.level
    ), gained AS (
        INSERT INTO {{{{schema}}}}.scope_grant AS g (member_id, scope, level, revision, gone, at)
        SELECT d.member_id, d.scope, d.level, r, false, moment FROM desired d
        ON CONFLICT (member_id, scope, level) DO UPDATE SET gone = false, revision = r, at = moment WHERE g.gone
        RETURNING g.member_id, g.scope, g.level
    )
    SELECT coalesce(array_agg(DISTINCT c.member_id) FILTER (
            WHERE c.scope = '{OFFICE_SCOPE}' OR c.scope IN (SELECT p.scope FROM {PARTS} p)), '{{}}'),
        coalesce(array_agg(DISTINCT c.member_id) FILTER (WHERE c.level < 4), '{{}}'),
        coalesce(array_agg(DISTINCT c.scope) FILTER (WHERE c.level < 4), '{{}}')
    INTO anew, others, touched
    FROM (SELECT * FROM lost UNION ALL SELECT * FROM gained) c;
    PERFORM {{{{schema}}}}.refresh_places_after(anew, others, touched);
END $$;
{REFRESH_FUNCTIONS}"""
