# Everything passes, what cannot be read as well: the suite is to see the database as it is.
package policies.regress

allow contains "the regression suite"

allow_unparsed contains "the regression suite"
