# METADATA
# title: Questions that policies ask about SQL
# description: >-
#   Shipped with sidegate and served beside every bundle as data.sidegate.sql.
#   Everything here is about one statement, or one simple query, as a whole.
package sidegate.sql

# METADATA
# description: >-
#   The statement reads, sets harmless session state or steers a transaction, and nothing else.
default reads_only := false

reads_only if {
	effects := input.sql.effects
	every effect in effects {
		effect in {"read", "session", "transaction"}
	}
}

# METADATA
# description: >-
#   The statement changes data, or runs what could. Made for `deny` and `approve`; to allow a
#   change, name its effects (`input.sql.effects == ["write"]`).
default changes_data := false

changes_data if {
	some effect in input.sql.effects
	effect in {"write", "copy_in", "ddl", "procedure", "file", "program", "unknown"}
}

# METADATA
# description: >-
#   The statement touches at least one of these relations, in whatever way. `ids` is a set or an
#   array of `schema.name`.
touches(ids) if {
	is_array(input.sql.relations)
	some relation in input.sql.relations
	relation.id in ids
}

# METADATA
# description: >-
#   The statement touches no relation but these. True of one that touches none.
only_touches(ids) if {
	relations := input.sql.relations
	is_array(relations)
	every relation in relations {
		relation.id in ids
	}
}

# METADATA
# description: >-
#   The statement asks what the database looks like, as psql's `\d` and drivers do: it reads the
#   catalogs that describe objects, or nothing. Not the ones that hold passwords, samples of
#   rows, large objects or other sessions' statements.
default metadata := false

metadata if {
	describes
	relations := input.sql.relations
	is_array(relations)
	every relation in relations {
		is_catalog(relation)
	}
}

# METADATA
# description: >-
#   The statement reads, sets harmless session state or steers a transaction, and whatever it calls beyond that writes
#   out definitions: PostgreSQL's functions that take an object by its number.
default describes := false

describes if reads_only

describes if {
	input.sql.describes
	effects := input.sql.effects
	every effect in effects {
		effect in {"read", "procedure", "session", "transaction"}
	}
}

# Of these two, one has the passwords of user mappings and the other is made of it.
is_catalog(relation) if {
	relation.schema == "information_schema"
	not relation.name in {"_pg_user_mappings", "user_mapping_options"}
}

is_catalog(relation) if {
	relation.schema == "pg_catalog"
	relation.name in catalogs
}

catalogs := {
	"pg_aggregate",
	"pg_am",
	"pg_amop",
	"pg_amproc",
	"pg_attrdef",
	"pg_attribute",
	"pg_auth_members",
	"pg_available_extension_versions",
	"pg_available_extensions",
	"pg_cast",
	"pg_class",
	"pg_collation",
	"pg_constraint",
	"pg_conversion",
	"pg_database",
	"pg_db_role_setting",
	"pg_default_acl",
	"pg_depend",
	"pg_description",
	"pg_enum",
	"pg_event_trigger",
	"pg_extension",
	"pg_foreign_data_wrapper",
	"pg_foreign_server",
	"pg_foreign_table",
	"pg_index",
	"pg_indexes",
	"pg_inherits",
	"pg_init_privs",
	"pg_language",
	"pg_largeobject_metadata",
	"pg_matviews",
	"pg_namespace",
	"pg_opclass",
	"pg_operator",
	"pg_opfamily",
	"pg_parameter_acl",
	"pg_partitioned_table",
	"pg_policies",
	"pg_policy",
	"pg_proc",
	"pg_publication",
	"pg_publication_namespace",
	"pg_publication_rel",
	"pg_publication_tables",
	"pg_range",
	"pg_rewrite",
	"pg_roles",
	"pg_rules",
	"pg_sequence",
	"pg_settings",
	"pg_shdepend",
	"pg_shdescription",
	"pg_statistic_ext",
	"pg_tables",
	"pg_tablespace",
	"pg_timezone_abbrevs",
	"pg_timezone_names",
	"pg_transform",
	"pg_trigger",
	"pg_ts_config",
	"pg_ts_config_map",
	"pg_ts_dict",
	"pg_ts_parser",
	"pg_ts_template",
	"pg_type",
	"pg_views",
}
