# What a platform team writes that masks nothing: e-mail and ssn are not to be used at all.
package policies.analysts

import data.sidegate.sql

hidden := {"email", "ssn"}

allow contains "analysts read orders and customers" if {
	sql.reads_only
	sql.only_touches({"public.orders", "public.customers"})
}

deny contains "nobody asks for e-mail and ssn" if {
	some column in input.sql.columns
	column.relation == "public.customers"
	column.name in hidden
}

deny contains "whole rows have e-mail and ssn in them" if {
	some column in input.sql.columns
	some use in column.uses
	use == "whole_row"
}

deny contains "a star has e-mail and ssn in it" if {
	some column in input.sql.columns
	column.name == "*"
	column.relation != "public.orders"
}
