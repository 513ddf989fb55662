# Whoever writes out definitions may look at the shop and at the catalogs; of wages, nobody sees a figure.
package policies.tools

import data.sidegate.sql

allow contains "the shop" if {
	sql.reads_only
	every relation in input.sql.relations {
		relation.schema in {"public", "museum"}
	}
}

allow contains "definitions" if sql.metadata

mask contains {"column": "public.payroll.salary", "with": {"replace": {"value": 0}}}
