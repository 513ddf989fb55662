# What an application with its migrations and its tools needs.
package policies.shop

import data.sidegate.sql

deny contains "nobody reads payroll" if sql.touches({"public.payroll"})

allow contains "everyday work" if {
	every effect in input.sql.effects {
		effect in {"read", "write", "ddl", "session", "transaction", "copy_in", "copy_out", "notify"}
	}
}

allow contains "a nap" if {
	every function in input.sql.functions {
		function.id == "pg_catalog.pg_sleep"
	}
	input.sql.relations == []
}
