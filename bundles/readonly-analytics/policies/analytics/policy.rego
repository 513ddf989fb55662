# Analysts look; they do not touch. Everything that is not said here is refused.
package policies.analytics

import data.sidegate.sql

allow contains "analysts may read the published tables" if {
	sql.reads_only
	sql.only_touches(data.analytics.readable)
}

allow contains "anybody may ask what the database looks like" if sql.metadata

deny contains "analytics is read-only: ask the data team for changes" if sql.changes_data

deny contains "grants are made by the data team" if "dcl" in input.sql.effects

deny contains "bulk exports go through the data team" if "copy_out" in input.sql.effects

deny contains reason if {
	some setting in input.sql.settings
	not setting.name in harmless
	reason := sprintf("the setting %s is fixed here", [setting.name])
}

harmless := {"application_name", "datestyle", "extra_float_digits", "intervalstyle", "timezone"}
