# What a platform team writes that relies on masks alone: whoever may read customers may do what they like with them.
package policies.analysts

import data.sidegate.sql

allow contains "analysts read orders and customers" if {
	sql.reads_only
	sql.only_touches({"public.orders", "public.customers"})
}

mask contains {"column": "public.customers.ssn", "with": {"replace": {"value": "***"}}}

mask contains {"column": "public.customers.email", "with": {"null": {}}}
