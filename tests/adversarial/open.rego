# What a platform team writes that lets an application do its work, without anybody's e-mail and ssn.
package policies.applications

allow contains "the application works" if true

mask contains {"column": "public.customers.ssn", "with": {"replace": {"value": "***"}}}

mask contains {"column": "public.customers.email", "with": {"partial": {"keep_last": 4}}}
