# What a company of a thousand people lets its services and agents do: roles from users and groups, grants by
# table and column, deny lists, networks, hours, approvals, masks. `data.org` is made by `benches/speed`.
package policies.org

import data.sidegate.sql

# ---- who is calling

user := data.org.users[input.caller.subject]

roles contains role if some role in user.roles

roles contains role if {
	some group in input.caller.groups
	some role in data.org.group_roles[group]
}

roles contains role if {
	some group in user.groups
	some role in data.org.group_roles[group]
}

is_dba if "dba" in roles

groups contains group if some group in user.groups

groups contains group if some group in input.caller.groups

# ---- which tables and columns

granted(relation, access) if {
	some role in roles
	access in data.org.roles[role].grants[relation].access
}

granted(relation, _) if startswith(relation, "pg_catalog.")

readable(relation, _) if {
	some role in roles
	data.org.roles[role].grants[relation].columns == "*"
}

readable(relation, column) if {
	some role in roles
	column in data.org.roles[role].grants[relation].columns
}

readable(relation, _) if startswith(relation, "pg_catalog.")

ungranted contains sprintf("%s on %s", [access, relation.id]) if {
	some relation in input.sql.relations
	some access in relation.access
	not granted(relation.id, access)
}

unreadable contains sprintf("%s.%s", [column.relation, column.name]) if {
	some column in input.sql.columns
	not readable(column.relation, column.name)
}

unreadable contains column.name if {
	some column in input.sql.columns
	is_null(column.relation)
}

# ---- allow

allow contains "a grant covers every table and column" if {
	not user.disabled
	sql.reads_only
	count(ungranted) == 0
	count(unreadable) == 0
}

allow contains "a grant covers every change" if {
	not user.disabled
	every effect in input.sql.effects {
		effect in {"read", "write", "session", "transaction"}
	}
	count(ungranted) == 0
	count(unreadable) == 0
}

allow contains "database administrators administrate" if {
	is_dba
	not user.disabled
	not "program" in input.sql.effects
}

# ---- deny lists

deny contains sprintf("nobody knows %s", [input.caller.subject]) if not data.org.users[input.caller.subject]

deny contains sprintf("%s is disabled", [input.caller.subject]) if user.disabled

deny contains sprintf("function %s is forbidden", [called.id]) if {
	some called in input.sql.functions
	called.name in data.org.deny.functions
}

deny contains sprintf("function %s has a forbidden prefix", [called.id]) if {
	some called in input.sql.functions
	some prefix in data.org.deny.function_prefixes
	startswith(called.name, prefix)
	not is_dba
}

deny contains sprintf("schema %s is forbidden", [relation.schema]) if {
	some relation in input.sql.relations
	relation.schema in data.org.deny.schemas
	not is_dba
}

deny contains "the statement looks like one that was abused before" if abused

abused if regex.match(`union[ \t\n]+all[ \t\n]+select[ \t\n]+null`, lower(input.sql.normalized))

abused if regex.match(`or[ \t\n]+1[ \t\n]*=[ \t\n]*1`, lower(input.sql.normalized))

abused if regex.match(`information_schema\.role`, lower(input.sql.normalized))

deny contains sprintf("%s is never allowed", [statement.command]) if {
	some statement in input.sql.statements
	statement.command in data.org.deny.commands
}

deny contains "whatever may change needs a condition" if {
	some statement in input.sql.statements
	statement.command in {"UPDATE", "DELETE"}
	not statement.where
	not is_dba
}

# ---- networks and hours

address := split(input.session.client.address, ":")[0]

trusted if {
	some range in data.org.networks.trusted
	net.cidr_contains(range, address)
}

production if input.target.labels.environment == "production"

deny contains "the client's address is blocked" if {
	some range in data.org.networks.blocked
	net.cidr_contains(range, address)
}

deny contains "production wants a trusted network" if {
	production
	not trusted
}

in_hours if {
	input.time.hour >= data.org.hours.from
	input.time.hour < data.org.hours.to
	not input.time.weekday in {"Saturday", "Sunday"}
}

deny contains "production is changed in business hours only" if {
	production
	sql.changes_data
	not in_hours
	not "oncall" in groups
}

# ---- approvals, masks, audit

approve contains {"reason": "changes what somebody owns", "approvers": [rule.owner]} if {
	some relation in input.sql.relations
	rule := data.org.approval[relation.id]
	some access in relation.access
	access in rule.access
	not rule.exempt in roles
}

approve contains {"reason": "changes the schema of production", "approvers": ["dba"]} if {
	production
	"ddl" in input.sql.effects
	not is_dba
}

exempt(rule) if {
	some group in rule.exempt
	group in groups
}

mask contains {"column": sprintf("%s.%s", [relation, column]), "with": rule.with} if {
	some relation, columns in data.org.masks
	some column, rule in columns
	not exempt(rule)
}

audit contains "strict" if {
	some relation in input.sql.relations
	relation.id in data.org.restricted
}
