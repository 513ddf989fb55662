# What an application with its migrations and its tools needs.
package policies.shop

import data.sidegate.sql

deny contains "nobody reads payroll" if sql.touches({"public.payroll"})

allow contains "everyday work" if {
	every effect in input.sql.effects {
		effect in {"read", "write", "ddl", "session", "transaction", "copy_in", "copy_out", "notify"}
	}
}

allow contains "a nap, and what a sequence gave" if {
	every function in input.sql.functions {
		function.id in {"pg_catalog.currval", "pg_catalog.pg_sleep"}
	}
	count(input.sql.functions) > 0
	input.sql.relations == []
}

# \d TABLE, reflection, inspectdb, DatabaseMetaData.
allow contains "what tools ask of the catalogs" if sql.metadata

# SQLAlchemy asks for a setting by a parameter.
allow contains "what its reflection asks of the catalogs" if {
	input.sql.effects == ["procedure", "read"]
	every relation in input.sql.relations {
		relation.schema == "pg_catalog"
		not relation.name in {"pg_authid", "pg_statistic", "pg_stats"}
	}
	every function in input.sql.functions {
		function.id in {"pg_catalog.array_agg", "pg_catalog.current_setting", "pg_catalog.pg_table_is_visible"}
	}
	count(input.sql.functions) > 0
}

# Masks elsewhere are nothing that an application notices.
mask contains {"column": "public.payroll.salary", "with": {"replace": {"value": 0}}}
