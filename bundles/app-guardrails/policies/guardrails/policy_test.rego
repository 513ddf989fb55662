package policies.guardrails.policy_test

import data.policies.guardrails

tuesday_nine := {"weekday": "Tuesday", "hour": 9}

friday := {"weekday": "Friday", "hour": 16}

statement(command, effects, id, time) := {
	"time": time,
	"sql": {
		"effects": effects,
		"statements": [{"command": command, "where": true, "tautology": false}],
		"relations": [{
			"id": id,
			"schema": split(id, ".")[0],
			"name": split(id, ".")[1],
			"commands": [command],
		}],
	},
}

unfiltered(command, where, tautology) := {
	"time": friday,
	"sql": {
		"effects": ["write"],
		"statements": [{"command": command, "where": where, "tautology": tautology}],
		"relations": [],
	},
}

test_the_application_reads_and_writes_its_tables if {
	every request in [
		statement("SELECT", ["read"], "public.orders", friday),
		statement("INSERT", ["write"], "public.orders", friday),
		statement("UPDATE", ["read", "write"], "public.orders", friday),
		statement("INSERT", ["write"], "public.audit_log", friday),
	] {
		count(guardrails.allow) == 1 with input as request
		count(guardrails.deny) == 0 with input as request
	}
}

test_other_schemas_are_not_its_own if {
	count(guardrails.allow) == 0 with input as statement("SELECT", ["read"], "payroll.salaries", friday)
}

test_functions_that_nobody_can_read_are_not_allowed if {
	count(guardrails.allow) == 0 with input as statement("SELECT", ["procedure", "read"], "public.orders", friday)
}

test_update_and_delete_need_a_where_that_selects if {
	guardrails.deny == {"DELETE without a WHERE clause that selects rows"} with input as unfiltered("DELETE", false, false)
	guardrails.deny == {"UPDATE without a WHERE clause that selects rows"} with input as unfiltered("UPDATE", true, true)
	count(guardrails.deny) == 0 with input as unfiltered("DELETE", true, false)
}

test_an_append_only_table_only_grows if {
	guardrails.deny["public.audit_log is append-only"] with input as statement("DELETE", ["write"], "public.audit_log", friday)
	guardrails.deny["public.audit_log is append-only"] with input as statement("TRUNCATE TABLE", ["write"], "public.audit_log", friday)
}

test_truncate_is_refused if {
	guardrails.deny["TRUNCATE is not for applications"] with input as statement("TRUNCATE TABLE", ["write"], "public.orders", friday)
}

test_migrations_run_in_their_window_only if {
	inside := statement("CREATE TABLE", ["ddl"], "public.orders", tuesday_nine)
	guardrails.allow == {"migrations run in their window"} with input as inside
	count(guardrails.deny) == 0 with input as inside
	guardrails.audit == {"strict"} with input as inside
	count(guardrails.alert) == 1 with input as inside
	guardrails.deny == {"DDL outside the migration window"} with input as statement("CREATE TABLE", ["ddl"], "public.orders", friday)
}

test_files_and_programs_are_refused if {
	guardrails.deny["the server's files and programs are out of reach"] with input as statement("COPY", ["program", "write"], "public.orders", friday)
}
