# What a platform team writes for people who may look at orders and customers, and see neither e-mail nor ssn.
package policies.analysts

import data.sidegate.sql

hidden := {"email", "ssn"}

allow contains "analysts read orders and customers" if {
	sql.reads_only
	sql.only_touches({"public.orders", "public.customers"})
}

deny contains "masked columns are shown, and used for nothing else" if {
	some column in input.sql.columns
	column.relation == "public.customers"
	column.name in hidden
	some use in column.uses
	use != "output"
}

deny contains "whole rows of customers are not handed out" if {
	some column in input.sql.columns
	column.relation == "public.customers"
	"whole_row" in column.uses
}

mask contains {"column": "public.customers.ssn", "with": {"replace": {"value": "***"}}}

mask contains {"column": "public.customers.email", "with": {"partial": {"keep_last": 4}}}
