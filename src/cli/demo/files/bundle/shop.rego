package policies.shop

import data.sidegate.sql

# Save this file and the next statement is judged by the new text.

allow contains "the shop may be read" if {
	sql.reads_only
	sql.only_touches({"public.customers", "public.orders"})
}

# What psql's \d and drivers ask of PostgreSQL's own catalogs.
allow contains "metadata" if sql.metadata

deny contains "customers and orders are read-only here; ask the shop team" if sql.changes_data

deny contains "the schema is not changed from here" if "ddl" in input.sql.effects
