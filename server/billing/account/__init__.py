"""Who is billed: the party, its tax ids and contacts. Never the tenant's own customers."""
