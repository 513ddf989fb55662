# An application reads and writes its own tables. What only accidents and attacks do is refused.
package policies.guardrails

import data.guardrails
import data.sidegate.sql

allow contains "the application uses its own tables" if {
	within({"read", "write", "session", "transaction", "copy_in", "copy_out"})
	in_own_schemas
}

allow contains "migrations run in their window" if {
	within({"read", "write", "ddl", "session", "transaction"})
	"ddl" in input.sql.effects
	in_own_schemas
	in_window
}

allow contains "drivers may ask what the database looks like" if sql.metadata

deny contains reason if {
	some statement in input.sql.statements
	statement.command in {"UPDATE", "DELETE"}
	not filtered(statement)
	reason := sprintf("%s without a WHERE clause that selects rows", [statement.command])
}

deny contains reason if {
	some relation in input.sql.relations
	relation.id in guardrails.append_only
	some command in relation.commands
	command in {"UPDATE", "DELETE", "MERGE", "TRUNCATE", "TRUNCATE TABLE", "DROP TABLE", "ALTER TABLE"}
	reason := sprintf("%s is append-only", [relation.id])
}

deny contains "TRUNCATE is not for applications" if {
	some statement in input.sql.statements
	startswith(statement.command, "TRUNCATE")
}

deny contains "DDL outside the migration window" if {
	"ddl" in input.sql.effects
	not in_window
}

deny contains "the server's files and programs are out of reach" if {
	some effect in input.sql.effects
	effect in {"file", "program"}
}

alert contains {"severity": "medium", "message": "DDL by an application"} if "ddl" in input.sql.effects

audit contains "strict" if "ddl" in input.sql.effects

within(effects) if {
	every effect in input.sql.effects {
		effect in effects
	}
}

in_own_schemas if {
	relations := input.sql.relations
	every relation in relations {
		relation.schema in guardrails.schemas
	}
}

filtered(statement) if {
	statement.where == true
	statement.tautology == false
}

in_window if {
	input.time.weekday in guardrails.migration_window.weekdays
	input.time.hour >= guardrails.migration_window.from_hour
	input.time.hour < guardrails.migration_window.to_hour
}
