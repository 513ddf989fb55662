package sidegate.sql_test

import data.sidegate.sql

statement(effects, relations) := {"sql": {"effects": effects, "relations": relations}}

relation(schema, name) := {"id": sprintf("%s.%s", [schema, name]), "schema": schema, "name": name}

customers := relation("public", "customers")

orders := relation("public", "orders")

test_a_select_only_reads if {
	sql.reads_only with input as statement(["read"], [customers])
}

test_a_begin_only_reads if {
	sql.reads_only with input as statement(["transaction"], [])
}

test_nothing_else_only_reads if {
	every effect in {
		"copy_in", "copy_out", "dcl", "ddl", "file", "notify", "procedure", "program", "settings", "unknown", "write",
	} {
		not sql.reads_only with input as statement(["read", effect], [customers])
	}
}

test_without_a_statement_nothing_is_said if {
	not sql.reads_only with input as {"stage": "session"}
	not sql.changes_data with input as {"stage": "session"}
	not sql.metadata with input as {"stage": "session"}
	not sql.touches({"public.customers"}) with input as {"stage": "session"}
	not sql.only_touches({"public.customers"}) with input as {"stage": "session"}
}

test_what_may_change_data_changes_data if {
	every effect in {"write", "copy_in", "ddl", "procedure", "file", "program", "unknown"} {
		sql.changes_data with input as statement(["read", effect], [customers])
	}
}

test_reads_and_session_state_do_not_change_data if {
	not sql.changes_data with input as statement(["copy_out", "read", "session", "settings", "transaction"], [])
}

test_touches_takes_sets_and_arrays if {
	sql.touches({"public.customers"}) with input as statement(["read"], [customers, orders])
	sql.touches(["public.orders"]) with input as statement(["read"], [customers, orders])
	not sql.touches({"public.invoices"}) with input as statement(["read"], [customers, orders])
	not sql.touches(set()) with input as statement(["read"], [customers])
}

test_only_touches_wants_every_relation if {
	sql.only_touches({"public.customers", "public.orders"}) with input as statement(["read"], [customers, orders])
	not sql.only_touches({"public.customers"}) with input as statement(["read"], [customers, orders])
	not sql.only_touches({"public.customers"}) with input as statement(["read"], [{"id": "?.customers", "schema": null, "name": "customers"}])
}

test_only_touches_is_true_of_what_touches_nothing if {
	sql.only_touches(set()) with input as statement(["read"], [])
}

test_relations_that_are_not_known_are_in_no_list if {
	not sql.only_touches({"public.customers"}) with input as statement(["unknown"], null)
	not sql.touches({"public.customers"}) with input as statement(["unknown"], null)
	not sql.metadata with input as statement(["read"], null)
}

test_describing_a_table_is_metadata if {
	sql.metadata with input as statement(["read"], [relation("pg_catalog", "pg_class"), relation("pg_catalog", "pg_attribute")])
	sql.metadata with input as statement(["read"], [relation("information_schema", "columns")])
	sql.metadata with input as statement(["read"], [])
}

test_a_user_table_is_not_metadata if {
	not sql.metadata with input as statement(["read"], [relation("pg_catalog", "pg_class"), customers])
	not sql.metadata with input as statement(["read"], [relation("public", "pg_class")])
}

test_catalogs_that_hold_secrets_or_rows_are_not_metadata if {
	every name in {
		"pg_authid", "pg_shadow", "pg_statistic", "pg_stats", "pg_largeobject", "pg_stat_activity", "pg_user_mapping",
		"pg_user_mappings", "pg_subscription", "pg_hba_file_rules", "pg_prepared_statements",
	} {
		not sql.metadata with input as statement(["read"], [relation("pg_catalog", name)])
	}
	every name in {"user_mapping_options", "_pg_user_mappings"} {
		not sql.metadata with input as statement(["read"], [relation("information_schema", name)])
	}
}

test_a_change_of_a_catalog_is_not_metadata if {
	not sql.metadata with input as statement(["write"], [relation("pg_catalog", "pg_class")])
}

test_what_only_describes_is_metadata if {
	describing := {"sql": {"effects": ["procedure", "read"], "describes": true, "relations": [relation("pg_catalog", "pg_class")]}}
	sql.metadata with input as describing
	not sql.metadata with input as {"sql": object.union(describing.sql, {"describes": false})}
	not sql.metadata with input as {"sql": object.union(describing.sql, {"effects": ["procedure", "write"]})}
	not sql.metadata with input as {"sql": object.union(describing.sql, {"relations": [customers]})}
	not sql.reads_only with input as describing
}
