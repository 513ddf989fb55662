package policies.analytics.policy_test

import data.policies.analytics

statement(effects, tables) := {"sql": {
	"effects": effects,
	"relations": [{"id": id, "schema": schema, "name": name} |
		some id in tables
		[schema, name] := split(id, ".")
	],
	"settings": [],
}}

test_published_tables_may_be_read if {
	request := statement(["read"], ["public.customers", "public.orders"])
	analytics.allow == {"analysts may read the published tables"} with input as request
	count(analytics.deny) == 0 with input as request
}

test_other_tables_may_not if {
	count(analytics.allow) == 0 with input as statement(["read"], ["public.customers", "public.salaries"])
}

test_describing_tables_is_allowed if {
	analytics.allow["anybody may ask what the database looks like"] with input as statement(
		["read"],
		["pg_catalog.pg_class", "pg_catalog.pg_attribute"],
	)
}

test_password_hashes_are_not_metadata if {
	count(analytics.allow) == 0 with input as statement(["read"], ["pg_catalog.pg_authid"])
}

test_every_change_is_refused_with_a_reason if {
	every effect in ["write", "copy_in", "ddl", "procedure", "file", "program", "unknown"] {
		request := statement([effect], ["public.customers"])
		analytics.deny["analytics is read-only: ask the data team for changes"] with input as request
		count(analytics.allow) == 0 with input as request
	}
}

test_grants_and_exports_are_refused if {
	analytics.deny["grants are made by the data team"] with input as statement(["dcl"], [])
	analytics.deny["bulk exports go through the data team"] with input as statement(["copy_out", "read"], ["public.orders"])
}

test_only_harmless_settings_change if {
	role := {"sql": {"effects": ["settings"], "relations": [], "settings": [{"name": "role", "value": "admin", "local": false}]}}
	analytics.deny == {"the setting role is fixed here"} with input as role
	zone := {"sql": {"effects": ["session"], "relations": [], "settings": [{"name": "timezone", "value": "UTC", "local": false}]}}
	count(analytics.deny) == 0 with input as zone
}
