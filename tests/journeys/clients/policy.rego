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

# \d TABLE, reflection, inspectdb, DatabaseMetaData: definitions are written out by functions that take a number.
allow contains "what tools ask of the catalogs" if {
	every effect in input.sql.effects {
		effect in {"read", "procedure"}
	}
	count(input.sql.relations) > 0
	every relation in input.sql.relations {
		relation.schema in {"information_schema", "pg_catalog"}
	}
	every function in input.sql.functions {
		describes(function)
	}
}

describes(function) if {
	function.builtin
	function.volatility == "immutable"
}

describes(function) if function.id in {
	"pg_catalog.current_database",
	"pg_catalog.current_schemas",
	"pg_catalog.current_setting",
	"pg_catalog.format_type",
	"pg_catalog.generate_series",
	"pg_catalog.json_build_object",
	"pg_catalog.obj_description",
	"pg_catalog.pg_collation_is_visible",
	"pg_catalog.pg_get_constraintdef",
	"pg_catalog.pg_get_expr",
	"pg_catalog.pg_get_indexdef",
	"pg_catalog.pg_get_serial_sequence",
	"pg_catalog.pg_get_statisticsobjdef_columns",
	"pg_catalog.pg_get_triggerdef",
	"pg_catalog.pg_partition_ancestors",
	"pg_catalog.pg_relation_is_publishable",
	"pg_catalog.pg_table_is_visible",
}

# Masks elsewhere are nothing that an application notices.
mask contains {"column": "public.payroll.salary", "with": {"replace": {"value": 0}}}
