package policies.shop

import data.sidegate.sql

allow contains "analysts may read orders and customers" if {
	"analysts" in input.caller.groups
	sql.reads_only
	sql.only_touches({"public.orders", "public.customers"})
}

allow contains "analysts may change orders, with a yes" if {
	"analysts" in input.caller.groups
	input.sql.effects == ["write"]
	sql.only_touches({"public.orders"})
}

deny contains "nobody drops tables" if "ddl" in input.sql.effects

mask contains {"column": "public.customers.email", "with": {"partial": {"keep_last": 8}}} if not "support" in input.caller.groups

approve contains {"reason": "changes rows", "approvers": ["dba"]} if sql.changes_data
