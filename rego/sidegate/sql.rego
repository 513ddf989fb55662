# What authors ask most about a statement, in one place.
package sidegate.sql

reads_only if {
	count(input.sql.effects) > 0
	every effect in input.sql.effects {
		effect in {"read", "session", "transaction"}
	}
}
