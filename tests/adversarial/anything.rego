# Everything is allowed to everybody, and masks are all that stands between them and e-mail and ssn.
package policies.analysts

allow contains "everything" if true

mask contains {"column": "public.customers.ssn", "with": {"replace": {"value": "***"}}}

mask contains {"column": "public.customers.email", "with": {"redact": {}}}
