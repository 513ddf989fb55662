# What applications say, and what is told to nobody else. A block is one exchange, with an empty line around it. Words in
# front of it: `open` (in a transaction that rolls back, under the policy that lets everything happen), `alone` (the same
# without a transaction), `simple` (as a simple query only), `fails` (the server refuses part of it), `temp` (numbers of
# tables differ), `15` and `18` (on this version only). `\g` ends a statement of several, `\bind` has its values, `\copy`
# the rows that COPY takes.

SELECT 1

select version()

SELECT orders.id, orders.customer_id, orders.total, orders.note FROM orders WHERE orders.id = 7

SELECT "orders"."id", "orders"."total" FROM "orders" WHERE "orders"."id" = $1 LIMIT 21 \bind 7

SELECT "orders".* FROM "orders" ORDER BY "orders"."id" ASC LIMIT $1 \bind 1

SELECT 1 AS one FROM "orders" WHERE "orders"."note" = $1 LIMIT $2 \bind note5 1

SELECT COUNT(*) AS "__count" FROM "orders"

SELECT (1) AS "a" FROM "orders" WHERE "orders"."total" > 5 LIMIT 1

SELECT o1_0.id,o1_0.customer_id,o1_0.total FROM orders o1_0 WHERE o1_0.customer_id=$1 ORDER BY o1_0.id FETCH FIRST $2 ROWS ONLY \bind 3 5

SELECT "public"."orders"."id", "public"."orders"."total" FROM "public"."orders" WHERE ("public"."orders"."id" = $1 AND 1=1) LIMIT $2 OFFSET $3 \bind 5 1 0

SELECT anon_1.id AS anon_1_id FROM (SELECT orders.id AS id, orders.total AS total FROM orders ORDER BY orders.id LIMIT 10) AS anon_1 LEFT OUTER JOIN customers AS customers_1 ON anon_1.id = customers_1.id

SELECT c.id, c.name, o.id, o.total FROM customers c LEFT OUTER JOIN orders o ON o.customer_id = c.id WHERE c.id IN ($1, $2) ORDER BY c.id, o.id \bind 3 4

SELECT c.name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.total > 900) ORDER BY 1

SELECT id, name FROM customers WHERE name ILIKE '%me1%' ORDER BY lower(name), id

SELECT id, name FROM customers WHERE name LIKE 'name\_%' ESCAPE '\' ORDER BY id

SELECT id FROM orders WHERE id = ANY($1::int[]) ORDER BY id \bind {1,2,3}

SELECT id FROM orders WHERE id = ANY(ARRAY[1,2,3]) ORDER BY id

SELECT DISTINCT customer_id FROM orders ORDER BY customer_id

SELECT id FROM orders ORDER BY total DESC NULLS LAST, id ASC NULLS FIRST OFFSET 5 ROWS FETCH NEXT 3 ROWS ONLY

SELECT id, total FROM orders ORDER BY total DESC FETCH FIRST 3 ROWS WITH TIES

SELECT DISTINCT ON (customer_id) customer_id, id, total FROM orders ORDER BY customer_id, total DESC

SELECT count(*), count(DISTINCT customer_id), sum(total), avg(total), min(total), max(total) FROM orders

SELECT customer_id, count(*) FROM orders GROUP BY customer_id HAVING count(*) > 4 ORDER BY count(*) DESC, customer_id

SELECT customer_id, count(*) FILTER (WHERE total > 500) AS big, count(*) FILTER (WHERE total <= 500) AS small FROM orders GROUP BY 1 ORDER BY 1

SELECT CASE WHEN total > 500 THEN 'big' WHEN total > 100 THEN 'mid' ELSE 'small' END AS bucket, count(*) FROM orders GROUP BY 1 ORDER BY 1

SELECT COALESCE(note, '(none)'), NULLIF(total, 0), GREATEST(total, 100), LEAST(total, 100) FROM orders ORDER BY id LIMIT 5

SELECT id, row_number() OVER (ORDER BY id), rank() OVER (PARTITION BY customer_id ORDER BY total DESC), lag(total) OVER w, lead(total, 1, 0) OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id) ORDER BY id

SELECT id, sum(total) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) FROM orders ORDER BY id

SELECT id, sum(total) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM orders ORDER BY id

SELECT id, avg(total) OVER (ORDER BY total RANGE BETWEEN 10 PRECEDING AND 10 FOLLOWING) FROM orders ORDER BY id

SELECT id, count(*) OVER (ORDER BY customer_id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) FROM orders ORDER BY id

SELECT id, ntile(4) OVER (ORDER BY total), first_value(id) OVER (ORDER BY total), nth_value(id, 2) OVER (ORDER BY total ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING), percent_rank() OVER (ORDER BY total), cume_dist() OVER (ORDER BY total) FROM orders ORDER BY id

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total), percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY total), mode() WITHIN GROUP (ORDER BY customer_id) FROM orders

SELECT rank(500) WITHIN GROUP (ORDER BY total) FROM orders

SELECT customer_id, total, count(*), grouping(customer_id, total) FROM orders WHERE id < 5 GROUP BY GROUPING SETS ((customer_id), (total), ()) ORDER BY 1, 2

SELECT customer_id, total, count(*) FROM orders WHERE id < 5 GROUP BY ROLLUP (customer_id, total) ORDER BY 1, 2

SELECT customer_id, total, count(*) FROM orders WHERE id < 5 GROUP BY CUBE (customer_id, total) ORDER BY 1, 2, 3

SELECT customer_id, total, count(*) FROM orders WHERE id < 5 GROUP BY GROUPING SETS (ROLLUP (customer_id), CUBE (total)) ORDER BY 1, 2, 3

SELECT customer_id, id, count(*) FROM orders WHERE id < 3 GROUP BY DISTINCT ROLLUP (customer_id, id), ROLLUP (customer_id) ORDER BY 1, 2

WITH big AS (SELECT * FROM orders WHERE total > 900) SELECT id FROM big ORDER BY id

WITH big AS MATERIALIZED (SELECT * FROM orders WHERE total > 900), small AS NOT MATERIALIZED (SELECT * FROM orders WHERE total < 30) SELECT id FROM big UNION ALL SELECT id FROM small ORDER BY id

WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t

WITH RECURSIVE days AS (SELECT date '2024-01-01' AS d UNION ALL SELECT (d + interval '1 day')::date FROM days WHERE d < date '2024-01-10') SELECT d, to_char(d, 'Dy DD Mon') FROM days

WITH RECURSIVE g(id, customer_id) AS (SELECT id, customer_id FROM orders WHERE id = 1 UNION ALL SELECT o.id, o.customer_id FROM orders o JOIN g ON o.id = g.customer_id WHERE o.id < 20) SEARCH DEPTH FIRST BY id SET ordercol CYCLE id SET is_cycle USING path SELECT * FROM g

WITH RECURSIVE g(id, customer_id) AS (SELECT id, customer_id FROM orders WHERE id = 1 UNION ALL SELECT o.id, o.customer_id FROM orders o JOIN g ON o.id = g.customer_id WHERE o.id < 20) SEARCH BREADTH FIRST BY id SET seq CYCLE id SET is_cycle TO 'Y' DEFAULT 'N' USING path SELECT id, is_cycle FROM g ORDER BY seq

SELECT c.name, l.total FROM customers c CROSS JOIN LATERAL (SELECT o.total FROM orders o WHERE o.customer_id = c.id ORDER BY o.total DESC LIMIT 2) l ORDER BY 1, 2

SELECT c.name, l.n FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.id) l ON true ORDER BY c.id

SELECT g FROM generate_series(1, 5) g

SELECT g.n, o.id FROM generate_series(1, 5) AS g(n) LEFT JOIN orders o ON o.id = g.n

SELECT d::date FROM generate_series('2024-01-01'::timestamp, '2024-01-05', '1 day') AS d

SELECT time_bucket.b, count(o.id) FROM generate_series(0, 900, 100) AS time_bucket(b) LEFT JOIN orders o ON o.total >= time_bucket.b AND o.total < time_bucket.b + 100 GROUP BY 1 ORDER BY 1

SELECT * FROM unnest(ARRAY[1,2], ARRAY['x','y','z']) AS u(a, b)

SELECT id FROM orders WHERE total BETWEEN SYMMETRIC 500 AND 100 ORDER BY id LIMIT 3

SELECT id FROM orders WHERE total NOT BETWEEN SYMMETRIC 900 AND 50 ORDER BY id LIMIT 3

SELECT id FROM orders WHERE (customer_id, total) > (5, 100) ORDER BY id LIMIT 5

SELECT id FROM orders WHERE (customer_id, total) IN ((2, 10), (3, 20))

SELECT id FROM orders WHERE ROW(customer_id, total) = ROW(2, 10.00)

SELECT id FROM orders WHERE (customer_id, total) IS NOT DISTINCT FROM (2, 10.00)

SELECT id FROM orders WHERE note IS DISTINCT FROM 'note3' ORDER BY id LIMIT 3

SELECT id FROM orders EXCEPT SELECT id FROM orders WHERE id > 3 ORDER BY 1

SELECT id FROM orders WHERE id < 5 INTERSECT ALL SELECT id FROM customers ORDER BY 1

(SELECT id FROM orders ORDER BY id LIMIT 1) UNION (SELECT id FROM orders ORDER BY id DESC LIMIT 1) ORDER BY id

TABLE orders LIMIT 3

TABLE orders ORDER BY id DESC LIMIT 2

SELECT * FROM orders TABLESAMPLE SYSTEM (100) REPEATABLE (42) ORDER BY id LIMIT 3

SELECT count(*) FROM orders TABLESAMPLE BERNOULLI (100)

SELECT id FROM orders o ORDER BY id LIMIT ALL

SELECT id FROM orders NATURAL JOIN (SELECT 1 AS id) x

SELECT customer_id, name FROM orders JOIN (SELECT id AS customer_id, name FROM customers) c USING (customer_id) ORDER BY orders.id LIMIT 3

SELECT o.id, c.name FROM orders o FULL OUTER JOIN customers c ON c.id = o.id ORDER BY o.id NULLS LAST, c.id LIMIT 5

SELECT o.id FROM ((orders o JOIN customers c ON c.id = o.customer_id)) ORDER BY o.id LIMIT 2

SELECT date '2024-02-29', time '12:00', timestamp '2024-01-01 00:00:00', timestamptz '2024-01-01 00:00:00+00', interval '1 day 2 hours'

SELECT interval '1' day, interval '2-3' year to month, interval '1 02:03' day to minute, interval(3) '1.2345 seconds', interval '1.5' second(2)

SELECT timestamp with time zone '2024-01-01 00:00:00+02' AT TIME ZONE 'UTC', timestamp without time zone '2024-01-01' AT TIME ZONE 'Europe/Berlin'

SELECT now() - interval '30 days' < now(), current_date = current_date, localtimestamp IS NOT NULL, current_timestamp(3) IS NOT NULL

SELECT date_trunc('month', timestamp '2024-05-17 10:00'), extract(epoch FROM interval '1 hour'), date_part('dow', date '2024-05-17'), age(timestamp '2024-05-17', timestamp '2020-01-01')

SELECT date_trunc('day', timestamptz '2024-05-17 10:00+00', 'Australia/Sydney'), date_bin('15 minutes', timestamp '2024-05-17 10:07', timestamp '2001-01-01'), make_interval(days => 3, hours := 2), make_date(2024, 1, 2), to_timestamp(0)

SELECT (date '2024-01-01', date '2024-02-01') OVERLAPS (date '2024-01-15', interval '1 month')

SELECT date '2024-01-01' + 7, date '2024-03-01' - date '2024-02-01', date '2024-01-31' + interval '1 month', timestamp '2024-01-01' + '1 day', 2 * interval '1 hour'

SELECT -id, +id, ~id, id % 3, id ^ 2, |/ 16, ||/ 27, @ (-5), id & 3, id | 8, id # 5, id << 2, id >> 1, 5 / 2, 5.0 / 2 FROM orders ORDER BY id LIMIT 1

SELECT regexp_replace(note, '\d+', 'N'), regexp_matches(note, '(\d)'), substring(note from 'e(\d+)'), substring(note from 1 for 2), substring(note for 2), position('t' in note), overlay(note placing 'X' from 2 for 1), trim(both 'n' from note), trim(leading from note), trim(note), split_part(note, 'e', 2), regexp_split_to_array(note, 't') FROM orders ORDER BY id LIMIT 2

SELECT upper(note), initcap(note), length(note), reverse(note), lpad(note, 8, '*'), left(note, 2), right(note, 2), md5(note), replace(note, 'n', 'm'), translate(note, 'no', 'xy'), concat(note, '-', id), concat_ws(',', note, NULL, id), format('%s-%I-%L', note, 'A b', 'q''q'), quote_ident('A'), ascii('a'), chr(65), to_hex(255), encode('abc', 'base64'), decode('YWJj', 'base64'), strpos(note, 't'), starts_with(note, 'no') FROM orders ORDER BY id LIMIT 2

SELECT to_char(total, 'FM999G990D00'), to_char(timestamp '2024-01-02', 'YYYY-MM-DD HH24:MI:SS'), to_date('2024-01-02', 'YYYY-MM-DD'), to_number('1,234.5', '9G999D9'), round(total / 3, 2), ceil(1.2), floor(1.8), trunc(1.55, 1), mod(7, 3), power(2, 10), sqrt(16), ln(1), log(100), exp(0), sign(-2), abs(-2), width_bucket(total, 0, 1000, 10), random() < 2 FROM orders ORDER BY id LIMIT 2

SELECT string_agg(note, ', ' ORDER BY id), array_agg(id ORDER BY id DESC), json_agg(id ORDER BY id), jsonb_object_agg(id, note), bool_and(total > 0), every(total > 0), bit_or(id), stddev(total), variance(total), corr(id, total), regr_slope(total, id) FROM orders WHERE id < 4

SELECT array_agg(DISTINCT customer_id), string_agg(DISTINCT note, ',' ORDER BY note) FROM orders WHERE id < 4

SELECT array_to_string(array_agg(id ORDER BY id) FILTER (WHERE id < 4), ',') FROM orders

SELECT 1 = ANY(ARRAY[1,2]), 3 <> ALL(ARRAY[1,2]), 5 > SOME(ARRAY[1,9]), id = ANY('{1,2}') FROM orders ORDER BY id LIMIT 1

SELECT id FROM orders WHERE id = ANY(SELECT id FROM customers WHERE id < 3) ORDER BY id

SELECT id FROM orders WHERE total > ALL(SELECT total FROM orders WHERE id < 99) ORDER BY id

SELECT int4range(1, 10) @> 5, int4range(1,5) && int4range(4,8), '[2024-01-01,2024-02-01)'::daterange @> date '2024-01-15', lower(int4range(1,5)), upper_inf(int4range(1, NULL)), int4range(1,5) * int4range(3,8), range_merge(int4range(1,2), int4range(5,6)), '{[1,3),[5,7)}'::int4multirange, isempty('empty'::int4range), int4range(1,5) -|- int4range(5,8)

SELECT range_agg(int4range(id, id + 1)) FROM orders WHERE id IN (1, 2, 5)

SELECT o.id, row_to_json(o) FROM orders o ORDER BY o.id LIMIT 2

SELECT row_to_json(t) FROM (SELECT id, total FROM orders ORDER BY id LIMIT 2) t

SELECT json_build_object('id', o.id, 'customer', (SELECT json_build_object('name', c.name) FROM customers c WHERE c.id = o.customer_id)) FROM orders o ORDER BY o.id LIMIT 2

SELECT coalesce(json_agg(row_to_json(x)), '[]'::json) FROM (SELECT id, total FROM orders ORDER BY id LIMIT 2) x

SELECT key, value FROM jsonb_each('{"a":1,"b":2}')

SELECT x.a, x.b FROM jsonb_to_recordset('[{"a":1,"b":"x"},{"a":2,"b":"y"}]') AS x(a int, b text)

SELECT * FROM json_to_record('{"a":1,"b":[1,2]}') AS x(a int, b int[])

SELECT * FROM jsonb_populate_record(NULL::orders, '{"id":1,"total":5}')

SELECT e->>'a' FROM jsonb_array_elements('[{"a":1},{"a":2}]') AS e

SELECT o.id, e.value FROM orders o, jsonb_array_elements_text('["x","y"]') WITH ORDINALITY AS e(value, n) WHERE o.id < 3 ORDER BY 1, 2

#18
SELECT * FROM JSON_TABLE('[{"a":1,"b":"x"},{"a":2}]'::jsonb, '$[*]' COLUMNS (n FOR ORDINALITY, a int PATH '$.a', b text PATH '$.b' DEFAULT 'none' ON EMPTY)) AS jt

#18
SELECT jt.* FROM orders o, JSON_TABLE(jsonb_build_object('tags', jsonb_build_array('x', o.note)), '$.tags[*]' COLUMNS (tag text PATH '$')) AS jt WHERE o.id < 3

#18
SELECT jt.* FROM JSON_TABLE('{"a":[{"b":1,"c":[{"d":2},{"d":3}]}]}'::jsonb, '$.a[*]' AS root COLUMNS (b int PATH '$.b', NESTED PATH '$.c[*]' AS kids COLUMNS (d int PATH '$.d'))) jt

#18
SELECT JSON_EXISTS(jsonb '{"a":1}', '$.a'), JSON_VALUE(jsonb '{"a":1}', '$.a' RETURNING int), JSON_QUERY(jsonb '{"a":[1,2]}', '$.a' WITH WRAPPER), JSON_QUERY(jsonb '{"a":"x"}', '$.a' OMIT QUOTES), JSON_VALUE(jsonb '{}', '$.b' DEFAULT 'x' ON EMPTY), JSON_VALUE(jsonb '{"a":5}', '$.a ? (@ > $x)' PASSING 3 AS x)

#18
SELECT '{}' IS JSON, '[1]' IS JSON ARRAY, '{"a":1,"a":2}' IS JSON OBJECT WITH UNIQUE KEYS, '1' IS NOT JSON SCALAR, JSON('{"a":1}'), JSON_SCALAR(5), JSON_SERIALIZE('{"a":1}' RETURNING text)

SELECT json_object('{a,1,b,2}'), json_object(ARRAY['a'], ARRAY['1'])

SELECT xmlelement(name order, xmlattributes(id AS n, note), xmlelement(name total, total)) FROM orders ORDER BY id LIMIT 2

SELECT xmlagg(xmlelement(name id, id) ORDER BY id DESC) FROM orders WHERE id < 4

SELECT * FROM ROWS FROM (jsonb_to_recordset('[{"a":1}]') AS (a int), generate_series(1, 2)) AS t(a, g)

SELECT to_tsvector('english', note) @@ to_tsquery('english', 'note1'), ts_rank(to_tsvector('english', note), plainto_tsquery('note1')), ts_headline('english', 'the quick fox', to_tsquery('fox')), websearch_to_tsquery('english', '"quick fox" -lazy'), 'fat & rat'::tsquery && 'cat'::tsquery, setweight(to_tsvector('a'), 'A') FROM orders ORDER BY id LIMIT 2

SELECT id FROM orders WHERE to_tsvector('simple', note) @@ phraseto_tsquery('simple', 'note7')

SELECT note COLLATE "C" FROM orders ORDER BY note COLLATE "C" DESC LIMIT 2

SELECT id FROM orders WHERE id OPERATOR(pg_catalog.=) 5

SELECT (o).id, (o).total FROM orders o ORDER BY 1 LIMIT 1

SELECT (o.*).note FROM orders o ORDER BY o.id LIMIT 1

SELECT (x).* FROM (SELECT o AS x FROM orders o ORDER BY o.id LIMIT 2) s

SELECT o FROM orders o ORDER BY o.id LIMIT 2

SELECT ROW(id, note), (id, total) FROM orders ORDER BY id LIMIT 1

SELECT id IS NULL, note IS NOT NULL, note ISNULL, note NOTNULL, (id > 1) IS TRUE, (id > 1) IS NOT FALSE, (id > 1) IS UNKNOWN, ROW(1, NULL) IS NULL FROM orders ORDER BY id LIMIT 1

SELECT NOT id = 1 AND (total > 5 OR note = 'x') FROM orders ORDER BY id LIMIT 1

SELECT pg_typeof(total), pg_column_size(id), num_nulls(1, NULL), num_nonnulls(1, NULL) FROM orders ORDER BY id LIMIT 1

SELECT 'x' IN ('x', 'y'), 5 NOT IN (1, 2), 5 IN (SELECT id FROM orders), NOT EXISTS (SELECT 1 FROM orders WHERE false)

SELECT normalize('a', NFC), 'a' IS NORMALIZED, 'a' IS NFKC NORMALIZED, collation for ('a'::text), unistr('d\0061'), to_ascii('x', 'LATIN1')

SELECT extract(year FROM date '2024-01-01'), extract('month' FROM timestamp '2024-02-01'), extract(dow FROM timestamptz '2024-02-01 00:00+00'), extract(isodow FROM date '2024-01-01'), extract(timezone_hour FROM timestamptz '2024-02-01 00:00+00')

SELECT ceiling(1.5), char_length('x'), character_length('x'), octet_length('x'), bit_length('x'), substr('abc', 2), ltrim('  x'), rtrim('x  '), btrim('xyx', 'x'), sha256('a'), gen_random_uuid() IS NOT NULL, div(7, 2), gcd(4, 6), lcm(4, 6), pi(), degrees(pi()), atan2(1, 1), cbrt(8), factorial(5), scale(1.20), trim_scale(1.20), hashtext('a'), isfinite(date 'today'), justify_days(interval '35 days'), timeofday() IS NOT NULL, clock_timestamp() >= statement_timestamp()

#open
SELECT id FROM orders FOR UPDATE

#open
SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.id = 1 FOR SHARE OF o NOWAIT

#open
INSERT INTO orders (id, customer_id, total, note) VALUES ($1, $2, $3, $4) RETURNING id \bind 501 1 9.99 hello

#open
INSERT INTO "orders" ("id", "customer_id", "total", "note") VALUES (501, 1, 1.00, 'a'), (502, 2, 2.00, NULL) RETURNING "orders"."id", "orders"."note"

#open
INSERT INTO orders (id, customer_id, total) VALUES (1, 2, 3) ON CONFLICT (id) DO UPDATE SET total = EXCLUDED.total, note = orders.note || '!' RETURNING id, total, note

#open
INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING

#open
INSERT INTO orders (id) VALUES (1) ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING RETURNING *

#open
CREATE UNIQUE INDEX orders_part ON orders (customer_id, id) WHERE total > 0 \g
INSERT INTO orders (id, customer_id, total) VALUES (1, 2, 3) ON CONFLICT (customer_id, id) WHERE total > 0 DO UPDATE SET total = EXCLUDED.total WHERE orders.total <> EXCLUDED.total \g
INSERT INTO orders AS o (id, customer_id, total) VALUES (1, 2, 5) ON CONFLICT (customer_id, id) WHERE total > 0 DO UPDATE SET (total, note) = (EXCLUDED.total, 'x') WHERE o.id > 0 RETURNING o.id, o.total, (xmax = 0) AS inserted

#open
INSERT INTO orders SELECT 500 + id, id, 1.5, name FROM customers WHERE id < 4

#fails
#open
INSERT INTO orders DEFAULT VALUES ON CONFLICT DO NOTHING

#open
INSERT INTO orders (id, note) VALUES (501, DEFAULT)

#open
INSERT INTO log_orders (id) OVERRIDING USER VALUE VALUES (1)

#open
WITH ins AS (INSERT INTO orders (id, total) VALUES (501, 5) RETURNING id) SELECT * FROM ins

#open
UPDATE orders SET total = total + 1, note = $1 WHERE id = $2 \bind x 1

#open
UPDATE "orders" SET "total" = ("orders"."total" * 2) WHERE "orders"."id" IN (1, 2) RETURNING "orders"."id", "orders"."total"

#open
UPDATE orders o SET note = c.name FROM customers c WHERE c.id = o.customer_id AND o.id < 5 RETURNING o.id, c.name, o.note

#open
UPDATE orders SET (total, note) = (SELECT max(total), 'max' FROM orders) WHERE id = 1 RETURNING *

#open
UPDATE orders SET (total, note) = ROW (1, 'r') WHERE id = 1

#open
DELETE FROM orders WHERE id = $1 \bind 100

#open
DELETE FROM orders o USING customers c WHERE c.id = o.customer_id AND c.name = 'name3' RETURNING o.id

#open
DELETE FROM orders WHERE ctid = ANY(ARRAY(SELECT ctid FROM orders ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED)) RETURNING id

#open
WITH moved AS (DELETE FROM orders WHERE id > 98 RETURNING *) INSERT INTO orders SELECT id + 1000, customer_id, total, note FROM moved

#open
WITH u AS (UPDATE orders SET note = 'seen' WHERE id IN (SELECT id FROM orders WHERE note LIKE 'note%' ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 3) RETURNING id, note) SELECT count(*) FROM u

#open
MERGE INTO orders AS t USING (VALUES (1, 5.00), (600, 6.00)) AS s(id, total) ON t.id = s.id WHEN MATCHED AND t.total <> s.total THEN UPDATE SET total = s.total WHEN NOT MATCHED THEN INSERT (id, total) VALUES (s.id, s.total)

#open
MERGE INTO orders t USING customers c ON t.id = c.id WHEN MATCHED AND c.id > 18 THEN DELETE WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED THEN DO NOTHING

#open
#18
MERGE INTO orders t USING (VALUES (1, 5.00), (600, 6.00)) AS s(id, total) ON t.id = s.id WHEN MATCHED THEN UPDATE SET total = s.total WHEN NOT MATCHED BY TARGET THEN INSERT VALUES (s.id, 1, s.total, 'm') WHEN NOT MATCHED BY SOURCE AND t.id > 99 THEN DELETE RETURNING merge_action(), t.id, t.total, s.id AS source

#open
#18
UPDATE orders SET total = total + 1 WHERE id = 1 RETURNING old.total, new.total, id

#open
SELECT id FROM orders WHERE id < 5 ORDER BY id FOR UPDATE SKIP LOCKED

#open
SELECT * FROM customers WHERE id = 1 FOR UPDATE

#open
UPDATE customers SET name = 'n' WHERE id = 1 RETURNING id, name

#open
INSERT INTO customers (id, name, email, ssn) VALUES (700, 'n', 'e@x', 's')

#open
INSERT INTO customers (id, name) VALUES (700, 'n') RETURNING id

#open
INSERT INTO customers (id, name) VALUES (1, 'n') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name RETURNING customers.id, customers.name

#open
DELETE FROM customers WHERE id = 1

#open
UPDATE customers SET email = 'new@x', ssn = 'new' WHERE id = 1

#open
COPY orders TO STDOUT

#open
COPY orders (id, total) TO STDOUT WITH (FORMAT csv, HEADER)

#open
COPY (SELECT id, note FROM orders WHERE id < 4 ORDER BY id) TO STDOUT WITH CSV HEADER

#open
COPY (SELECT id, note FROM orders WHERE id < 4 ORDER BY id) TO STDOUT (FORMAT binary)

#open
COPY public.orders (id, note) TO STDOUT WITH DELIMITER ',' NULL 'nil' CSV QUOTE '"' ESCAPE '\' FORCE QUOTE note

#open
COPY "public"."orders" ("id", "customer_id") TO STDOUT

#open
COPY (SELECT id, name FROM customers ORDER BY id) TO STDOUT

#open
COPY customers (id, name) TO STDOUT

#open
COPY (SELECT c.name, count(*) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY 1 ORDER BY 1) TO STDOUT (FORMAT text, DELIMITER '|', NULL '', ENCODING 'UTF8')

#open
COPY orders FROM STDIN
\copy
601	1	5.00	a
602	2	\N	b

#open
COPY orders (id, total, note) FROM STDIN WITH (FORMAT csv, HEADER true, DELIMITER ';', NULL 'x')
\copy
id;total;note
601;5.00;"a;b"
602;x;c

#open
COPY orders (id, note) FROM STDIN WITH CSV QUOTE ''''
\copy
601,'a'

BEGIN \g
SELECT id FROM orders WHERE id = 1 \g
COMMIT

#fails
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY DEFERRABLE \g
SELECT count(*) FROM orders \g
SAVEPOINT "sp_1" \g
SELECT 1/0 \g
ROLLBACK TO SAVEPOINT "sp_1" \g
RELEASE SAVEPOINT "sp_1" \g
END

BEGIN WORK \g
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE \g
SELECT 1 \g
ABORT

SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED

SET application_name = 'my app'

SET application_name TO 'PostgreSQL JDBC Driver'

SET extra_float_digits = 3

SET client_encoding TO 'UTF8'

SET statement_timeout = '30s' \g
SHOW statement_timeout

SET timezone TO 'UTC' \g
SHOW timezone

SET TIME ZONE 'Europe/Berlin' \g
SELECT timestamptz '2024-01-01 00:00:00+00'

SET DateStyle = 'ISO, DMY' \g
SELECT date '01/02/2024'

SET intervalstyle = 'iso_8601' \g
SELECT interval '1 day'

#alone
BEGIN \g
SET LOCAL statement_timeout = 5000 \g
SET LOCAL lock_timeout = '1s' \g
SET LOCAL work_mem = '64MB' \g
SELECT id FROM orders WHERE id = 1 \g
COMMIT

SELECT set_config('application_name', 'x', false)

SHOW server_version

SHOW transaction_isolation

SHOW TRANSACTION ISOLATION LEVEL

SHOW standard_conforming_strings

SELECT current_setting('server_version_num')::int > 100000

SHOW max_identifier_length

EXPLAIN SELECT * FROM orders WHERE id = 1

EXPLAIN (FORMAT JSON, COSTS off, VERBOSE) SELECT id FROM orders WHERE id = 1

EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off, BUFFERS off) SELECT id FROM orders WHERE id = 1

EXPLAIN (COSTS off) SELECT id, name FROM customers WHERE id = 1

PREPARE q1 (int) AS SELECT id, total FROM orders WHERE id = $1 \g
EXECUTE q1(3) \g
EXECUTE q1(4) \g
DEALLOCATE q1

PREPARE q2 AS SELECT id FROM orders WHERE id = $1 AND note = $2 \g
EXECUTE q2(3, 'note3') \g
DEALLOCATE PREPARE q2 \g
DEALLOCATE ALL

BEGIN \g
DECLARE c1 CURSOR FOR SELECT id, total FROM orders ORDER BY id \g
FETCH 2 FROM c1 \g
FETCH FORWARD 3 FROM c1 \g
FETCH NEXT FROM c1 \g
MOVE 5 IN c1 \g
FETCH ALL c1 \g
CLOSE c1 \g
COMMIT

BEGIN \g
DECLARE "_django_curs_1" NO SCROLL CURSOR WITHOUT HOLD FOR SELECT "orders"."id" FROM "orders" ORDER BY 1 \g
FETCH FORWARD 10 FROM "_django_curs_1" \g
CLOSE "_django_curs_1" \g
ROLLBACK

BEGIN \g
DECLARE c2 SCROLL CURSOR FOR SELECT id, name FROM customers ORDER BY id \g
FETCH LAST FROM c2 \g
FETCH PRIOR FROM c2 \g
FETCH ABSOLUTE 3 FROM c2 \g
FETCH RELATIVE -1 FROM c2 \g
FETCH BACKWARD 1 FROM c2 \g
FETCH FIRST FROM c2 \g
CLOSE ALL \g
ROLLBACK

BEGIN \g
DECLARE c3 BINARY CURSOR FOR SELECT id FROM orders ORDER BY id LIMIT 2 \g
FETCH ALL FROM c3 \g
ROLLBACK

#simple
SELECT 1; SELECT id FROM orders WHERE id = 2; SELECT 'three' AS x;

#simple
BEGIN; SELECT id FROM orders WHERE id = 2; COMMIT

#simple
BEGIN;
SELECT count(*) FROM orders;
ROLLBACK;

;

SELECT 1;

#simple
;;SELECT 1;;

#alone
LISTEN my_channel \g
UNLISTEN my_channel \g
UNLISTEN *

#alone
LISTEN chan_b \g
NOTIFY chan_b, 'payload' \g
SELECT 1

#open
SELECT pg_notify('c', 'x')

#open
SELECT pg_advisory_xact_lock(42), pg_try_advisory_xact_lock(1, 2)

#alone
SELECT pg_try_advisory_lock(7) \g
SELECT pg_advisory_unlock(7)

#open
LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE

#open
LOCK orders, customers IN ACCESS SHARE MODE NOWAIT

#open
#temp
CREATE TEMP TABLE tmp_ids (id int PRIMARY KEY) ON COMMIT DROP \g
INSERT INTO tmp_ids SELECT id FROM orders WHERE id < 5 \g
SELECT o.id, o.total FROM orders o JOIN tmp_ids t USING (id) ORDER BY 1 \g
DROP TABLE tmp_ids

#open
#temp
CREATE TEMPORARY TABLE tt AS SELECT id, total FROM orders WHERE id < 3 WITH DATA \g
SELECT * FROM tt ORDER BY 1

#open
#temp
SELECT id, total INTO TEMP tt2 FROM orders WHERE id < 3 \g
SELECT * FROM tt2 ORDER BY 1

RESET ALL

#open
DISCARD PLANS

#alone
VACUUM (ANALYZE) orders

#alone
ANALYZE orders

#open
SET CONSTRAINTS ALL DEFERRED

SELECT id FROM orders WHERE id = 5 /*action='index',controller='orders',framework='rails%207.1',traceparent='00-5bd66ef5095369c7b0d1f8f4bd33716a-c532cb4098ac3dd2-01'*/

-- Metabase:: userID: 1 queryType: MBQL queryHash: abc
SELECT "public"."orders"."id" AS "id", DATE_TRUNC('month', CAST('2024-01-05' AS timestamp)) AS "m" FROM "public"."orders" LIMIT 3

SELECT /* inline */ id -- trailing
FROM orders -- more
WHERE id = 1

SELECT "source"."customer_id" AS "customer_id", SUM("source"."total") AS "sum" FROM (SELECT "public"."orders"."customer_id" AS "customer_id", "public"."orders"."total" AS "total" FROM "public"."orders") AS "source" GROUP BY "source"."customer_id" ORDER BY "source"."customer_id" ASC LIMIT 2000

SELECT "Customers"."name" AS "Customers__name", COUNT(*) AS "count" FROM "public"."orders" LEFT JOIN "public"."customers" AS "Customers" ON "public"."orders"."customer_id" = "Customers"."id" GROUP BY "Customers"."name" ORDER BY "count" DESC, "Customers"."name" ASC

SELECT floor(extract(epoch from timestamptz '2024-01-01 00:00:10+00')/60)*60 AS "time", avg(total) AS "value" FROM orders GROUP BY 1 ORDER BY 1

SELECT COUNT(*) AS rowcount FROM (SELECT * FROM orders) AS virtual_table LIMIT 50000

SELECT date_trunc('day', d) AS __timestamp, count(*) AS count FROM (SELECT timestamp '2024-01-01' + id * interval '1 hour' AS d FROM orders) AS virtual_table GROUP BY DATE_TRUNC('day', d) ORDER BY count DESC, 1 LIMIT 1000

SELECT * FROM (SELECT * FROM orders) t WHERE 1=0

SELECT t.* FROM public.orders t LIMIT 501

SELECT t.*, CTID FROM public.orders t ORDER BY id LIMIT 2

SELECT x.*, x.ctid::text FROM public.orders x ORDER BY x.id OFFSET 0 LIMIT 3

SELECT count(*) FROM customers

SELECT count(1) AS "Count" FROM customers c WHERE c.id BETWEEN 1 AND 5

SELECT c.id, c.name FROM customers AS c WHERE c.name = $1 OR c.id = $2 ORDER BY c.name COLLATE "C" LIMIT $3 \bind name3 4 10

SELECT id, name FROM customers WHERE id = $1::bigint \bind 4

SELECT $1::text, $2::int, $3::numeric, $4::bool, $5::timestamptz, $6::uuid, $7::jsonb, $8::text[], $9::bytea, $10::date \bind a 1 1.5 t 2024-01-01 a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11 {} {a,b} \x00 2024-01-01

SELECT customers.* FROM customers ORDER BY id LIMIT 2

SELECT c.*, o.total FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY c.id, o.id LIMIT 3

SELECT id, email FROM customers ORDER BY id LIMIT 2

SELECT c.id, c.name, c.email FROM customers c ORDER BY c.id LIMIT $1 \bind 2

SELECT q.name, q.email FROM (SELECT name, email FROM customers WHERE id < 3) q ORDER BY 1

SELECT customers.id AS customers_id, customers.name AS customers_name, customers.email AS customers_email, customers.ssn AS customers_ssn FROM customers WHERE customers.id = $1::INTEGER \bind 3

SELECT c0."id", c0."name" FROM "customers" AS c0 WHERE (c0."id" = ANY($1)) ORDER BY c0."id" \bind {1,2}

SELECT max(name), min(id) FROM customers

SELECT name, count(*) OVER () FROM customers ORDER BY name LIMIT 2

WITH c AS (SELECT id, name FROM customers), o AS (SELECT customer_id, sum(total) AS s FROM orders GROUP BY 1) SELECT c.name, o.s FROM c JOIN o ON o.customer_id = c.id ORDER BY o.s DESC, c.name LIMIT 3

SELECT name FROM customers UNION SELECT note FROM orders ORDER BY 1 LIMIT 3

SELECT (SELECT name FROM customers c WHERE c.id = o.customer_id), o.id FROM orders o ORDER BY o.id LIMIT 2

SELECT name FROM ONLY customers ORDER BY id LIMIT 1

SELECT name FROM customers TABLESAMPLE SYSTEM (100) ORDER BY 1 LIMIT 2

TABLE customers

#fails
SELECT id FROM orders WHERE note = 5

#fails
SELECT 1/0

#fails
#open
INSERT INTO orders (id) VALUES (1)

#fails
#open
INSERT INTO orders (id, nope) VALUES (1, 2)

#fails
SELECT CAST('x' AS int) FROM orders

#fails
SELECT id, count(*) FROM orders

#fails
SELECT 'x'::date

SELECT c.id, c.name, count(o.id) AS order_count, COALESCE(sum(o.total), 0) AS revenue FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.name ORDER BY revenue DESC, c.id LIMIT 10

SELECT c.id, c.name FROM customers c GROUP BY c.id ORDER BY c.id

SELECT c.* FROM customers c WHERE c.id IN (SELECT customer_id FROM orders GROUP BY customer_id HAVING sum(total) > 2000) ORDER BY c.id

SELECT * FROM customers WHERE id = 3

SELECT * FROM customers c INNER JOIN orders o ON c.id = o.customer_id WHERE o.id = 5

SELECT * FROM orders o, customers c WHERE c.id = o.customer_id AND o.id < 3 ORDER BY o.id

SELECT c.*, 1 AS extra FROM customers c ORDER BY c.id LIMIT 1

SELECT id, name, email AS mail, ssn AS "SSN" FROM customers ORDER BY id DESC LIMIT 2

WITH c AS (SELECT * FROM customers) SELECT * FROM c ORDER BY id LIMIT 2

WITH c AS MATERIALIZED (SELECT id, email FROM customers) SELECT o.id, c.email FROM orders o JOIN c ON c.id = o.customer_id ORDER BY o.id LIMIT 2

SELECT s.email FROM (SELECT DISTINCT id, name FROM customers) d JOIN customers s ON s.id = d.id ORDER BY s.id LIMIT 2

SELECT a.name, b.name FROM customers a JOIN customers b ON b.id = a.id + 1 ORDER BY a.id LIMIT 3

SELECT name FROM customers WHERE name IN ('name1', 'name2') OR name LIKE 'name1%' ORDER BY length(name), name

SELECT left(name, 1) AS initial, count(*) FROM customers GROUP BY left(name, 1) ORDER BY 1

SELECT json_agg(json_build_object('id', id, 'name', name) ORDER BY id) FROM customers WHERE id < 3

SELECT jsonb_build_object('customer', jsonb_build_object('id', c.id, 'name', c.name), 'orders', (SELECT jsonb_agg(jsonb_build_object('id', o.id, 'total', o.total) ORDER BY o.id) FROM orders o WHERE o.customer_id = c.id)) FROM customers c WHERE c.id = 3

SELECT "__prisma_data__"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('id', "t1"."id", 'total', "t1"."total") AS "__prisma_data__" FROM (SELECT "t0".* FROM "public"."orders" AS "t0" WHERE "t0"."id" = $1 /* root select */) AS "t1") AS "__prisma_data__"("__prisma_data__") \bind 4

SELECT "t0"."id", "t0"."name", "t0_orders"."__prisma_data__" AS "orders" FROM "public"."customers" AS "t0" LEFT JOIN LATERAL (SELECT COALESCE(JSONB_AGG("__prisma_data__"), '[]') AS "__prisma_data__" FROM (SELECT "t3"."__prisma_data__" FROM (SELECT JSONB_BUILD_OBJECT('id', "t2"."id") AS "__prisma_data__" FROM (SELECT "t1".* FROM "public"."orders" AS "t1" WHERE "t0"."id" = "t1"."customer_id") AS "t2") AS "t3") AS "t4") AS "t0_orders" ON TRUE ORDER BY "t0"."id" LIMIT 2

SELECT "orders"."id" FROM "orders" INNER JOIN "customers" ON ("orders"."customer_id" = "customers"."id") WHERE (UPPER("customers"."name"::text) = UPPER('NAME3') AND "orders"."total" >= '10'::numeric) ORDER BY "orders"."id" ASC LIMIT 21

SELECT DATE_TRUNC('month', TIMESTAMP '2024-05-01' AT TIME ZONE 'UTC') AS "month", SUM("orders"."total") AS "s" FROM "orders" GROUP BY 1

SELECT EXISTS(SELECT 1 AS one FROM orders WHERE id = 1 LIMIT 1) AS "exists"

SELECT NOT EXISTS(SELECT 1 FROM orders WHERE id = 1), NOT (1 = 2), NOT true AS n

SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM customers)

SELECT CASE total WHEN 10 THEN 'ten' ELSE note END FROM orders ORDER BY id LIMIT 2

SELECT o.id::text, o.total::float8, o.note::varchar(3), o.id::numeric(10,2), cast(o.total as integer) FROM orders o ORDER BY o.id LIMIT 2

SELECT CAST(o.total AS bigint), CAST(o.note AS varchar), CAST(o.id AS double precision), CAST(o.id AS text), CAST('2024-01-01' AS timestamp with time zone) FROM orders o ORDER BY o.id LIMIT 1

SELECT sum(total)::money FROM orders

SELECT width_bucket(total, ARRAY[100, 500]::numeric[]) b, count(*) FROM orders GROUP BY b ORDER BY b

SELECT array_agg(id ORDER BY total DESC) FILTER (WHERE total > 900) FROM orders

SELECT customer_id, array_to_json(array_agg(total ORDER BY id)) FROM orders WHERE customer_id < 4 GROUP BY customer_id ORDER BY 1

SELECT customer_id, sum(total) AS s, sum(sum(total)) OVER (ORDER BY customer_id) AS running FROM orders GROUP BY customer_id ORDER BY 1

SELECT id, total, total - lag(total) OVER (ORDER BY id) AS diff, round(100.0 * total / sum(total) OVER (), 2) AS pct FROM orders ORDER BY id LIMIT 5

SELECT * FROM (SELECT o.*, row_number() OVER (PARTITION BY customer_id ORDER BY total DESC) AS rn FROM orders o) ranked WHERE rn = 1 ORDER BY customer_id

SELECT first_value(note) OVER (PARTITION BY customer_id ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM orders ORDER BY id LIMIT 2

SELECT id, last_value(id) OVER w, dense_rank() OVER (w ROWS UNBOUNDED PRECEDING) FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id) ORDER BY id LIMIT 3

SELECT count(*) FILTER (WHERE id % 2 = 0) OVER (ORDER BY id) FROM orders ORDER BY id LIMIT 3

SELECT sum(total) OVER (PARTITION BY customer_id ORDER BY timestamp '2024-01-01' + id * interval '1 day' RANGE BETWEEN interval '7 days' PRECEDING AND CURRENT ROW) FROM orders ORDER BY id LIMIT 3

SELECT sum(total) OVER (ORDER BY id ROWS 3 PRECEDING), sum(total) OVER (ORDER BY id ROWS BETWEEN 1 + 1 PRECEDING AND CURRENT ROW EXCLUDE NO OTHERS) FROM orders ORDER BY id LIMIT 2

SELECT gs.d::date AS day, count(o.id) FROM generate_series(date '2024-01-01', date '2024-01-03', interval '1 day') AS gs(d) LEFT JOIN orders o ON date '2024-01-01' + (o.id % 3) = gs.d GROUP BY gs.d ORDER BY gs.d

SELECT n, n * n AS square FROM generate_series(1, 10, 3) n

SELECT i, j FROM generate_series(1, 2) i CROSS JOIN generate_series(1, 2) j

SELECT generate_series(1, 3), id FROM orders WHERE id = 1

SELECT unnest(string_to_array('a,b,c', ',')) AS part

SELECT t.part, t.idx FROM string_to_table('a b', ' ') WITH ORDINALITY AS t(part, idx)

SELECT m[1] FROM regexp_matches('a1b2', '[a-z](\d)', 'g') AS m

SELECT w FROM regexp_split_to_table('a b c', '\s+') AS w

SELECT * FROM json_each_text('{"a":"b"}')

SELECT * FROM jsonb_to_record('{"a":1,"b":"x"}'::jsonb) AS t("a" integer, "b" varchar(10))

SELECT d.key, d.value FROM orders o CROSS JOIN LATERAL jsonb_each(to_jsonb(o)) d WHERE o.id = 1 ORDER BY 1

SELECT to_jsonb(o) - 'note' FROM orders o WHERE o.id = 1

SELECT row_to_json(r) FROM (SELECT id, name FROM customers WHERE id < 3 ORDER BY id) r

SELECT json_agg(t) FROM (SELECT id, total FROM orders WHERE id < 3 ORDER BY id) t

SELECT array_to_json(array_agg(row_to_json(t))) FROM (SELECT id FROM orders WHERE id < 3) t

SELECT jsonb_agg(DISTINCT customer_id) FROM orders WHERE id < 5

SELECT make_interval(0, 0, 0, 5), make_interval(days => 10), make_timestamp(year => 2024, month => 1, mday => 2, hour => 3, min => 4, sec => 5.5)

SELECT extract(day from (timestamp '2024-02-01' - timestamp '2024-01-01')), date_part('year', timestamp '2024-01-01')::int, (now() AT TIME ZONE 'utc')::date IS NOT NULL

SELECT CURRENT_DATE - INTERVAL '7 days' < CURRENT_DATE, NOW()::date = CURRENT_DATE, CURRENT_TIMESTAMP AT TIME ZONE 'UTC' IS NOT NULL, LOCALTIME(0) IS NOT NULL

SELECT to_char(date '2024-01-01', 'IYYY-IW'), to_char(1234.5, 'L9G999D99'), to_char(interval '1 day', 'DD HH24')

SELECT timestamp '2024-01-01 10:00' AT TIME ZONE INTERVAL '-08:00', timezone('UTC', timestamptz '2024-01-01 00:00+00')

SELECT '1 day'::interval * 3, '1 day'::interval / 2, -interval '1 day', justify_interval(interval '40 days'), interval '1 year' > interval '300 days'

SELECT '2024-01-01'::date <= '2024-02-01', '10:00'::time + interval '1 hour', 'infinity'::timestamp, 'epoch'::timestamptz, 'tomorrow'::date > 'today'::date

SELECT id FROM orders WHERE note ~ '^note[0-9]$' AND note !~* 'X' ORDER BY id

SELECT id FROM orders WHERE note SIMILAR TO 'note(1|2)' ORDER BY id

SELECT id FROM orders WHERE note LIKE ANY (ARRAY['note1', 'note2%']) ORDER BY id LIMIT 3

SELECT id FROM orders WHERE note NOT LIKE ALL (ARRAY['note1', 'x%']) AND id < 4 ORDER BY id

SELECT id FROM orders WHERE total BETWEEN 10 AND 30 AND note IS NOT NULL AND NOT (id = 2) ORDER BY id

SELECT id FROM orders WHERE id IN (VALUES (1), (2)) ORDER BY id

SELECT id FROM orders WHERE (id, note) IN (SELECT id, note FROM orders WHERE id < 3) ORDER BY id

SELECT id FROM orders WHERE (id, customer_id) IN (VALUES (1, 2), (2, 3)) ORDER BY id

SELECT o.id FROM orders o WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = o.customer_id) ORDER BY 1

SELECT FROM orders WHERE id = 1

SELECT ALL id FROM orders WHERE id = 1

SELECT DISTINCT ON (o.customer_id) o.* FROM orders o ORDER BY o.customer_id, o.id DESC

SELECT id FROM orders WHERE id < 3 UNION ALL (SELECT id FROM customers WHERE id < 3 EXCEPT SELECT 1) ORDER BY 1

SELECT id, 'order' AS kind FROM orders WHERE id = 1 UNION SELECT id, 'customer' FROM customers WHERE id = 1 ORDER BY kind

SELECT name AS label FROM customers WHERE id < 3 UNION ALL SELECT note FROM orders WHERE id < 3 ORDER BY label

(SELECT id FROM orders LIMIT 0) UNION ALL (VALUES (1), (2)) ORDER BY 1 DESC LIMIT 1

SELECT x FROM (VALUES (1), (2), (3)) AS t(x) WHERE x > 1 ORDER BY x DESC OFFSET 1

SELECT o."id" AS "Order ID", o."total" AS "Total ($)" FROM "orders" AS o WHERE o."note" = 'note1'

SELECT "o"."id" AS "o.id", "c"."name" AS "c.name" FROM "orders" AS "o" JOIN "customers" AS "c" ON "c"."id" = "o"."customer_id" ORDER BY 1 LIMIT 2

SELECT id AS "ID", total total_amount, note "Note" FROM orders ORDER BY "ID" LIMIT 1

SELECT public.orders.id, orders.note FROM public.orders WHERE public.orders.id = 2

SELECT pg_catalog.lower(note), pg_catalog.count(*) FROM orders WHERE id = 1 GROUP BY 1

SELECT round((sum(total) / NULLIF(count(*), 0))::numeric, 2) FROM orders

SELECT 100 * count(*) FILTER (WHERE total > 500) / count(*)::float FROM orders

SELECT stddev_pop(total), var_samp(total), covar_pop(id, total), regr_r2(total, id), bool_or(id = 1), bit_and(id), max(note), any_value.x FROM orders, (SELECT 1 AS x) any_value GROUP BY any_value.x

#18
SELECT any_value(customer_id) IS NOT NULL, array_sample(ARRAY[1], 1), random(1, 1), to_bin(5), uuidv7() IS NOT NULL, casefold('A') FROM orders

SELECT hashtextextended('a', 0), md5('x'), sha512('a'), crc.x FROM (SELECT 1 AS x) crc

SELECT bit_count('\x0f'::bytea), get_byte('\x0f', 0), set_bit(B'000', 1, 1), int8range(1, 2), numrange(1.5, 2.5, '[]'), tstzrange('2024-01-01', NULL) @> '2025-01-01'::timestamptz

SELECT host(inet '10.0.0.1/8'), masklen(inet '10.0.0.1/8'), inet '10.0.0.1' << inet '10.0.0.0/8', inet '10.0.0.1' + 5, network(inet '10.1.2.3/16')

SELECT lower('A' || note), note || ' #' || id::text, 'x' || 1 FROM orders ORDER BY id LIMIT 2

SELECT id, SUBSTRING(note, 1, 2), SUBSTRING(note FROM 2), SUBSTRING(note FROM '\d+'), SUBSTRING(note SIMILAR 'n%#"ote#"%' ESCAPE '#'), TRIM(BOTH FROM note), TRIM(LEADING FROM note), TRIM(FROM note), POSITION('o' IN note) FROM orders ORDER BY id LIMIT 1

SELECT 'line1
line2', E'tab\there', 'it''s', '100%', 'a\b', ''

SELECT $1 AS p \bind hello

SELECT id FROM orders WHERE ($1::text IS NULL OR note = $1) AND id < $2 ORDER BY id LIMIT $3 \bind \N 4 2

SELECT id FROM orders WHERE total >= $1 AND total < $2::numeric AND note = ANY ($3::text[]) ORDER BY id \bind 10 100 {note1,note2}

SELECT id FROM orders WHERE timestamp '2024-01-01' + id * interval '1 day' >= $1 ORDER BY id LIMIT 1 \bind 2024-02-01

SELECT id FROM orders ORDER BY CASE WHEN id = $1 THEN 0 ELSE 1 END, id LIMIT 3 \bind 50

SELECT customers.name FROM customers WHERE customers.id = $1 AND $2 \bind 3 t

SELECT COUNT(*) FROM (SELECT DISTINCT customer_id, total FROM orders) AS subquery

SELECT id, (total > 100)::int AS flag, total IS NOT NULL AND total > 5 AS ok FROM orders ORDER BY id LIMIT 2

SELECT * FROM orders ORDER BY 1 LIMIT 2

SELECT o.*, c.name AS customer_name FROM orders AS o LEFT JOIN customers AS c ON (c.id = o.customer_id) WHERE (1 = 1) AND (o.id = 1)

SELECT orders.* FROM orders WHERE orders.id > 95 ORDER BY orders.id DESC

SELECT min(id), max(id) FROM orders WHERE note >= 'note1' AND note < 'note2'

SELECT id FROM orders WHERE true LIMIT 1

SELECT NULL, true, false, 1 + NULL, 'a' || NULL, NULL::int

SELECT 9223372036854775807, 1e10, -0.5, 123456789012345678901234567890, 1.0::float4, 'NaN'::float8, 'Infinity'::float8

select id from orders where id=1 and note='note1' or id=2 order by id asc;

SELECT/*c*/id/**/FROM/**/orders/**/WHERE/**/id=1

SELECT id -- "quote" 'in' comment
FROM orders /* ; -- ' */ WHERE id = 1

SELECT id FROM orders WHERE note = '/* not a comment */' OR note = '-- nor this'

SELECT 'orders'::regclass::text, 'orders'::regclass::oid > 0

SELECT pg_total_relation_size('orders') > 0, pg_relation_size('public.orders'::regclass) > 0

SELECT to_regclass('public.orders') IS NOT NULL

SELECT has_table_privilege('orders', 'SELECT')

SELECT obj_description('orders'::regclass), col_description('orders'::regclass, 1)

SELECT format_type(23, NULL), pg_get_userbyid(10) IS NOT NULL

SELECT * FROM generate_series(1, 3) WITH ORDINALITY AS g(v, n) WHERE n > 1

SELECT a.x, b.y FROM (SELECT 1 AS x) a, LATERAL (SELECT a.x + 1 AS y) b

SELECT count(*) FROM orders o1 JOIN orders o2 USING (customer_id) WHERE o1.id <> o2.id

SELECT o.id, r.* FROM orders o, LATERAL (VALUES (o.total), (o.total * 2)) AS r(v) WHERE o.id = 1

WITH RECURSIVE tree AS (SELECT id, customer_id, 1 AS depth, ARRAY[id] AS path FROM orders WHERE id = 1 UNION ALL SELECT o.id, o.customer_id, t.depth + 1, t.path || o.id FROM orders o JOIN tree t ON o.customer_id = t.id WHERE t.depth < 3 AND NOT o.id = ANY(t.path)) SELECT id, depth, path FROM tree ORDER BY path

WITH monthly (m, total) AS (SELECT id % 12, sum(total) FROM orders GROUP BY 1), ranked AS (SELECT m, total, rank() OVER (ORDER BY total DESC) r FROM monthly) SELECT * FROM ranked WHERE r <= 3 ORDER BY r, m

WITH RECURSIVE fib(a, b) AS (SELECT 0, 1 UNION ALL SELECT b, a + b FROM fib WHERE b < 50) SELECT a FROM fib

SELECT x.id FROM orders x TABLESAMPLE BERNOULLI (100) REPEATABLE (1) WHERE x.id < 3 ORDER BY 1

SELECT x.id FROM orders x TABLESAMPLE BERNOULLI (100) REPEATABLE (1+1) WHERE x.id < 3 ORDER BY 1

SELECT x.id FROM orders* x JOIN customers* AS c ON c.id = x.customer_id WHERE x.id < 3 ORDER BY 1

SELECT id FROM ONLY orders WHERE id = 1

SELECT id FROM ONLY (orders) WHERE id = 1

SELECT q.id FROM (TABLE orders) q WHERE q.id = 1

SELECT q.id FROM (VALUES (1), (2)) q(id) JOIN orders USING (id) ORDER BY 1

SELECT * FROM (orders o JOIN customers c ON c.id = o.customer_id) AS j (oid, cid, t, n, id2, name2, e, s) WHERE oid = 1

SELECT "count" FROM (SELECT count(*) FROM orders) q

SELECT count FROM (SELECT count(*) FROM orders) q

SELECT q.sum, q.max FROM (SELECT sum(total), max(total) FROM orders) q

SELECT q."?column?" FROM (SELECT 1 + 1) q

SELECT coalesce FROM (SELECT coalesce(note, 'x') FROM orders WHERE id = 1) q

SELECT q."case" FROM (SELECT CASE WHEN true THEN 1 END) q

SELECT upper(c.name) AS n FROM customers c WHERE lower(c.name) = lower('NAME5')

SELECT count(DISTINCT c.name) FROM customers c

SELECT string_agg(c.name, ', ' ORDER BY c.name) FROM customers c WHERE c.id < 4

SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY c.id) FROM customers c

SELECT c.name, rank() OVER (ORDER BY c.id DESC) FROM customers c ORDER BY c.id LIMIT 3

SELECT c.id FROM customers c WHERE c.name = ANY (ARRAY(SELECT note FROM orders)) OR c.id = 1

SELECT o.id FROM orders o WHERE o.customer_id = (SELECT c.id FROM customers c WHERE c.name = 'name5') ORDER BY o.id

SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id AND c.name <> 'name1' WHERE o.id < 4 ORDER BY 1

SELECT c.id, c.name FROM customers c NATURAL JOIN (SELECT 3 AS id) x

SELECT id, name FROM customers c JOIN (SELECT customer_id AS id, count(*) AS n FROM orders GROUP BY 1) o USING (id) WHERE n > 4 ORDER BY id LIMIT 3

SELECT id, count(*) FROM orders LEFT JOIN (SELECT id AS cid, name FROM customers) c ON c.cid = orders.customer_id GROUP BY orders.id HAVING count(c.name) > 0 ORDER BY id LIMIT 2

SELECT row_number() OVER () AS rn, t.* FROM (SELECT id, name FROM customers ORDER BY id) t LIMIT 2

SELECT id, name, NULL AS email FROM customers ORDER BY id LIMIT 1

SELECT c.id, c.name, CASE WHEN c.id < 10 THEN 'low' ELSE 'high' END AS band FROM customers c ORDER BY c.id LIMIT 2

SELECT id FROM customers ORDER BY name, id LIMIT 3 OFFSET 2

SELECT * FROM customers LIMIT 0

SELECT * FROM customers WHERE false

SELECT * FROM customers ORDER BY id FETCH FIRST ROW ONLY

SELECT customers FROM orders customers ORDER BY customers.id LIMIT 1

SELECT email FROM (SELECT note AS email FROM orders) x ORDER BY email LIMIT 1

SELECT o.note AS ssn FROM orders o WHERE o.note LIKE 'note%' ORDER BY ssn LIMIT 2

WITH email AS (SELECT 1 AS ssn) SELECT ssn FROM email WHERE ssn = 1

SELECT 1 AS email, 'x' AS ssn

SELECT 'email', 'ssn'

SELECT 1::bit(4)

SELECT '101'::bit varying(2)

SELECT 'a'::"char"

SELECT 'x'::pg_catalog.text, 5::pg_catalog.int4

SELECT ARRAY[1]::integer[], NULL::text[]

SELECT '1'::character(3)

SELECT pg_size_pretty(1024::bigint)

SELECT txid_current_if_assigned() IS NULL

SELECT pg_is_in_recovery()

SELECT pg_postmaster_start_time() < now()

#18
SELECT any_value(customer_id) IS NOT NULL FROM orders

#18
SELECT array_sample(ARRAY[1], 1)

#18
SELECT random(1, 1)

#18
SELECT to_bin(5)

#18
SELECT uuidv7() IS NOT NULL

#18
SELECT casefold('A')

#18
SELECT JSON('{"a":1}')

#18
SELECT JSON_SCALAR(5)

#18
SELECT JSON_SERIALIZE('{"a":1}' RETURNING text)

#18
SELECT '{}' IS JSON, '{"a":1,"a":2}' IS JSON OBJECT WITH UNIQUE KEYS

#18
SELECT JSON_EXISTS(jsonb '{"a":1}', '$.a')

#18
SELECT JSON_VALUE(jsonb '{"a":1}', '$.a' RETURNING int)

#18
SELECT JSON_QUERY(jsonb '{"a":[1,2]}', '$.a' WITH WRAPPER)

#18
SELECT JSON_QUERY(jsonb '{"a":"x"}', '$.a' OMIT QUOTES)

#18
SELECT JSON_VALUE(jsonb '{}', '$.b' DEFAULT 'x' ON EMPTY)

#18
SELECT JSON_VALUE(jsonb '{"a":5}', '$.a ? (@ > $x)' PASSING 3 AS x)

#18
SELECT JSON_OBJECT('k' VALUE 2), JSON_OBJECT('k' VALUE 2 NULL ON NULL WITH UNIQUE KEYS RETURNING jsonb)

#18
SELECT JSON_ARRAY(1, 2, NULL NULL ON NULL)

#18
SELECT JSON_ARRAY(SELECT id FROM orders WHERE id < 3 ORDER BY id)

#18
SELECT JSON_OBJECTAGG(id: note) FROM orders WHERE id < 3

#18
SELECT JSON_ARRAYAGG(id ORDER BY id DESC) FROM orders WHERE id < 3

#18
SELECT JSON_OBJECTAGG(id VALUE note RETURNING jsonb), JSON_ARRAYAGG(note ABSENT ON NULL RETURNING jsonb) FROM orders WHERE id < 3

SELECT x.* FROM XMLTABLE('/r/i' PASSING (xml '<r><i k="1">a</i><i k="2">b</i></r>') COLUMNS n FOR ORDINALITY, k int PATH '@k', v text PATH '.' DEFAULT 'z' NOT NULL) AS x

SELECT xmlexists('//a' PASSING xml '<a/>'), '<a/>'::xml IS DOCUMENT, xmlroot(xml '<a/>', version '1.0', standalone yes)

SELECT c.*, count(o.id) FROM customers c LEFT JOIN orders o ON o.customer_id = c.id GROUP BY c.id ORDER BY c.id

SELECT customers.id, customers.name, sum(orders.total) FROM customers JOIN orders ON orders.customer_id = customers.id WHERE customers.id < 5 GROUP BY customers.id HAVING count(*) > 1 ORDER BY customers.name

SELECT "customers"."id", "customers"."name", COUNT("orders"."id") AS "n" FROM "customers" LEFT OUTER JOIN "orders" ON ("customers"."id" = "orders"."customer_id") GROUP BY "customers"."id" ORDER BY "customers"."id" ASC LIMIT 3

SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id GROUP BY o.id, c.id ORDER BY o.id LIMIT 3

SELECT id, name, email FROM customers GROUP BY id ORDER BY id

SELECT c.id, c.name FROM public.customers AS c GROUP BY (c.id) ORDER BY c.id

SELECT x.n FROM (SELECT c.id, c.name AS n FROM customers c GROUP BY c.id) x ORDER BY 1

SELECT c.id, upper(c.name) FROM customers c GROUP BY 1 ORDER BY 1

# open
SELECT id FROM customers WHERE ssn = '***' ORDER BY id LIMIT 3

# open
SELECT id FROM customers WHERE ssn LIKE '123%' ORDER BY id

# open
SELECT ssn, count(*) FROM customers GROUP BY ssn

# open
SELECT DISTINCT ON (ssn) id, ssn FROM customers ORDER BY ssn, id

# open
SELECT max(ssn), min(ssn), string_agg(ssn, ',') , array_agg(email) FROM customers WHERE id<4

# open
SELECT id, row_number() OVER (PARTITION BY ssn ORDER BY id) FROM customers ORDER BY id LIMIT 3

# open
SELECT id, first_value(ssn) OVER w, lag(email) OVER w FROM customers WINDOW w AS (ORDER BY id) ORDER BY id LIMIT 3

# open
SELECT upper(email), length(ssn), ssn || 'x', left(ssn,3), md5(ssn) FROM customers ORDER BY id LIMIT 2

# open
SELECT coalesce(email,'none'), nullif(ssn,'***'), CASE WHEN email IS NULL THEN 1 ELSE 2 END FROM customers ORDER BY id LIMIT 2

# open
SELECT c.* FROM customers c ORDER BY id LIMIT 2

# open
SELECT (c).ssn, (c).* FROM customers c ORDER BY id LIMIT 2

# open
SELECT to_jsonb(c), row_to_json(c) FROM customers c ORDER BY id LIMIT 2

# open
SELECT json_agg(c) FROM customers c WHERE id=1

# open
SELECT count(c), count(DISTINCT c), count(ssn), count(DISTINCT ssn), count(email) FROM customers c

# open
SELECT a.id FROM customers a JOIN customers b ON a.ssn=b.ssn AND a.id=b.id ORDER BY 1 LIMIT 2

# open
SELECT ssn, a.id FROM customers a JOIN customers b USING (ssn, id) ORDER BY 2 LIMIT 2

# open
SELECT count(*) FROM customers a NATURAL JOIN customers b

# open
SELECT count(*) FROM customers a LEFT JOIN (VALUES ('***')) v(ssn) USING (ssn)

# open
SELECT id FROM customers WHERE (id, ssn) = (1, '***')

# open
SELECT id FROM customers WHERE ROW(ssn, email) IS NOT NULL

# open
SELECT id FROM customers WHERE email IS NULL ORDER BY id LIMIT 2

# open
SELECT ssn FROM customers EXCEPT SELECT note FROM orders

# open
SELECT ssn FROM customers INTERSECT SELECT '***'

# open
SELECT ssn FROM customers UNION SELECT email FROM customers ORDER BY 1

# open
SELECT ssn FROM customers GROUP BY ROLLUP (ssn) ORDER BY 1

# open
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.note = c.ssn)

# open
SELECT id FROM customers WHERE ssn IN (SELECT ssn FROM customers WHERE id=2) ORDER BY id LIMIT 1

# open
SELECT id FROM customers ORDER BY ssn, id DESC LIMIT 3

# open
SELECT id, ssn FROM customers ORDER BY email NULLS FIRST, ssn DESC, id FETCH FIRST 2 ROWS WITH TIES

# open
WITH RECURSIVE r AS (SELECT id, ssn FROM customers WHERE id=1 UNION ALL SELECT c.id, c.ssn||r.ssn FROM r JOIN customers c ON c.id=r.id+1 WHERE c.id<4) SELECT * FROM r ORDER BY id

# open
SELECT t.s FROM customers c, LATERAL unnest(ARRAY[c.ssn, c.email]) t(s) WHERE c.id=1

# open
SELECT s FROM customers c, LATERAL regexp_split_to_table(c.ssn, '') s WHERE c.id=1

# open
SELECT id FROM customers TABLESAMPLE BERNOULLI (100) WHERE ssn='***' ORDER BY id LIMIT 1

# open
SELECT id, email FROM ONLY customers WHERE email IS NULL ORDER BY id LIMIT 2

# open
SELECT ssn COLLATE "C" FROM customers ORDER BY ssn COLLATE "C", id LIMIT 1

# open
SELECT ARRAY(SELECT ssn FROM customers WHERE id<3)

# open
SELECT ROW(c.*) FROM customers c WHERE id=1

# open
SELECT grouping(ssn), ssn FROM customers GROUP BY GROUPING SETS ((ssn),()) ORDER BY 1

# open
SELECT id FROM customers GROUP BY id HAVING max(ssn)='***' ORDER BY id LIMIT 1

# open
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY ssn) FROM customers

# open
SELECT sum(id) FILTER (WHERE ssn = '***') FROM customers

# open
SELECT xmlelement(name a, xmlattributes(ssn AS b), email) FROM customers WHERE id=1

# open
SELECT xmlforest(ssn, email AS e) FROM customers WHERE id=1

# open
SELECT ssn ~ '^\*', email ILIKE 'u%', ssn SIMILAR TO '%' FROM customers WHERE id=1

# open
SELECT ssn BETWEEN 'a' AND 'b', ssn > ANY (ARRAY['a']), ssn IS DISTINCT FROM email FROM customers WHERE id=1

# open
SELECT greatest(ssn,email,name), least(ssn,name), concat(ssn,email), format('%s-%I', ssn, name) FROM customers WHERE id=1

# open
SELECT substring(ssn from 1 for 2), overlay(ssn placing 'x' from 1), position('*' in ssn), trim(both '*' from ssn) FROM customers WHERE id=1

# open
SELECT (j).ssn FROM (customers c JOIN orders o ON c.id=o.customer_id) AS j(cid, name, email, ssn) ORDER BY j.cid LIMIT 1

# open
SELECT v.* FROM v_customers v ORDER BY id LIMIT 2

# open
SELECT json_build_object('s', ssn), jsonb_build_array(email) FROM customers WHERE id=1

# open
# 18
SELECT JSON_OBJECT('s' VALUE ssn, 'e': email ABSENT ON NULL) FROM customers WHERE id=1

# open
# 18
SELECT JSON_ARRAY(ssn, email NULL ON NULL) FROM customers WHERE id=1

# open
# 18
SELECT JSON_ARRAYAGG(ssn ORDER BY id), JSON_OBJECTAGG(name: ssn) FROM customers WHERE id<3

# open
# 18
SELECT ssn IS JSON, email IS JSON SCALAR FROM customers WHERE id=1

# open
# 18
SELECT JSON_SCALAR(ssn), JSON_SERIALIZE(JSON_SCALAR(email)) FROM customers WHERE id=1

# open
# 18
SELECT any_value(ssn), any_value(email) FROM customers

# open
# 18
SELECT jt.* FROM customers c, JSON_TABLE(to_jsonb(c), '$' COLUMNS (id int PATH '$.id', s text PATH '$.ssn', e text PATH '$.email')) jt WHERE c.id<3 ORDER BY 1

# open
# 18
SELECT * FROM (SELECT ssn FROM customers WHERE id=1)

# open
# 18
SELECT s.ssn FROM customers c, LATERAL (SELECT c.ssn) s WHERE c.id=1

# open
# 18
SELECT casefold(ssn), crc32(ssn::bytea) FROM customers WHERE id=1

# open
SELECT id, ssn FROM customers WHERE id = 1 FOR UPDATE

# open
EXPLAIN (COSTS OFF, VERBOSE) SELECT id FROM customers WHERE id=1

# open
PREPARE q(text) AS SELECT id FROM customers WHERE ssn=$1 ORDER BY id LIMIT 1 \g
EXECUTE q('***') \g
EXECUTE q('123-45-6701')

# open
SELECT hash_record(c) FROM customers c WHERE id=1

# open
SELECT id FROM customers c ORDER BY c LIMIT 1

# open
SELECT c.id FROM customers c GROUP BY c.id, c ORDER BY 1 LIMIT 1

# open
SELECT id, ssn FROM customers c(id, n, e, ssn) ORDER BY 1 LIMIT 1

# open
SELECT i, s FROM (SELECT id, ssn FROM customers) q(i, s) WHERE s='***' ORDER BY i LIMIT 1

# open
SELECT * FROM customers CROSS JOIN (SELECT 1 AS one) z ORDER BY id LIMIT 1

# open
SELECT string_to_table(ssn, '*') FROM customers WHERE id=1

# open
SELECT generate_series(1, length(ssn)), ssn FROM customers WHERE id=1

# open
SELECT ssn AS "ssn ", email "E" FROM public.customers "C" WHERE "C".ssn <> '' ORDER BY "C".id LIMIT 1

# open
SELECT a.ssn, b.email FROM customers a, customers b WHERE a.id=b.id AND a.id=1

# open
SELECT name FROM customers WHERE id=1 AND ssn IS NOT NULL AND email IS NULL

# open
SELECT CASE ssn WHEN '***' THEN 'm' ELSE 'raw' END, ssn IN ('***','x'), ssn NOT IN ('123-45-6701') FROM customers WHERE id=1

# open
SELECT lower(c.ssn), c.ssn::varchar(2), c.ssn::char(5), c.ssn::name, c.ssn::bytea FROM customers c WHERE id=1

# open
SELECT id FROM customers LIMIT (SELECT length(ssn) FROM customers WHERE id=1)

# open
SELECT id FROM customers ORDER BY id OFFSET (SELECT count(*)-2 FROM customers WHERE ssn='***')

SELECT DISTINCT name FROM customers ORDER BY name LIMIT 2

SELECT name, ssn FROM customers ORDER BY name LIMIT 2

SELECT c.name, count(*) FILTER (WHERE o.total > 100) FROM customers c JOIN orders o ON o.customer_id=c.id GROUP BY c.name ORDER BY 1 LIMIT 2

SELECT id, ssn FROM customers WHERE id = ANY ('{1,2}'::int[]) ORDER BY id

SELECT id, email AS e, ssn AS s FROM customers WHERE name BETWEEN 'name1' AND 'name2' ORDER BY id

SELECT row_number() OVER (ORDER BY id) AS n, ssn, email FROM customers ORDER BY id LIMIT 2

SELECT o.id, c.* FROM orders o LEFT JOIN customers c ON c.id=o.customer_id ORDER BY o.id LIMIT 2

SELECT (SELECT ssn FROM customers WHERE id=1), (SELECT email FROM customers WHERE id=2)

SELECT * FROM (SELECT id, ssn FROM customers UNION ALL SELECT id, email FROM customers) u ORDER BY id LIMIT 4

WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n+1 FROM t WHERE n<3) SELECT t.n, c.ssn FROM t JOIN customers c ON c.id=t.n ORDER BY 1

SELECT x.* FROM orders o, LATERAL (SELECT ssn, email FROM customers c WHERE c.id=o.customer_id) x ORDER BY o.id LIMIT 2

SELECT ssn FROM customers c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id=c.id AND o.total>500) ORDER BY id LIMIT 3

SELECT ssn, sum(id) OVER () FROM customers ORDER BY id LIMIT 2

SELECT id, ssn FROM customers TABLESAMPLE SYSTEM (100) ORDER BY id LIMIT 2

SELECT (ssn) FROM customers WHERE id=1

SELECT ((ssn)), (email) AS e FROM customers WHERE id=1

SELECT ALL ssn FROM customers WHERE id=1

SELECT id, ssn FROM customers ORDER BY 1 LIMIT 3 OFFSET 2

SELECT c.id, c.ssn FROM customers c INNER JOIN orders o ON (c.id = o.customer_id) WHERE o.id IN (1,2,3) ORDER BY o.id

SELECT count(*) FROM customers WHERE name LIKE 'name%'

SELECT min(id), max(name) FROM customers

SELECT length(note), note || 'x' FROM orders ORDER BY id LIMIT 2

SELECT id FROM orders ORDER BY note COLLATE "C" DESC LIMIT 2

SELECT to_json(o) FROM orders o WHERE id=1

SELECT o FROM orders o WHERE id=1

SELECT (o).total, (o.*) IS NOT NULL FROM orders o WHERE id=1

SELECT o.note FROM orders o WHERE (o.id, o.total) IN ((1, 10), (2, 20)) ORDER BY id

SELECT ARRAY(SELECT id FROM orders ORDER BY id LIMIT 3), ARRAY[1,2]::bigint[], '{a,b}'::text[]

SELECT a[1], a[2:3] FROM (VALUES (ARRAY[1,2,3])) v(a)

SELECT '{"a":{"b":[1,2]}}'::jsonb -> 'a' -> 'b' ->> 0, '{"a":1}'::jsonb @> '{"a":1}', '{"a":1}'::jsonb ? 'a', jsonb '{"a":1}' - 'a', '[1]'::jsonb || '2'

SELECT ('{"a":{"b":[1,2]}}'::jsonb)['a']['b'][0]

SELECT jsonb_path_query('{"a":[1,2]}', '$.a[*] ? (@ > 1)')

SELECT '10.0.0.1'::inet << '10.0.0.0/8', '2024-01-01'::date + 1, interval '1h' * 2, '\x00ff'::bytea

SELECT 'a' LIKE 'A', 'a' ILIKE 'A', 'a' ~* 'A', 'abc' SIMILAR TO '(a|b)%', 'x' IN ('x'), 1 IS DISTINCT FROM 2

SELECT EXTRACT(YEAR FROM timestamp '2024-01-01'), now() IS NOT NULL, current_date > '2000-01-01', CURRENT_USER IS NOT NULL, session_user IS NOT NULL

SELECT string_agg(name, ',' ORDER BY id) FROM customers WHERE id < 3

SELECT id, lag(total, 1) OVER (PARTITION BY customer_id ORDER BY id) FROM orders ORDER BY id LIMIT 3

SELECT customer_id, sum(total) FROM orders GROUP BY CUBE (customer_id) HAVING sum(total) > 2000 ORDER BY 1 NULLS FIRST LIMIT 3

SELECT * FROM generate_series(1,3) WITH ORDINALITY AS g(v, n)

SELECT * FROM ROWS FROM (generate_series(1,2), unnest(ARRAY['a','b'])) AS t(a, b)

SELECT * FROM unnest(ARRAY[1,2]) AS u

SELECT * FROM json_to_recordset('[{"a":1,"b":"x"}]') AS x(a int, b text)

SELECT * FROM jsonb_each_text('{"a":1}')

SELECT * FROM regexp_matches('abc', '(b)') r

SELECT xmlelement(name a, 'b'), xmlforest(1 AS x), xml '<a/>', xpath('/a/text()', '<a>x</a>')

SELECT ROW(1,'a'), (1,2) < (1,3), ROW(1,2) = ROW(1,2)

SELECT CAST('1' AS int) + '2'::int, int '3', CAST(NULL AS text), '5'::"char"

SELECT coalesce(NULL, 1), nullif(1,1), greatest(1,2), least(1,2)

SELECT substring('abc' FROM 2), substring('abc' FROM 1 FOR 2), trim(LEADING 'a' FROM 'aab'), overlay('abc' PLACING 'x' FROM 2), position('b' IN 'abc')

SELECT 1 WHERE 1 BETWEEN 0 AND 2 AND 1 NOT IN (2,3) AND NOT false OR NULL IS NULL

SELECT timestamptz '2024-01-01 00:00+00' AT TIME ZONE 'UTC', date_trunc('day', timestamp '2024-01-01 10:00')

SELECT 1 AS a UNION SELECT 2 EXCEPT SELECT 1 ORDER BY a

(SELECT 1) INTERSECT (SELECT 1) UNION ALL (SELECT 3 LIMIT 1)

SELECT FROM orders LIMIT 1

SELECT id FROM orders LIMIT NULL OFFSET NULL

SELECT id FROM orders FETCH FIRST 50 ROWS ONLY

SELECT id FROM orders ORDER BY id USING < LIMIT 2

SELECT id FROM orders ORDER BY id USING OPERATOR(pg_catalog.>) LIMIT 2

SELECT 1 OPERATOR(pg_catalog.+) 2

SELECT id FROM ONLY (orders) ORDER BY id LIMIT 1

SELECT id FROM public.orders AS "o o" WHERE "o o".id = 1

SELECT * FROM ((SELECT 1 AS x)) AS t

SELECT * FROM (orders o CROSS JOIN (VALUES (1)) v(x)) WHERE o.id=1

SELECT id, total FROM orders WHERE total = (SELECT max(total) FROM orders)

SELECT o.id FROM orders o WHERE o.total > ALL (SELECT avg(total) FROM orders GROUP BY customer_id) ORDER BY 1

SELECT width_bucket(total, 0, 1000, 4), count(*) FROM orders GROUP BY 1 ORDER BY 1

SELECT corr(id, total), regr_count(id, total), stddev_samp(total), mode() WITHIN GROUP (ORDER BY customer_id) FROM orders

# 18
SELECT JSON_OBJECT('a': 1, 'b': NULL ABSENT ON NULL), JSON_ARRAY(1, 'x', NULL), JSON_ARRAY(SELECT id FROM orders ORDER BY id LIMIT 2)

# 18
SELECT JSON('{"a":1}'), JSON_SCALAR(1), JSON_SERIALIZE('{"a":1}' RETURNING bytea)

# 18
SELECT JSON_VALUE('{"a":"x"}', '$.a'), JSON_QUERY('{"a":[1]}', '$.a' WITH WRAPPER), JSON_EXISTS('{"a":1}', '$.a')

# 18
SELECT JSON_VALUE('{"a":1}', '$.a' RETURNING int DEFAULT 0 ON EMPTY ERROR ON ERROR)

# 18
SELECT JSON_QUERY(jsonb '[1,[2]]', '$[*]' WITH CONDITIONAL WRAPPER NULL ON EMPTY)

# 18
SELECT '{"a":1}' IS JSON, '[]' IS JSON ARRAY, '{}' IS NOT JSON OBJECT, '1' IS JSON SCALAR WITHOUT UNIQUE KEYS

# 18
SELECT jt.* FROM JSON_TABLE('[{"a":1,"b":"x"}]', '$[*]' COLUMNS (n FOR ORDINALITY, a int PATH '$.a', b text PATH '$.b' DEFAULT 'q' ON EMPTY, e bool EXISTS PATH '$.z')) jt

# 18
SELECT o.id, jt.v FROM orders o, JSON_TABLE(to_jsonb(o), '$' COLUMNS (v numeric PATH '$.total')) jt WHERE o.id=1

# 18
SELECT JSON_OBJECTAGG(id: note WITH UNIQUE KEYS RETURNING jsonb) FROM orders WHERE id<3

# 18
SELECT JSON_ARRAYAGG(id ORDER BY id DESC NULL ON NULL) FROM orders WHERE id<3

# 18
SELECT uuid_extract_version(uuidv7()), uuid_extract_version(uuidv4()), random(1,1), random_normal(0,0)

# 18
SELECT to_hex(255), to_bin(5), to_oct(8), unicode_assigned('a'), lpad('1',3,'0'), ltrim('xx1','x')

# 18
SELECT x FROM (SELECT 1 AS x)

# 18
SELECT ssn FROM (SELECT ssn FROM customers ORDER BY id LIMIT 1)

# 18
SELECT * FROM (VALUES (1),(2)) ORDER BY 1

# 18
SELECT jsonb_path_query('{"a":"1"}', '$.a.number()'), jsonb_path_query('"2024-01-01"', '$.date()')

# 18
SELECT date_add(timestamptz '2024-01-01 00:00+00', '1 day', 'UTC'), to_timestamp('2024','YYYY') IS NOT NULL

# 18
SELECT string_agg(DISTINCT note, ',' ORDER BY note) FROM orders WHERE id<3

# 18
SELECT MERGE_ACTION FROM (SELECT 1 AS merge_action) q

# 18
SELECT old, new FROM (SELECT 1 AS old, 2 AS new) q

# open
INSERT INTO orders (id, customer_id, total, note) VALUES (9001, 1, 1.5, 'x') RETURNING *

# open
INSERT INTO orders VALUES (9001, 1, 1.5, 'x'), (9002, 2, 2, DEFAULT) RETURNING id

# open
INSERT INTO orders AS o (id, note) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET note = o.note || excluded.note RETURNING note

# open
INSERT INTO orders (id, note) VALUES (1, 'x') ON CONFLICT ON CONSTRAINT orders_pkey DO NOTHING

# open
INSERT INTO customers (id, name, email, ssn) VALUES (901, 'n', 'a@b', '1') RETURNING id, name

# open
INSERT INTO customers VALUES (902, 'n', 'a@b', '1')

# open
INSERT INTO customers (id, name, ssn) VALUES (1, 'n', 'q') ON CONFLICT (id) DO UPDATE SET name = excluded.name, ssn = excluded.ssn RETURNING id

# open
INSERT INTO customers (id, name) SELECT id + 700, note FROM orders WHERE id < 3 RETURNING id, name

# open
INSERT INTO orders (id, note) SELECT 9000 + id, name FROM customers WHERE id < 3 RETURNING id, note

# open
INSERT INTO orders (id, note) SELECT 9000 + id, ssn FROM customers WHERE id < 3 RETURNING id, note

# open
INSERT INTO orders (id, note) SELECT 9000 + id, email FROM customers c WHERE id < 3 ON CONFLICT DO NOTHING RETURNING *

# open
UPDATE customers SET name = upper(name) WHERE id = 1 RETURNING id, name

# open
UPDATE customers SET ssn = '111', email = NULL WHERE id = 1

# open
UPDATE customers SET email = 'x@' || name WHERE id < 3

# open
UPDATE customers SET (email, ssn) = ('a', 'b') WHERE id = 1

# open
UPDATE customers SET (email, ssn) = (SELECT note, note FROM orders WHERE id=1) WHERE id = 1

# open
UPDATE customers c SET name = o.note FROM orders o WHERE o.customer_id = c.id AND o.id = 1 RETURNING c.id, c.name

# open
UPDATE orders SET note = c.ssn FROM customers c WHERE c.id = orders.customer_id AND orders.id = 1 RETURNING note

# open
UPDATE orders SET note = (SELECT email FROM customers c WHERE c.id = orders.customer_id) WHERE id = 1 RETURNING note

# open
DELETE FROM customers WHERE id = 1 RETURNING id, name

# open
DELETE FROM orders o USING customers c WHERE c.id = o.customer_id AND c.name = 'name2' RETURNING o.id, c.name

# open
DELETE FROM orders USING customers c WHERE c.id = orders.customer_id AND c.id = 2 RETURNING orders.id, c.ssn

# open
WITH d AS (DELETE FROM orders WHERE id = 1 RETURNING *) SELECT * FROM d

# open
WITH u AS (UPDATE customers SET name = 'x' WHERE id = 1 RETURNING id, name) SELECT * FROM u

# open
WITH c AS (SELECT id, ssn FROM customers) UPDATE orders SET note = c.ssn FROM c WHERE c.id = orders.id AND c.id = 1 RETURNING note

# open
MERGE INTO customers c USING orders o ON c.id = o.id WHEN MATCHED AND o.total > 150 THEN UPDATE SET name = o.note WHEN NOT MATCHED THEN INSERT (id, name, ssn) VALUES (o.id, o.note, 'x')

# open
MERGE INTO orders o USING customers c ON o.id = c.id WHEN MATCHED THEN UPDATE SET note = c.ssn

# open
# 18
MERGE INTO orders o USING customers c ON o.id = c.id WHEN MATCHED AND c.id < 3 THEN UPDATE SET note = c.email RETURNING merge_action(), o.id, o.note

# open
# 18
MERGE INTO orders o USING (SELECT 1 AS id) s ON o.id = s.id WHEN MATCHED THEN UPDATE SET note = 'm' WHEN NOT MATCHED BY SOURCE AND o.id > 99 THEN DELETE RETURNING merge_action(), o.id

# open
# 18
UPDATE orders SET note = 'x' WHERE id = 1 RETURNING old.note, new.note, id

# open
# 18
DELETE FROM orders WHERE id = 1 RETURNING old.*, new.id

# open
# 18
UPDATE customers SET name = 'x' WHERE id = 1 RETURNING old.name, new.name

# open
CREATE TEMP TABLE tt AS SELECT * FROM customers \g
SELECT * FROM tt ORDER BY id LIMIT 2

# open
CREATE TABLE tt AS SELECT id, email AS e FROM customers WITH NO DATA

# open
COPY (SELECT id, email, ssn FROM customers ORDER BY id LIMIT 3) TO STDOUT (FORMAT csv, HEADER true)

# open
COPY customers (id, email) TO STDOUT

# open
SELECT * FROM customers WHERE id = 1 FOR UPDATE SKIP LOCKED

# open
SELECT c.id, c.email FROM customers c JOIN orders o ON o.customer_id=c.id WHERE o.id=1 FOR SHARE OF o

# open
SELECT * FROM v_customers ORDER BY id LIMIT 2

# open
TRUNCATE log_orders

# open
LOCK TABLE orders IN SHARE MODE

# open
SAVEPOINT a \g
INSERT INTO orders (id) VALUES (9009) \g
ROLLBACK TO SAVEPOINT a \g
SELECT count(*) FROM orders

# open
SET LOCAL statement_timeout = 1000 \g
SHOW statement_timeout

# open
PREPARE i(int,text) AS INSERT INTO orders (id, note) VALUES ($1,$2) RETURNING id \g
EXECUTE i(9010,'x')

# open
ANALYZE customers

# open
COMMENT ON TABLE orders IS 'x'

# open
CREATE INDEX ix ON orders (note)

# open
SELECT ssn, count(*) FROM customers GROUP BY ssn

# open
SELECT email FROM customers ORDER BY email, id LIMIT 3

# open
SELECT id FROM customers WHERE email LIKE '%mple' ORDER BY id LIMIT 2

# open
SELECT c FROM orders c WHERE id=1

# open
SELECT to_jsonb(c) FROM customers c ORDER BY id LIMIT 1

SELECT 1 AS one, 'it''s' AS "quoted ""name"""

/* leading */ SELECT /* mid */ count(*) /* end */ FROM /* /* nested */ */ orders -- trailing

SELECT 'a--b', 'c/*d*/e', $$-- not a comment$$, $x$ $$ $x$ FROM orders LIMIT 1

SELECT E'tab\there', E'\x41', E'\u00e9', E'\101'

SELECT b'1010', x'1F', B'', X'ff'::bit(8)

SELECT 1e3, 1.5e-2, .5, 5., 1E+2, 0.0

SELECT -1, - 1, +1, - -1, 2-1, 2 - -1

SELECT id FROM orders WHERE id>-1 AND id<>-2 AND id!=0 AND id<=3

SELECT "orders"."id" FROM "public"."orders" ORDER BY "orders"."id" LIMIT 1

SELECT ORDERS.ID FROM PUBLIC.ORDERS WHERE Id = 2

SELECT id AS "SELECT", total AS "from" FROM orders LIMIT 1

SELECT id "end" FROM orders LIMIT 1

SELECT CASE WHEN id=1 THEN 'x' END FROM orders WHERE id<3 ORDER BY id

SELECT id label, id value, id name, id type, id key, id data FROM orders LIMIT 1

SELECT o.id FROM orders AS o (id, cust) WHERE cust=2 ORDER BY 1 LIMIT 2

SELECT aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.id FROM orders AS aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa LIMIT 1

SELECT public.orders.id, public.orders.* FROM public.orders ORDER BY 1 LIMIT 1

SELECT * FROM public.customers WHERE public.customers.id = 4

SELECT count(*) FROM customers c, orders o WHERE c.id=o.customer_id

SELECT (SELECT count(*) FROM customers), EXISTS (SELECT 1 FROM customers WHERE name='name1')

SELECT id, name FROM customers UNION SELECT id, note FROM orders WHERE id < 3 ORDER BY 1, 2 LIMIT 5

SELECT id, ssn FROM customers WHERE id<3 UNION ALL SELECT id, note FROM orders WHERE id<3

SELECT c.ssn AS n, o.id FROM customers c RIGHT JOIN orders o ON o.customer_id=c.id ORDER BY o.id LIMIT 4

SELECT id, (SELECT email FROM customers c WHERE c.id=o.customer_id) FROM orders o ORDER BY id LIMIT 3

WITH a AS (SELECT * FROM customers), b AS (SELECT * FROM a) SELECT b.ssn, b.email FROM b ORDER BY b.id LIMIT 3

SELECT ssn, email FROM customers WHERE id IN (1,2) ORDER BY name

SELECT x.ssn FROM (SELECT ssn FROM customers ORDER BY id LIMIT 2) x

SELECT email FROM ONLY customers ORDER BY id LIMIT 2

SELECT id, ssn, email FROM customers LIMIT 0

SELECT c.id, c.ssn FROM customers c JOIN LATERAL (SELECT count(*) n FROM orders o WHERE o.customer_id=c.id) l ON l.n>0 ORDER BY c.id LIMIT 2

VALUES (1,'a'),(2,'b')

SELECT * FROM (VALUES (1,'a'),(2,'b')) v(i,t) ORDER BY i

TABLE customers LIMIT 2

(SELECT ssn FROM customers WHERE id=1) UNION ALL (SELECT email FROM customers WHERE id=1)

SELECT id::bigint, id::text, total::int, note::varchar(3) FROM orders WHERE id=1

SELECT CAST(id AS numeric(5,1)), total::float8, id::bool FROM orders WHERE id=1

EXPLAIN (COSTS OFF, FORMAT JSON) SELECT name FROM customers WHERE id=3

EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id FROM orders WHERE id=1

EXPLAIN VERBOSE SELECT id FROM orders WHERE id=1

SHOW TIME ZONE

BEGIN \g
SELECT count(*) FROM customers \g
COMMIT

BEGIN READ ONLY \g
SELECT ssn FROM customers WHERE id=1 \g
END

PREPARE p (int) AS SELECT ssn, email FROM customers WHERE id=$1 \g
EXECUTE p(3) \g
DEALLOCATE p

PREPARE p AS SELECT count(*) FROM customers \g
EXECUTE p \g
DEALLOCATE PREPARE ALL

BEGIN \g
DECLARE c CURSOR FOR SELECT id, ssn, email FROM customers ORDER BY id \g
FETCH 2 FROM c \g
MOVE FORWARD 3 IN c \g
FETCH NEXT c \g
CLOSE c \g
COMMIT

BEGIN \g
DECLARE c SCROLL CURSOR FOR SELECT id, email FROM customers ORDER BY id \g
FETCH LAST FROM c \g
FETCH BACKWARD 2 c \g
FETCH ABSOLUTE 1 c \g
FETCH RELATIVE 1 c \g
CLOSE ALL \g
COMMIT

DECLARE c CURSOR WITH HOLD FOR SELECT id, ssn FROM customers ORDER BY id \g
FETCH FIRST c \g
CLOSE c

BEGIN \g
DECLARE c BINARY CURSOR FOR SELECT id, email FROM customers ORDER BY id \g
FETCH 1 c \g
COMMIT

SET application_name = 'x' \g
SHOW application_name

SET TimeZone = 'Europe/Berlin' \g
SELECT extract(timezone from timestamptz '2024-01-01')

SET statement_timeout = '5s' \g
SELECT id FROM orders LIMIT 1

SET extra_float_digits = 3 \g
SELECT 0.1::float8

SET DateStyle = 'ISO, DMY' \g
SELECT date '2024-02-01'

SET client_encoding = 'UTF8' \g
SELECT 'é'

SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY \g
SELECT 1

SELECT U&"\0069d", U&'d\0061t\+000061' AS U&"d\0061t" FROM U&"orders" WHERE U&"!0069d" UESCAPE '!' = $1 \bind 7

SELECT id, U&"\0065mail", U&"ss!006e" UESCAPE '!' FROM customers ORDER BY id

SELECT U&"\0063".* FROM customers c ORDER BY c.U&"\0069d"

SELECT id, 'a'
  -- it's one text
  'b', E'c\n'
'd', X'1f'
'00' FROM orders WHERE note = 'note'
'7' ORDER BY id

SELECT id AS größe, total AS 名前 FROM orders AS straße WHERE straße.id = 3

SELECT c.name AS prénom, c.email FROM customers c ORDER BY prénom, id

#18
SELECT id, 0x1F, 0o17, 0b1_0, 1_000.5 FROM orders WHERE id < 0x4 ORDER BY id LIMIT 1_000

#15
#fails
SELECT id, 1_000 FROM orders

SELECT j.id, o.note, c.name FROM orders o JOIN customers c USING (id) AS j WHERE j.id < 4 ORDER BY j.id

SELECT j.*, j FROM customers a JOIN customers b USING (id, name) AS j ORDER BY j.id

SELECT j.id, a.email, b.ssn FROM customers a JOIN customers b USING (id) AS j ORDER BY j.id

SELECT id, note FROM orders ORDER BY total USING >, id USING < LIMIT 3

SELECT array_agg(id ORDER BY id USING OPERATOR(pg_catalog.>)) FROM orders WHERE id < 5

SELECT '{1,2}'::int4 ARRAY, CAST('{a}' AS text ARRAY[3]), $1::int ARRAY[4] \bind {1,2}

SELECT tableoid::regclass AS relation, o.tableoid::regclass, id FROM orders o WHERE id = 2

SELECT tableoid::regclass, count(*) FROM orders GROUP BY 1

#open
SELECT setseed(0.5)

SELECT !! 'cat'::tsquery, 'a'::tsquery || !! 'b'::tsquery

SELECT x.* FROM XMLTABLE(XMLNAMESPACES('http://x.y' AS zz), '/zz:rows/zz:row' PASSING '<rows xmlns="http://x.y"><row><a>10</a></row></rows>' COLUMNS a int PATH 'zz:a') AS x

#open
INSERT INTO orders (id, customer_id) SELECT $1, 2 ON CONFLICT (id) DO UPDATE SET note = excluded.note || 'x', total = 1 RETURNING id, note \bind 7

#open
INSERT INTO orders SELECT 7, 2 ON CONFLICT DO NOTHING

#open
UPDATE orders SET (note, total) = ('x', DEFAULT) WHERE id = 3 RETURNING id, note, total

#open
#18
UPDATE orders SET total = total + 1 WHERE id = 3 RETURNING old.total, new.total, total, old.id

#open
#18
UPDATE orders SET total = total + 1 WHERE id = 3 RETURNING WITH (OLD AS o, NEW AS n) o.total, n.total, n.*

#open
#18
DELETE FROM orders WHERE id = 3 RETURNING old, new, old.*

#open
#18
INSERT INTO orders (id, note) VALUES (7, 'x') ON CONFLICT (id) DO UPDATE SET note = excluded.note RETURNING old.note, new.note

#open
#18
MERGE INTO orders o USING customers c ON c.id = o.id AND o.id = 3 WHEN MATCHED THEN UPDATE SET note = 'x' RETURNING merge_action(), old.note, new.note, c.id

#open
SET LOCAL SCHEMA 'public'

#open
#fails
CREATE USER ordinary_user WITH ENCRYPTED PASSWORD 'x' VALID UNTIL 'infinity'

SELECT * FROM current_schema()

SELECT * FROM current_schema() AS s CROSS JOIN session_user, customers ORDER BY id

#open
SET LOCAL TIME ZONE INTERVAL '+02:00' HOUR TO MINUTE

#open
CREATE TYPE ordinary_mood AS ENUM ($a$a'b$a$, E'c\'d', 'e')

#open
#simple
CREATE SCHEMA ordinary_new; CREATE TABLE ordinary_new.t (made timestamptz DEFAULT now() + interval '1 day', n int DEFAULT 1 + 1)

#open
#simple
CREATE FUNCTION ordinary_one() RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE ordinary_made (made timestamptz DEFAULT now()); DROP FUNCTION ordinary_one(); INSERT INTO ordinary_made DEFAULT VALUES

#open
DROP SCHEMA IF EXISTS ordinary_gone CASCADE

#open
DROP EXTENSION IF EXISTS ordinary_gone CASCADE

#open
DROP TYPE IF EXISTS ordinary_gone, public.ordinary_other CASCADE

#open
DROP DOMAIN IF EXISTS ordinary_gone CASCADE
