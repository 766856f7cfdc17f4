## Long because it is a corpus: statements of PostgreSQL 15, for the tests of what reads them. A record is a line and the lines behind it
## that begin with a blank; lines that begin with ## say what follows.
## Long because it is a corpus: nobody reads it from top to bottom.

## SELECT: lists, aliases, literals
SELECT
SELECT 1
select 1;
;SELECT 1;;
TABLE users
TABLE ONLY users
VALUES (1)
VALUES (1, 'a'), (2, 'b'), (3, NULL)
(SELECT 1)
((SELECT 1))
(VALUES (1), (2)) ORDER BY 1 LIMIT 1
SELECT *
SELECT * FROM users
SELECT users.* FROM users
SELECT public.users.* FROM public.users
SELECT public.users.id FROM public.users
SELECT u.* FROM users AS u
SELECT u.* FROM users u
SELECT id, name FROM users
SELECT id AS key, name AS "Label" FROM users
SELECT id key, name "Label" FROM users
SELECT 1 AS one, 'two' AS two, 3.0 AS three, NULL AS four, TRUE AS five
SELECT -1, +1, - 1, - - 1, -(-1), 1-1, 1 -1, 1- -1
SELECT 0.5, .5, 5., 1e10, 1E-10, 1.5e+3, 12345678901234567890, 1e400
SELECT 9223372036854775807, -9223372036854775808, 2147483648, -2147483648
SELECT 'it''s', '', ' ', '''', 'a "b" c', 'a;b', 'a--b', 'a/*b*/c', '$1', '?', '\'
SELECT E'it\'s', E'\n\t\\', e'\x41', E'a''b', E'\u00e9', E'\'; DROP TABLE users; --'
SELECT U&'d\0061t\+000061', U&'', u&'it''s'
SELECT $$it's$$, $tag$a $$ b$tag$, $a$$b$$a$, $$$$, $Tag_1$x$Tag_1$
SELECT B'101', b'', X'1F', x'ff', B'1' || B'0'
SELECT N'national', n'x'
SELECT 'a' 
 'b' 
  'c'
SELECT TRUE, FALSE, NULL, UNKNOWN.x FROM unknown
SELECT CURRENT_DATE, CURRENT_TIME, CURRENT_TIMESTAMP, LOCALTIME, LOCALTIMESTAMP
SELECT CURRENT_TIME(3), CURRENT_TIMESTAMP(0), LOCALTIME(6), LOCALTIMESTAMP(2)
SELECT CURRENT_USER, SESSION_USER, USER, CURRENT_ROLE, CURRENT_CATALOG, CURRENT_SCHEMA
SELECT DATE '2024-02-29', TIME '12:34', TIMESTAMP '2024-01-01 00:00', TIMESTAMPTZ 'now'
SELECT TIMESTAMP WITH TIME ZONE '2024-01-01 00:00+02', TIME WITHOUT TIME ZONE '10:00'
SELECT TIMESTAMP(3) '2024-01-01', TIMESTAMP (3) WITH TIME ZONE '2024-01-01', TIME(0) '1:00'
SELECT INTERVAL '1 day', INTERVAL '1' DAY, INTERVAL '1-2' YEAR TO MONTH, INTERVAL(3) '1.5 s'
SELECT INTERVAL '10' SECOND(2), INTERVAL '1 2:03' DAY TO MINUTE, INTERVAL '3' HOUR TO SECOND(1)
SELECT int '1', float8 '1.5', text 'x', boolean 'yes', point '(1,2)', money '$5', json '{"a": 1}'
SELECT bit '101', bit(3) '101', varchar(5) 'hello', character varying 'x', national character (3) 'abc'
SELECT numeric(10,2) '1.25', pg_catalog.int4 '7'
SELECT ALL id FROM users
SELECT DISTINCT name FROM users
SELECT DISTINCT ON (name) id, name FROM users ORDER BY name, id DESC
SELECT DISTINCT ON (name, age / 10) id FROM users ORDER BY 1, 2
SELECT id FROM users WHERE id = 1
SELECT id FROM users WHERE id=1 AND name='x' OR NOT (age>30)
SELECT id FROM users WHERE (id, name) = (1, 'x')
SELECT id FROM users WHERE (id, name) IN ((1, 'x'), (2, 'y'))
SELECT id FROM users WHERE ROW(id, name) = ROW(1, 'x')
SELECT id FROM users WHERE (id, name) < (5, 'm')
SELECT id FROM users WHERE (id, name) = (SELECT 1, 'x')
SELECT id FROM users WHERE id IN (1, 2, 3)
SELECT id FROM users WHERE id NOT IN (1, 2, 3)
SELECT id FROM users WHERE id IN (SELECT user_id FROM orders)
SELECT id FROM users WHERE id NOT IN (SELECT user_id FROM orders WHERE total > 10)
SELECT id FROM users WHERE EXISTS (SELECT 1 FROM orders WHERE orders.user_id = users.id)
SELECT id FROM users WHERE NOT EXISTS (SELECT FROM orders o WHERE o.user_id = users.id)
SELECT id FROM users WHERE id = ANY (SELECT user_id FROM orders)
SELECT id FROM users WHERE id = ANY ('{1,2,3}')
SELECT id FROM users WHERE id = ANY ('{1,2,3}'::int[])
SELECT id FROM users WHERE id = ANY (ARRAY[1, 2, 3])
SELECT id FROM users WHERE id = SOME (ARRAY[1, 2, 3]) AND id <> ALL (ARRAY[4])
SELECT id FROM users WHERE id = ANY ($1) AND name LIKE ANY ($2::text[])
SELECT id FROM users WHERE id > ALL (SELECT max(id) FROM archived)
SELECT id FROM users WHERE id BETWEEN 1 AND 10
SELECT id FROM users WHERE id NOT BETWEEN 1 AND 10 AND age BETWEEN SYMMETRIC 10 AND 5
SELECT id FROM users WHERE name LIKE 'a%' OR name ILIKE '%b' OR name NOT LIKE '_c'
SELECT id FROM users WHERE name LIKE 'a!%' ESCAPE '!' AND name SIMILAR TO '(a|b)%' ESCAPE '\'
SELECT id FROM users WHERE name NOT ILIKE 'x' AND name NOT SIMILAR TO 'y'
SELECT id FROM users WHERE name ~ '^a' AND name !~ 'b$' AND name ~* 'c' AND name !~* 'd'
SELECT id FROM users WHERE name ~~ 'a%' AND name !~~ 'b' AND name ~~* 'c' AND name ^@ 'pre'
SELECT id FROM users WHERE name IS NULL OR age IS NOT NULL OR name ISNULL OR age NOTNULL
SELECT id FROM users WHERE active IS TRUE OR active IS NOT FALSE OR active IS UNKNOWN OR active IS NOT UNKNOWN
SELECT id FROM users WHERE name IS DISTINCT FROM 'x' AND age IS NOT DISTINCT FROM NULL
SELECT id FROM users WHERE doc IS DOCUMENT OR doc IS NOT DOCUMENT
SELECT id FROM users WHERE name IS NORMALIZED OR name IS NOT NFC NORMALIZED
SELECT id FROM users WHERE (born, died) OVERLAPS (DATE '2001-02-16', INTERVAL '100 days')
SELECT id FROM users WHERE id = 1 LIMIT 1
SELECT id FROM users WHERE 1 = 1
SELECT id FROM users WHERE 'x' = name
SELECT id FROM users WHERE TRUE
SELECT id FROM users WHERE active
SELECT id FROM users WHERE NOT active
SELECT id FROM users WHERE id = $1
SELECT id FROM users WHERE id = $1::int AND name = $2
SELECT id FROM users WHERE id=$1 AND name=$2
SELECT id FROM users WHERE id = CAST('1' AS integer)
SELECT id FROM users WHERE price * 2 > 10 AND price + 1.5 <= 100 - 3
SELECT id FROM users WHERE id = (1 + 2) * 3
SELECT id FROM users WHERE id = -1
SELECT id FROM users WHERE id > - 1 AND id < + 5
SELECT id FROM users WHERE id =-1
SELECT id FROM users WHERE a<b AND c>=d AND e<>f AND g!=h AND i<=j
SELECT id FROM users WHERE id = 1 AND (name = 'x' OR (age > 1 AND (age < 5 OR NOT (age = 3))))
SELECT id FROM users LIMIT 10
SELECT id FROM users LIMIT 10 OFFSET 20
SELECT id FROM users OFFSET 20 LIMIT 10
SELECT id FROM users LIMIT ALL OFFSET 5 ROWS
SELECT id FROM users LIMIT NULL
SELECT id FROM users LIMIT $1 OFFSET $2
SELECT id FROM users LIMIT 5 + 5 OFFSET (SELECT 1)
SELECT id FROM users FETCH FIRST 5 ROWS ONLY
SELECT id FROM users FETCH FIRST ROW ONLY
SELECT id FROM users ORDER BY id OFFSET 2 ROWS FETCH NEXT 5 ROWS WITH TIES
SELECT id FROM users ORDER BY id
SELECT id FROM users ORDER BY 1
SELECT id, name FROM users ORDER BY 2 DESC, 1 ASC
SELECT id FROM users ORDER BY id ASC NULLS FIRST, name DESC NULLS LAST
SELECT id FROM users ORDER BY id USING <
SELECT id FROM users ORDER BY id USING OPERATOR(pg_catalog.>)
SELECT id FROM users ORDER BY lower(name) COLLATE "C", age + 1
SELECT id FROM users ORDER BY (SELECT 1), CASE WHEN id = 1 THEN 0 ELSE 1 END
SELECT id FROM users ORDER BY id = 5 DESC, 'x'
SELECT id FROM users FOR UPDATE
SELECT id FROM users FOR NO KEY UPDATE
SELECT id FROM users FOR SHARE
SELECT id FROM users FOR KEY SHARE
SELECT id FROM users u JOIN orders o USING (id) FOR UPDATE OF u NOWAIT
SELECT id FROM users u FOR UPDATE OF u SKIP LOCKED FOR SHARE NOWAIT
SELECT id FROM users WHERE id = 1 LIMIT 1 FOR UPDATE SKIP LOCKED
SELECT id FROM users FOR READ ONLY
SELECT (SELECT count(*) FROM orders) AS n, id FROM users
SELECT ARRAY(SELECT id FROM users), (SELECT ARRAY[1,2])
SELECT 'a'::text, 1::bigint, '2024-01-01'::date, NULL::int, $1::uuid, 'x'::"MyType", 'y'::my.type
SELECT '{1,2}'::int[], '{{1}}'::int[][], 'x'::text ARRAY, 'y'::text ARRAY[3], 'z'::int[3]
SELECT 'a'::varchar(10), 1.5::numeric(10, 2), 'b'::char(3), b'1'::bit(4), 'c'::"char", 'now'::timestamp(3)
SELECT 'x'::character varying(5), 1::double precision, 1::real, 1::dec(5), 1::float(24), 1::float(53)
SELECT '1'::time(3) with time zone, '1 day'::interval day to second(3), '1'::interval(2), 'x'::bit varying(7)
SELECT id::text::varchar(5)::"char" FROM users
SELECT CAST(id AS text), CAST('1' AS numeric(5,1)), CAST(NULL AS int[])
SELECT "id", "Name", "we""ird", "select", "a.b", "?" FROM "Users", "public"."Order Items"
SELECT U&"d\0061ta", u&"x" FROM U&"t"
SELECT ünïcode, 数据, "schlüssel" FROM größe WHERE naïve = 'é'
SELECT $1, $2, $10, $1
SELECT a$b, _x, x1y2 FROM t$1

## Operators
SELECT 1 + 2 - 3 * 4 / 5 % 6 ^ 7
SELECT 2 ^ 3, |/ 25.0, ||/ 27.0, @ -5, 5 !~ 6, ~ 7, 5 & 3, 5 | 3, 5 # 3, 1 << 2, 8 >> 1
SELECT a OPERATOR(pg_catalog.+) b, 1 OPERATOR(pg_catalog.=) 2, OPERATOR(pg_catalog.-) 5 FROM t
SELECT a OPERATOR(public.@@@) 'x' FROM t
SELECT 'a' || 'b' || 1 || NULL
SELECT a <-> b, a <#> b, a <=> b, a @> b, a <@ b, a && b, a -|- b, a &< b, a &> b FROM t
SELECT a |>> b, a <<| b, a ~= b, a ?# b, a ?- b, a ?| b, a ?-| b, a ?|| b, a ## b FROM t
SELECT ?- lseg '((0,0),(1,0))', ?| lseg '((0,0),(0,1))', @-@ path '((0,0),(1,0))', # path '((1,0))'
SELECT x = y IS TRUE, NOT a = b, (a < b) = c FROM t
SELECT a+b,a-b,a*-b,a/-1,a+-1,a- -b FROM t
SELECT 1<-1, 1>-1, 1=-1, a@-1, a<=-b FROM t
SELECT a!=b, a<>b FROM t
SELECT NOT NOT TRUE AND FALSE OR NULL
SELECT a AND b OR c AND NOT d FROM t
SELECT t.a.b FROM t
SELECT (t).a, (t.b).c, (ROW(1,2)).f1, ((t).x).y, (t).* FROM t
SELECT (f(1)).x, (f(x)).*, (SELECT t).y FROM t
SELECT x AT TIME ZONE 'UTC', now() AT TIME ZONE $1 AT TIME ZONE 'x' FROM t
SELECT name COLLATE "de_DE", 'a' COLLATE "C" < 'b' COLLATE pg_catalog."default" FROM t
SELECT a NOTNULL, b ISNULL, c IS NULL = d FROM t
SELECT 3 = ANY ('{1,2}'), 3 < ALL (ARRAY[4]), 'a' LIKE ANY (ARRAY['a%']), 'b' ILIKE ALL ('{b}')
SELECT a <@ ANY ($1), b OPERATOR(pg_catalog.=) ANY (ARRAY[1]) FROM t
SELECT *, a*b FROM t
SELECT count(*)*2, a.*, b.c*d FROM a, b

## JSON
SELECT data -> 'a', data ->> 'b', data #> '{a,b}', data #>> '{a,0}', data -> 0, data ->> -1 FROM docs
SELECT data->'a'->'b'->>'c' FROM docs WHERE data->>'k' = 'v'
SELECT id FROM docs WHERE data @> '{"a": 1}' AND '{"b": 2}' <@ data
SELECT id FROM docs WHERE data ? 'key'
SELECT id FROM docs WHERE data ?| array['a', 'b'] AND data ?& array['c']
SELECT id FROM docs WHERE data ?| '{a,b}' OR data ?& $1
SELECT id FROM docs WHERE data @? '$.a[*] ? (@ > 2)' AND data @@ '$.a[0] == 1'
SELECT id FROM docs WHERE data?'a' AND NOT data?&'{x}' AND data?'b'='t'
SELECT data || '{"x": 1}', data - 'a', data - 0, data #- '{a,b}', data - '{a,b}'::text[] FROM docs
SELECT data['a']['b'], data['c'][0], data[$1] FROM docs
SELECT jsonb_path_query(data, '$.items[*] ? (@.price > $min)', '{"min": 5}') FROM docs
SELECT jsonb_build_object('a', 1, 'b', jsonb_agg(x)), json_agg(t) FROM t
SELECT jsonb_set(data, '{a}', '1'::jsonb, true) FROM docs
SELECT * FROM jsonb_to_recordset('[{"a":1}]') AS x(a int, b text)
SELECT * FROM json_each('{"a":1}') WITH ORDINALITY AS e(k, v, n)
SELECT key, value FROM docs, jsonb_each(docs.data) WHERE key = 'a'
UPDATE docs SET data['a']['b'] = '1', data = jsonb_set(data, '{x}', '"y"') WHERE data ? 'a'

## Arrays
SELECT ARRAY[1,2,3], ARRAY['a','b'], ARRAY[[1,2],[3,4]], ARRAY[]::int[], ARRAY[NULL, 1]
SELECT arr[1], arr[1][2], arr[1:2], arr[:2], arr[2:], arr[:], arr[1:2][3:4], arr[i + 1], (ARRAY[1,2,3])[2] FROM t
SELECT arr[$1], arr[$1:$2], (f(x))[1], (SELECT ARRAY[1])[1] FROM t
SELECT arr || 4, 4 || arr, arr || ARRAY[5], arr && ARRAY[1], arr @> ARRAY[1, 2], arr = '{}' FROM t
SELECT unnest(ARRAY[1,2]), generate_subscripts(arr, 1), array_length(arr, 1), cardinality(arr) FROM t
SELECT * FROM unnest(ARRAY[1,2], ARRAY['a','b']) AS u(a, b)
SELECT * FROM unnest($1::int[]) WITH ORDINALITY u(x, n) WHERE n > 1
UPDATE t SET arr[1] = 5, arr[2:3] = '{6,7}', arr[4] = arr[5] WHERE arr[1] = 4

## Functions, CASE and the like
SELECT now(), random(), pg_sleep(0.1), gen_random_uuid(), version()
SELECT count(*), count(id), count(DISTINCT name), sum(total), avg(total)::int, min(a), max(b) FROM orders
SELECT count(*) FILTER (WHERE total > 10), sum(total) FILTER (WHERE paid) FROM orders
SELECT string_agg(name, ', ' ORDER BY name DESC), array_agg(DISTINCT id ORDER BY id), json_object_agg(a, b) FROM users
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY total), mode() WITHIN GROUP (ORDER BY x DESC) FROM orders
SELECT f(), f(1), f(a => 1, b := 2), f(1, VARIADIC ARRAY[1,2]), f(VARIADIC arr), s.f(x), c.s.f('y') FROM t
SELECT f(DISTINCT a), f(ALL a), f(a ORDER BY b), "F"(1), pg_catalog.lower('X'), "my schema"."my f"(2) FROM t
SELECT CASE WHEN a = 1 THEN 'one' WHEN a = 2 THEN 'two' ELSE 'many' END FROM t
SELECT CASE a WHEN 1 THEN 'one' WHEN 2 THEN 'two' END FROM t
SELECT CASE WHEN EXISTS (SELECT 1 FROM x) THEN (SELECT max(y) FROM z) END
SELECT COALESCE(a, b, 0), NULLIF(a, ''), GREATEST(a, 1, 2), LEAST(b, 3) FROM t
SELECT EXTRACT(year FROM created), EXTRACT('epoch' FROM now() - created), date_part('month', created) FROM t
SELECT SUBSTRING(name FROM 1 FOR 3), SUBSTRING(name FROM 2), SUBSTRING(name FOR 2), substring(name, 1, 2), SUBSTRING(name SIMILAR 'a#"b#"c' ESCAPE '#') FROM t
SELECT POSITION('a' IN name), OVERLAY(name PLACING 'x' FROM 2 FOR 1), TRIM(name), TRIM(BOTH 'x' FROM name), TRIM(LEADING FROM name), TRIM(TRAILING 'y' FROM name) FROM t
SELECT NORMALIZE('x'), NORMALIZE('x', NFD), COLLATION FOR (name), TREAT(a AS int) FROM t
SELECT XMLELEMENT(NAME a, XMLATTRIBUTES('x' AS b), 'c'), XMLFOREST(a, b AS c), XMLCONCAT(x, y), XMLPARSE(DOCUMENT '<a/>'), XMLPI(NAME php, 'x'), XMLROOT(x, VERSION '1.0', STANDALONE YES), XMLSERIALIZE(CONTENT x AS text), XMLEXISTS('//a' PASSING BY VALUE x) FROM t
SELECT * FROM XMLTABLE('/a/b' PASSING doc COLUMNS id int PATH '@id', n FOR ORDINALITY, t text PATH 'c' DEFAULT 'x' NOT NULL)
SELECT XMLTABLE.* FROM docs, XMLTABLE(XMLNAMESPACES('http://x' AS x), '/x:a' PASSING docs.data COLUMNS v text)
SELECT GROUPING(a, b), a FROM t GROUP BY ROLLUP (a, b)
SELECT nextval('seq'), currval('public.seq'), setval('seq', 5, false), lastval()
SELECT nextval('"Seq"'::regclass)
SELECT pg_advisory_lock(1), pg_advisory_xact_lock(1, 2), pg_try_advisory_lock(3), pg_advisory_unlock(1)
SELECT set_config('search_path', 'a, b', false)
SELECT set_config('timezone', $1, true), current_setting('timezone')
SELECT left(name, 2), right(name, 1), replace(name, 'a', 'b'), char_length(name), format('%s', 1) FROM t
SELECT date_trunc('day', created), to_char(created, 'YYYY-MM'), age(created), created + interval '1 month' * 3 FROM t
SELECT to_tsvector('english', body) @@ to_tsquery('a & b'), ts_rank(v, q), plainto_tsquery($1) FROM docs
SELECT md5('x'), encode('x'::bytea, 'hex'), decode('ff', 'hex'), '\x00ff'::bytea
SELECT generate_series(1, 10), generate_series(1, 10, 2)
SELECT (a, b), ROW(), ROW(1), ROW(a, 'x'), (1, 2, 3) FROM t
SELECT current_setting('x.y', true), obj_description('t'::regclass), pg_typeof(1)

## FROM: joins, aliases, functions, LATERAL
SELECT * FROM a, b, c WHERE a.id = b.id AND b.id = c.id
SELECT * FROM a JOIN b ON a.id = b.a_id
SELECT * FROM a INNER JOIN b ON a.id = b.a_id AND b.x = 5
SELECT * FROM a LEFT JOIN b ON a.id = b.a_id LEFT OUTER JOIN c ON c.id = b.c_id
SELECT * FROM a RIGHT JOIN b USING (id) FULL OUTER JOIN c USING (id, x) AS j
SELECT * FROM a CROSS JOIN b NATURAL JOIN c NATURAL LEFT JOIN d
SELECT * FROM (a JOIN b ON TRUE) JOIN (c JOIN d USING (x)) ON a.y = d.y
SELECT * FROM (a CROSS JOIN b) AS ab
SELECT * FROM a AS x (p, q), b y (r), ONLY c, ONLY (d), e *
SELECT * FROM s.a, db.s.b, "S"."B" AS "T"
SELECT * FROM (SELECT id FROM users) AS u
SELECT * FROM (SELECT id FROM users) u (key) WHERE u.key = 1
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v (n, s) WHERE v.n > 1
SELECT * FROM (TABLE users) x
SELECT * FROM (SELECT * FROM (SELECT * FROM (SELECT 1 AS a) x) y) z
SELECT * FROM generate_series(1, 10) AS g
SELECT * FROM generate_series(1, 10) g (n), f(g.n) h
SELECT * FROM f(1) AS t (a int, b text COLLATE "C")
SELECT * FROM f(1) AS (a int, b numeric(5,2))
SELECT * FROM ROWS FROM (f(1), g(2) AS (x int)) WITH ORDINALITY AS r (a, b, c)
SELECT * FROM a, LATERAL (SELECT * FROM b WHERE b.a_id = a.id ORDER BY b.x DESC LIMIT 3) l
SELECT * FROM a LEFT JOIN LATERAL (SELECT count(*) AS n FROM b WHERE b.a_id = a.id) l ON TRUE
SELECT * FROM a CROSS JOIN LATERAL f(a.x) WITH ORDINALITY AS l (v, n)
SELECT * FROM a, LATERAL ROWS FROM (f(a.x), g(a.y)) AS l
SELECT * FROM users TABLESAMPLE SYSTEM (10)
SELECT * FROM users u TABLESAMPLE BERNOULLI (0.5) REPEATABLE (42) WHERE u.id > 1
SELECT * FROM current_date, CURRENT_TIMESTAMP AS t, now()
SELECT u.id, o.id FROM users u, orders o WHERE u.id = o.user_id AND u.name = 'x' AND o.total > 5 AND total < 7
SELECT * FROM users WHERE users.id = 1 AND public.users.name = 'y'
SELECT * FROM a JOIN b ON a.id = b.id AND a.kind = 'k' WHERE b.state = 3

## GROUP BY, windows
SELECT name, count(*) FROM users GROUP BY name
SELECT name, count(*) FROM users GROUP BY name HAVING count(*) > 1 ORDER BY 2 DESC LIMIT 5
SELECT name, count(*) FROM users GROUP BY 1
SELECT a, b, sum(c) FROM t GROUP BY GROUPING SETS ((a, b), (a), ())
SELECT a, b, sum(c) FROM t GROUP BY ROLLUP (a, b), CUBE (c, d)
SELECT a FROM t GROUP BY GROUPING SETS (ROLLUP (a, b), CUBE (c))
SELECT a FROM t GROUP BY DISTINCT ROLLUP (a), ROLLUP (a, b)
SELECT a FROM t GROUP BY ALL a
SELECT count(*) FROM t GROUP BY ()
SELECT date_trunc('day', ts), count(*) FROM t GROUP BY date_trunc('day', ts)
SELECT a / 10, count(*) FROM t GROUP BY a / 10
SELECT sum(x) FROM t HAVING sum(x) > 5
SELECT rank() OVER (ORDER BY total DESC) FROM orders
SELECT row_number() OVER (PARTITION BY user_id ORDER BY id), sum(x) OVER (), count(*) OVER w FROM t WINDOW w AS (PARTITION BY a)
SELECT sum(x) OVER (ORDER BY y ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t
SELECT sum(x) OVER (ORDER BY y RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW) FROM t
SELECT sum(x) OVER (ORDER BY y GROUPS 2 PRECEDING EXCLUDE TIES), avg(x) OVER (w ROWS UNBOUNDED PRECEDING EXCLUDE NO OTHERS) FROM t WINDOW w AS (ORDER BY y), v AS (w)
SELECT sum(x) OVER (ORDER BY ts RANGE BETWEEN '1 day' PRECEDING AND '10 days' FOLLOWING EXCLUDE GROUP) FROM t
SELECT lag(x, 1, 0) OVER w, lead(x) OVER w, first_value(x) OVER w, nth_value(x, 2) OVER w, ntile(4) OVER w FROM t WINDOW w AS (PARTITION BY a, b ORDER BY c DESC NULLS LAST)
SELECT sum(x) FILTER (WHERE y > 1) OVER (PARTITION BY z) FROM t

## Set operations
SELECT 1 UNION SELECT 2
SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 3
SELECT a FROM t INTERSECT SELECT a FROM u EXCEPT ALL SELECT a FROM v
(SELECT a FROM t ORDER BY a LIMIT 1) UNION ALL (SELECT a FROM u ORDER BY a LIMIT 1) ORDER BY 1 LIMIT 5
(SELECT 1 UNION SELECT 2) EXCEPT (SELECT 2 INTERSECT ALL SELECT 3)
SELECT a FROM t UNION TABLE u UNION VALUES (1), (2)
SELECT * FROM (SELECT a FROM t UNION ALL SELECT b FROM u) x WHERE a = 1
((SELECT 1) UNION (SELECT 2)) ORDER BY 1 OFFSET 1

## WITH
WITH a AS (SELECT 1) SELECT * FROM a
WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM a, b
WITH a (x, y) AS (VALUES (1, 2)) SELECT x FROM a WHERE y = 2
WITH a AS MATERIALIZED (SELECT * FROM users), b AS NOT MATERIALIZED (SELECT * FROM orders) SELECT * FROM a JOIN b USING (id)
WITH RECURSIVE t (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT sum(n) FROM t
WITH RECURSIVE tree AS (SELECT id, parent FROM nodes WHERE id = 5 UNION SELECT n.id, n.parent FROM nodes n JOIN tree t ON n.parent = t.id) SELECT * FROM tree ORDER BY id
WITH RECURSIVE g AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM g) SEARCH DEPTH FIRST BY n SET ord SELECT * FROM g LIMIT 5
WITH RECURSIVE g AS (SELECT 1 AS n UNION ALL SELECT n FROM g) SEARCH BREADTH FIRST BY n SET ord CYCLE n SET is_cycle USING path SELECT * FROM g
WITH RECURSIVE g AS (SELECT 1 AS n UNION ALL SELECT n FROM g) CYCLE n SET c TO 'y' DEFAULT 'n' USING p SELECT * FROM g
WITH x AS (INSERT INTO logs (msg) VALUES ('a') RETURNING id) SELECT id FROM x
WITH x AS (UPDATE users SET name = 'y' WHERE id = 1 RETURNING *) SELECT * FROM x
WITH x AS (DELETE FROM users WHERE id < 10 RETURNING *) INSERT INTO archived SELECT * FROM x
WITH s AS (SELECT id FROM users), d AS (DELETE FROM orders USING s WHERE orders.user_id = s.id RETURNING orders.id) SELECT count(*) FROM d
WITH a AS (SELECT 1 AS id) UPDATE users SET name = 'x' FROM a WHERE users.id = a.id
WITH a AS (SELECT 1 AS id) DELETE FROM users USING a WHERE users.id = a.id
WITH a AS (SELECT 1 AS id, 'x' AS name) INSERT INTO users (id, name) SELECT id, name FROM a ON CONFLICT DO NOTHING
WITH a AS (SELECT 1 AS id) MERGE INTO users u USING a ON u.id = a.id WHEN MATCHED THEN DELETE
WITH a AS (SELECT 1) TABLE a
WITH a AS (SELECT 1) VALUES ((SELECT * FROM a))
WITH a AS (SELECT 1) (SELECT * FROM a) UNION ALL SELECT 2
WITH a AS (WITH b AS (SELECT * FROM t) SELECT * FROM b) SELECT * FROM a
SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a) x
SELECT (WITH a AS (SELECT 5 AS v) SELECT v FROM a), id FROM users
INSERT INTO users (id) WITH a AS (SELECT 1 AS id) SELECT id FROM a
WITH "values" AS (SELECT 1), "select" AS (SELECT 2) SELECT * FROM "values", "select"
WITH update_rows AS (SELECT 1) SELECT * FROM update_rows

## INSERT
INSERT INTO users VALUES (1, 'x')
INSERT INTO users (id, name) VALUES (1, 'x')
INSERT INTO users (id, name) VALUES (1, 'x'), (2, 'y'), (3, DEFAULT)
INSERT INTO users (id, name) VALUES ($1, $2) RETURNING id
INSERT INTO users (id, name) VALUES ($1, $2), ($3, $4) RETURNING *, id AS key, lower(name) || 'x'
INSERT INTO public.users AS u (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE u.id > 1
INSERT INTO users DEFAULT VALUES
INSERT INTO users DEFAULT VALUES RETURNING id
INSERT INTO users SELECT * FROM staging
INSERT INTO users (id, name) SELECT id, 'fixed' FROM staging WHERE ok = 't'
INSERT INTO users (SELECT 1, 'x')
INSERT INTO users TABLE staging
INSERT INTO users OVERRIDING SYSTEM VALUE VALUES (1, 'x')
INSERT INTO users (id) OVERRIDING USER VALUE SELECT 5
INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING
INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO NOTHING
INSERT INTO users (id) VALUES (1) ON CONFLICT ON CONSTRAINT users_pkey DO UPDATE SET name = 'dup', n = users.n + 1
INSERT INTO users (id) VALUES (1) ON CONFLICT (lower(name) COLLATE "C" text_ops) WHERE active DO UPDATE SET (a, b) = (1, 'x'), c = DEFAULT
INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET (a, b) = (SELECT 1, 2), d = (SELECT max(x) FROM y)
INSERT INTO users (addr.street, tags[1], tags[2:3]) VALUES ('x', 'a', '{b,c}')
INSERT INTO users (id, data) VALUES (1, '{"a": "b"}'::jsonb), (2, NULL)
INSERT INTO users (id, ts) VALUES (nextval('users_id_seq'), now() + interval '1 day')
INSERT INTO users (id) VALUES ((SELECT max(id) + 1 FROM users))
INSERT INTO "Users" ("Id", "Name") VALUES (1, E'a\nb')
INSERT INTO t (a, b, c, d) VALUES (-1, +2, - 3.5, -(4))
INSERT INTO t (a) VALUES (B'101'), (X'ff'), (N'x'), ($$y$$), (TRUE), (NULL)

## UPDATE
UPDATE users SET name = 'x'
UPDATE users SET name = 'x' WHERE id = 1
UPDATE users SET name = 'x', age = age + 1, n = DEFAULT WHERE id = 1 RETURNING *
UPDATE users u SET name = 'x' WHERE u.id = 1
UPDATE users AS u SET name = o.name FROM orders o WHERE o.user_id = u.id AND o.total > 10
UPDATE ONLY users SET name = 'x'
UPDATE users * SET name = 'x'
UPDATE users SET (name, age) = ('x', 5) WHERE id = 1
UPDATE users SET (name, age) = ROW('x', 5)
UPDATE users SET (name, age) = (SELECT n, a FROM src WHERE src.id = users.id)
UPDATE users SET (name) = ('x')
UPDATE users SET name = (SELECT 'x'), password = crypt('secret', gen_salt('bf')) WHERE id = $1
UPDATE users SET name = CASE WHEN id = 1 THEN 'a' ELSE 'b' END WHERE id IN (1, 2)
UPDATE users SET name = $1 WHERE id = $2 RETURNING id, name
UPDATE users SET name = 'x' WHERE CURRENT OF cur
UPDATE users SET visits = visits + 1, seen = now() WHERE id = 42
UPDATE s.t SET a = b, c = d || 'x' FROM x, y JOIN z ON TRUE WHERE t.id = x.id
UPDATE pg_settings SET setting = 'UTC' WHERE name = 'TimeZone'

## DELETE
DELETE FROM users
DELETE FROM users WHERE id = 1
DELETE FROM ONLY users u WHERE u.id = 1 RETURNING u.id
DELETE FROM users USING orders o, items AS i WHERE users.id = o.user_id AND o.id = i.order_id AND i.sku = 'x'
DELETE FROM users WHERE id IN (SELECT id FROM users ORDER BY id LIMIT 100)
DELETE FROM users WHERE id = ANY ($1::bigint[]) RETURNING *
DELETE FROM users WHERE CURRENT OF cur
DELETE FROM users WHERE ctid = '(0,1)'

## MERGE
MERGE INTO users u USING staging s ON u.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (id, name) VALUES (s.id, s.name)
MERGE INTO users USING (SELECT 1 AS id, 'x' AS name) s ON users.id = s.id WHEN MATCHED AND s.name = 'del' THEN DELETE WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED AND s.id > 5 THEN INSERT DEFAULT VALUES
MERGE INTO ONLY public.users AS u USING staging ON u.id = staging.id WHEN MATCHED THEN UPDATE SET (a, b) = (1, 'x'), c = DEFAULT
MERGE INTO t USING (VALUES (1, 2)) AS v (a, b) ON t.a = v.a WHEN NOT MATCHED THEN INSERT OVERRIDING SYSTEM VALUE VALUES (v.a, 5)
MERGE INTO t USING s ON t.id = s.id AND s.kind = 'k' WHEN MATCHED AND t.x <> s.x THEN UPDATE SET x = s.x + 1 WHEN NOT MATCHED THEN INSERT VALUES (1, 'y')

## COPY
COPY users FROM STDIN
COPY users (id, name) FROM STDIN
COPY users TO STDOUT
COPY users TO STDOUT WITH (FORMAT csv, HEADER true, DELIMITER ';', NULL 'x', QUOTE '"', ESCAPE '\', ENCODING 'UTF8')
COPY users FROM STDIN WITH CSV HEADER DELIMITER ',' QUOTE '''' FORCE NOT NULL name
COPY users FROM '/tmp/users.csv' (FORMAT binary) WHERE id > 5
COPY users FROM PROGRAM 'gunzip' WITH (FREEZE, FORCE_NULL (a, b))
COPY (SELECT id, name FROM users WHERE id > 10 ORDER BY 1) TO STDOUT (FORMAT text)
COPY (UPDATE users SET name = 'x' RETURNING id) TO STDOUT
COPY BINARY users FROM STDIN
COPY users FROM STDIN USING DELIMITERS '|' WITH NULL AS ''
COPY public."Users" ("Id") TO '/tmp/x'

## Transactions
BEGIN
BEGIN;
BEGIN WORK
BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE
BEGIN ISOLATION LEVEL READ COMMITTED, READ ONLY, DEFERRABLE
BEGIN READ WRITE NOT DEFERRABLE
START TRANSACTION
START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY
COMMIT
COMMIT WORK
COMMIT TRANSACTION
COMMIT AND CHAIN
COMMIT AND NO CHAIN
END
END TRANSACTION
ROLLBACK
ROLLBACK WORK AND CHAIN
ROLLBACK TRANSACTION AND NO CHAIN
ABORT
ABORT WORK
SAVEPOINT a
SAVEPOINT "A b"
RELEASE a
RELEASE SAVEPOINT a
ROLLBACK TO a
ROLLBACK TO SAVEPOINT a
ROLLBACK WORK TO SAVEPOINT a
ROLLBACK TRANSACTION TO a
PREPARE TRANSACTION 'gid'
COMMIT PREPARED 'gid'
ROLLBACK PREPARED 'gid'
BEGIN; SELECT 1; COMMIT
BEGIN; UPDATE t SET a = 1 WHERE id = 2; INSERT INTO u VALUES (3); END
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE
SET TRANSACTION READ ONLY
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ UNCOMMITTED
SET LOCAL TRANSACTION READ WRITE
SET CONSTRAINTS ALL DEFERRED
SET CONSTRAINTS a, s.b IMMEDIATE
LOCK users
LOCK TABLE users, ONLY s.orders IN ACCESS EXCLUSIVE MODE NOWAIT
LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE

## Settings
SET search_path TO a, b
SET search_path = 'a', "B"
SET timezone = 'UTC'
SET timezone TO DEFAULT
SET work_mem = '64MB'
SET statement_timeout = 5000
SET statement_timeout TO 0
SET LOCAL lock_timeout = '5s'
SET SESSION datestyle TO ISO, DMY
SET x.y = on
SET x.y.z TO 1.5
SET enable_seqscan = off
SET seed TO -0.5
SET extra_float_digits = 3
SET TIME ZONE 'Europe/Berlin'
SET TIME ZONE LOCAL
SET TIME ZONE DEFAULT
SET TIME ZONE -5
SET TIME ZONE 5.5
SET TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE
SET NAMES 'UTF8'
SET NAMES
SET NAMES DEFAULT
SET ROLE admin
SET ROLE NONE
SET ROLE 'x'
SET SESSION AUTHORIZATION bob
SET SESSION AUTHORIZATION DEFAULT
SET SCHEMA 'x'
SET XML OPTION DOCUMENT
SET CATALOG_x = 1
SET client_encoding FROM CURRENT
RESET ALL
RESET timezone
RESET TIME ZONE
RESET SESSION AUTHORIZATION
RESET TRANSACTION ISOLATION LEVEL
RESET x.y
SHOW ALL
SHOW timezone
SHOW TIME ZONE
SHOW TRANSACTION ISOLATION LEVEL
SHOW SESSION AUTHORIZATION
SHOW x.y

## Prepared statements, cursors, the rest of a session
PREPARE p AS SELECT 1
PREPARE p (int, text) AS SELECT * FROM users WHERE id = $1 AND name = $2
PREPARE p AS INSERT INTO users VALUES ($1) RETURNING id
PREPARE p AS UPDATE users SET a = 1 WHERE id = $1
EXECUTE p
EXECUTE p (1, 'x')
EXECUTE p ($1, now(), ARRAY[1])
DEALLOCATE p
DEALLOCATE PREPARE p
DEALLOCATE ALL
DEALLOCATE PREPARE ALL
DEALLOCATE "P x"
DECLARE c CURSOR FOR SELECT * FROM users
DECLARE c BINARY INSENSITIVE NO SCROLL CURSOR WITH HOLD FOR SELECT * FROM users WHERE id > 5
DECLARE c ASENSITIVE SCROLL CURSOR WITHOUT HOLD FOR VALUES (1)
FETCH c
FETCH NEXT FROM c
FETCH 10 FROM c
FETCH -5 IN c
FETCH ALL c
FETCH FORWARD 10 FROM c
FETCH BACKWARD ALL FROM c
FETCH ABSOLUTE 5 c
FETCH RELATIVE -1 FROM c
FETCH PRIOR FROM c
FETCH FIRST IN c
FETCH LAST c
MOVE 5 FROM c
MOVE FORWARD ALL IN c
CLOSE c
CLOSE ALL
DISCARD ALL
DISCARD PLANS
DISCARD SEQUENCES
DISCARD TEMP
LISTEN ch
LISTEN "Ch"
UNLISTEN ch
UNLISTEN *
NOTIFY ch
NOTIFY ch, 'payload'
LOAD '/usr/lib/x.so'
DO $$ BEGIN PERFORM 1; END $$
DO LANGUAGE plpgsql 'BEGIN NULL; END'
DO $x$ BEGIN RAISE NOTICE 'x'; END $x$ LANGUAGE plpgsql
CALL proc()
CALL s.proc(1, 'x', a => 2)
CHECKPOINT
EXPLAIN SELECT 1
EXPLAIN VERBOSE SELECT * FROM users WHERE id = 1
EXPLAIN ANALYZE SELECT * FROM users WHERE id = 1
EXPLAIN ANALYZE VERBOSE UPDATE users SET a = 1
EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) DELETE FROM users WHERE id = 1
EXPLAIN (COSTS OFF) INSERT INTO users VALUES (1)
EXPLAIN (ANALYZE true, TIMING off) WITH a AS (SELECT 1) SELECT * FROM a
EXPLAIN (FORMAT 'yaml', SETTINGS, WAL) SELECT 1
EXPLAIN EXECUTE p (1)
EXPLAIN DECLARE c CURSOR FOR SELECT 1
EXPLAIN CREATE TABLE t AS SELECT 1
EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1
EXPLAIN MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE
EXPLAIN (ANALYZE) MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE
EXPLAIN ANALYZE (SELECT 1) UNION (SELECT 2)
EXPLAIN ANALYZE VALUES (1)
EXPLAIN ANALYZE EXECUTE p
VACUUM
VACUUM users
VACUUM FULL FREEZE VERBOSE ANALYZE users (id, name)
VACUUM (PARALLEL 4, VERBOSE, INDEX_CLEANUP off) users, s.orders
ANALYZE
ANALYZE users
ANALYZE VERBOSE users (id), orders
ANALYZE (SKIP_LOCKED) users
ANALYSE users
CLUSTER
CLUSTER users
CLUSTER VERBOSE users USING users_idx
CLUSTER (VERBOSE) users
REINDEX TABLE users
REINDEX INDEX CONCURRENTLY s.idx
REINDEX (VERBOSE, TABLESPACE ts) DATABASE db
REINDEX SCHEMA s
REINDEX SYSTEM db

## CREATE TABLE
CREATE TABLE t (id int)
CREATE TABLE t ()
CREATE TABLE IF NOT EXISTS s.t (id serial PRIMARY KEY, name varchar(100) NOT NULL DEFAULT 'x', price numeric(10,2) CHECK (price > 0), ts timestamptz(3) DEFAULT now())
CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY (START WITH 100 INCREMENT BY 5 MINVALUE 1 MAXVALUE 1000 CACHE 10 CYCLE), n int GENERATED BY DEFAULT AS IDENTITY, total int GENERATED ALWAYS AS (a * 2 + 1) STORED)
CREATE TABLE t (a int REFERENCES users, b int REFERENCES s.orders (id) MATCH FULL ON DELETE CASCADE ON UPDATE SET NULL DEFERRABLE INITIALLY DEFERRED, c text COLLATE "C" UNIQUE NULLS NOT DISTINCT)
CREATE TABLE t (a int, b int, CONSTRAINT pk PRIMARY KEY (a, b) INCLUDE (c) WITH (fillfactor = 70) USING INDEX TABLESPACE ts, UNIQUE (a), CHECK (a > 1 AND b < 'x') NO INHERIT, FOREIGN KEY (a) REFERENCES u (x) ON DELETE SET DEFAULT (a) NOT VALID, EXCLUDE USING gist (c WITH &&, a WITH =) WHERE (a > 5))
CREATE TABLE t (LIKE users INCLUDING ALL EXCLUDING INDEXES, x int) INHERITS (base, s.other)
CREATE TABLE t (a int) PARTITION BY RANGE (a, lower(b) COLLATE "C" text_ops, (c + 1))
CREATE TABLE t PARTITION OF p FOR VALUES FROM (1, 'a') TO (10, MAXVALUE)
CREATE TABLE t PARTITION OF p (a NOT NULL, CONSTRAINT c CHECK (a > 1)) FOR VALUES IN ('x', 'y', NULL) PARTITION BY HASH (b)
CREATE TABLE t PARTITION OF p FOR VALUES WITH (MODULUS 4, REMAINDER 0)
CREATE TABLE t PARTITION OF p DEFAULT TABLESPACE ts
CREATE TEMP TABLE t (a int) ON COMMIT DROP
CREATE TEMPORARY TABLE t (a int) ON COMMIT DELETE ROWS
CREATE LOCAL TEMP TABLE t (a int) ON COMMIT PRESERVE ROWS
CREATE GLOBAL TEMPORARY TABLE t (a int)
CREATE UNLOGGED TABLE t (a int) USING heap WITH (fillfactor = 50, autovacuum_enabled = false, toast.x = 'y')
CREATE TABLE t (a int COMPRESSION lz4)
CREATE TABLE t OF my_type (PRIMARY KEY (id), name WITH OPTIONS DEFAULT 'x')
CREATE TABLE t (a int[], b text[][3], c timestamp(3) with time zone, d interval day to second(2), e bit varying(10), f float(30), g double precision, h char, i character(5), j national character varying(7), k dec(5,2), l s.my_type)
CREATE TABLE t AS SELECT * FROM users
CREATE TABLE IF NOT EXISTS t (a, b) WITH (fillfactor = 10) AS SELECT 1, 'x' WITH NO DATA
CREATE TEMP TABLE t ON COMMIT DROP AS SELECT id FROM users WHERE id > 5
CREATE TABLE t AS TABLE users
CREATE TABLE t AS VALUES (1, 'x')
CREATE TABLE t AS EXECUTE p (1)
CREATE TABLE t AS WITH a AS (SELECT 1) SELECT * FROM a
SELECT * INTO t FROM users
SELECT id, 'x' AS y INTO TEMP t FROM users WHERE id = 1
SELECT id INTO UNLOGGED TABLE s.t FROM users
SELECT 1 INTO TEMPORARY TABLE t UNION SELECT 2
WITH a AS (SELECT 1 AS x) SELECT x INTO t FROM a
CREATE FOREIGN TABLE ft (id int OPTIONS (column_name 'x') NOT NULL) SERVER srv OPTIONS (table_name 'y')
CREATE FOREIGN TABLE ft PARTITION OF p FOR VALUES IN (1) SERVER srv

## ALTER and DROP of tables
ALTER TABLE t ADD a int
ALTER TABLE t ADD COLUMN IF NOT EXISTS a varchar(10) DEFAULT 'x' NOT NULL, ADD b int
ALTER TABLE IF EXISTS ONLY s.t DROP COLUMN a, DROP IF EXISTS b CASCADE
ALTER TABLE t ALTER COLUMN a TYPE numeric(5,2) USING a::numeric / 100, ALTER b SET DATA TYPE text COLLATE "C"
ALTER TABLE t ALTER a SET DEFAULT 5, ALTER b DROP DEFAULT, ALTER c SET NOT NULL, ALTER d DROP NOT NULL
ALTER TABLE t ALTER a SET STATISTICS 100, ALTER b SET STORAGE EXTERNAL, ALTER c SET (n_distinct = -0.5), ALTER d RESET (n_distinct)
ALTER INDEX i ALTER COLUMN 2 SET STATISTICS 500
ALTER TABLE t ALTER a ADD GENERATED ALWAYS AS IDENTITY, ALTER b SET GENERATED BY DEFAULT SET START 5 RESTART WITH 10, ALTER c DROP IDENTITY IF EXISTS, ALTER d DROP EXPRESSION
ALTER TABLE t ADD CONSTRAINT c CHECK (a > 5) NOT VALID, ADD PRIMARY KEY (id), ADD FOREIGN KEY (a) REFERENCES u (b)
ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX i DEFERRABLE
ALTER TABLE t VALIDATE CONSTRAINT c, ALTER CONSTRAINT d DEFERRABLE INITIALLY DEFERRED, DROP CONSTRAINT e RESTRICT
ALTER TABLE t DISABLE TRIGGER ALL, ENABLE TRIGGER x, ENABLE REPLICA TRIGGER y, ENABLE ALWAYS RULE z
ALTER TABLE t SET (fillfactor = 70), RESET (fillfactor), SET LOGGED, SET TABLESPACE ts, SET ACCESS METHOD heap
ALTER TABLE t INHERIT p, NO INHERIT q, OF ty, NOT OF, OWNER TO CURRENT_USER, REPLICA IDENTITY USING INDEX i
ALTER TABLE t CLUSTER ON i, SET WITHOUT CLUSTER, ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY
ALTER TABLE p ATTACH PARTITION q FOR VALUES FROM ('a') TO ('b')
ALTER TABLE p ATTACH PARTITION q DEFAULT
ALTER TABLE p DETACH PARTITION q CONCURRENTLY
ALTER TABLE p DETACH PARTITION q FINALIZE
ALTER TABLE t RENAME TO u
ALTER TABLE t RENAME COLUMN a TO b
ALTER TABLE t RENAME a TO b
ALTER TABLE t RENAME CONSTRAINT c TO d
ALTER TABLE t SET SCHEMA s
ALTER TABLE ALL IN TABLESPACE a OWNED BY x SET TABLESPACE b NOWAIT
DROP TABLE t
DROP TABLE IF EXISTS t, s.u, "X y" CASCADE
TRUNCATE t
TRUNCATE TABLE ONLY t, s.u * RESTART IDENTITY CASCADE
TRUNCATE t CONTINUE IDENTITY RESTRICT

## Indexes, views, sequences
CREATE INDEX ON t (a)
CREATE INDEX i ON t (a)
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING btree (a DESC NULLS LAST, lower(b) COLLATE "C" text_pattern_ops, (c + 1)) INCLUDE (d) NULLS NOT DISTINCT WITH (fillfactor = 70) TABLESPACE ts WHERE a > 5 AND b = 'x'
CREATE INDEX i ON t USING gin (a gin_trgm_ops (siglen = 32))
ALTER INDEX i RENAME TO j
ALTER INDEX i SET (fillfactor = 50)
ALTER INDEX i ATTACH PARTITION j
DROP INDEX i
DROP INDEX CONCURRENTLY IF EXISTS s.i, j
CREATE VIEW v AS SELECT * FROM users
CREATE OR REPLACE TEMP VIEW v (a, b) WITH (security_barrier = true) AS SELECT id, 'x' FROM users WHERE id > 5 WITH LOCAL CHECK OPTION
CREATE OR REPLACE VIEW s.v AS WITH a AS (SELECT 1) SELECT * FROM a WITH CHECK OPTION
CREATE RECURSIVE VIEW v (n) AS VALUES (1) UNION ALL SELECT n + 1 FROM v WHERE n < 100
ALTER VIEW v ALTER COLUMN a SET DEFAULT 5
ALTER VIEW v RENAME TO w
DROP VIEW IF EXISTS v, w
CREATE MATERIALIZED VIEW IF NOT EXISTS mv (a) USING heap AS SELECT count(*) FROM orders WITH NO DATA
CREATE UNLOGGED MATERIALIZED VIEW mv AS SELECT 1
REFRESH MATERIALIZED VIEW mv
REFRESH MATERIALIZED VIEW CONCURRENTLY s.mv WITH DATA
ALTER MATERIALIZED VIEW mv SET SCHEMA s
DROP MATERIALIZED VIEW mv
CREATE SEQUENCE s
CREATE TEMP SEQUENCE IF NOT EXISTS q.s AS bigint INCREMENT BY 2 MINVALUE -5 MAXVALUE 100 START WITH 1 CACHE 20 NO CYCLE OWNED BY t.id
CREATE SEQUENCE s NO MINVALUE NO MAXVALUE OWNED BY NONE
ALTER SEQUENCE s RESTART
ALTER SEQUENCE IF EXISTS s RESTART WITH 1000 INCREMENT -1
DROP SEQUENCE s
CREATE STATISTICS st (ndistinct, mcv) ON a, b, (c + 1) FROM t
CREATE STATISTICS IF NOT EXISTS st ON lower(a) FROM s.t
ALTER STATISTICS st SET STATISTICS 100
DROP STATISTICS st

## Other objects
CREATE SCHEMA s
CREATE SCHEMA IF NOT EXISTS s AUTHORIZATION bob
CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT a FROM t
ALTER SCHEMA s RENAME TO t
DROP SCHEMA IF EXISTS s CASCADE
CREATE DATABASE db WITH OWNER bob ENCODING 'UTF8' CONNECTION LIMIT 50 TEMPLATE template0 IS_TEMPLATE true
ALTER DATABASE db SET timezone TO 'UTC'
ALTER DATABASE db CONNECTION LIMIT -1
DROP DATABASE IF EXISTS db WITH (FORCE)
CREATE TABLESPACE ts OWNER bob LOCATION '/data' WITH (seq_page_cost = 1.5)
DROP TABLESPACE ts
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')
CREATE TYPE e AS ENUM ()
CREATE TYPE c AS (a int, b varchar(5) COLLATE "C")
CREATE TYPE r AS RANGE (SUBTYPE = float8, SUBTYPE_DIFF = float8mi)
CREATE TYPE b (INPUT = f, OUTPUT = g, INTERNALLENGTH = 16, ALIGNMENT = double, DEFAULT = 'x', LIKE = int4)
CREATE TYPE shell
ALTER TYPE mood ADD VALUE IF NOT EXISTS 'great' AFTER 'happy'
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'
ALTER TYPE c ADD ATTRIBUTE d int, DROP ATTRIBUTE b CASCADE, ALTER ATTRIBUTE a TYPE text
ALTER TYPE c RENAME ATTRIBUTE a TO z
ALTER TYPE c OWNER TO bob
DROP TYPE IF EXISTS mood, s.c CASCADE
CREATE DOMAIN d AS text CHECK (VALUE ~ '^a' AND length(VALUE) < 10) NOT NULL DEFAULT 'a'
ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE <> 'x') NOT VALID
ALTER DOMAIN d SET DEFAULT 'b'
DROP DOMAIN d
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION s.f(a int, IN b text DEFAULT 'x', OUT c numeric(5,2), INOUT d int = 5, VARIADIC e int[]) RETURNS record LANGUAGE plpgsql IMMUTABLE STRICT SECURITY DEFINER PARALLEL SAFE LEAKPROOF COST 100 ROWS 50 SUPPORT g SET search_path = a, b SET x FROM CURRENT AS $$ BEGIN RETURN; END $$
CREATE FUNCTION f(a s.t.c%TYPE) RETURNS SETOF t.c%TYPE AS 'x' LANGUAGE sql
CREATE FUNCTION f(int) RETURNS TABLE (a int, b text) AS $f$ SELECT 1, 'x' $f$ LANGUAGE 'sql' STABLE
CREATE FUNCTION f(a int) RETURNS SETOF s.t LANGUAGE sql BEGIN ATOMIC SELECT * FROM t WHERE id = a; END
CREATE FUNCTION f(a int) RETURNS int LANGUAGE sql RETURN a + 1
CREATE FUNCTION f(cstring) RETURNS ty AS 'lib.so', 'sym' LANGUAGE c
CREATE PROCEDURE p(a int) LANGUAGE sql BEGIN ATOMIC INSERT INTO t VALUES (a, 'x'); DELETE FROM u WHERE id = 5; END
CREATE PROCEDURE p() AS 'BEGIN COMMIT; END' LANGUAGE plpgsql
ALTER FUNCTION f(int, text) RENAME TO g
ALTER FUNCTION f(int) VOLATILE COST 5 RESET ALL
DROP FUNCTION IF EXISTS f(int, VARIADIC text[]), g CASCADE
DROP PROCEDURE p(int)
DROP ROUTINE r
CREATE AGGREGATE agg (int) (SFUNC = f, STYPE = int, INITCOND = '0')
CREATE AGGREGATE agg (ORDER BY anyelement) (SFUNC = f, STYPE = internal, PARALLEL = SAFE)
DROP AGGREGATE agg (*)
CREATE OPERATOR === (LEFTARG = int, RIGHTARG = int, FUNCTION = f, COMMUTATOR = ===, HASHES)
DROP OPERATOR === (int, int), !! (NONE, bigint)
CREATE OPERATOR CLASS oc DEFAULT FOR TYPE int USING btree AS OPERATOR 1 <, OPERATOR 2 <= (int, int) FOR ORDER BY s.f, FUNCTION 1 btint4cmp(int, int), STORAGE int
CREATE OPERATOR FAMILY of USING hash
ALTER OPERATOR FAMILY of USING btree ADD OPERATOR 1 < (int, int8), FUNCTION 1 (int, int8) f(int, int8)
CREATE CAST (text AS int) WITH FUNCTION f(text) AS IMPLICIT
CREATE CAST (a AS b) WITHOUT FUNCTION AS ASSIGNMENT
DROP CAST IF EXISTS (text AS int)
CREATE TRIGGER tr BEFORE INSERT OR UPDATE OF a, b ON t FOR EACH ROW WHEN (NEW.a > 5 AND OLD.b = 'x') EXECUTE FUNCTION f('arg', 1, 2.5, x)
CREATE OR REPLACE TRIGGER tr AFTER DELETE ON s.t REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE PROCEDURE f()
CREATE CONSTRAINT TRIGGER tr AFTER INSERT ON t FROM u DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION f()
CREATE TRIGGER tr INSTEAD OF TRUNCATE ON t EXECUTE FUNCTION f()
ALTER TRIGGER tr ON t RENAME TO ts
DROP TRIGGER IF EXISTS tr ON s.t
CREATE EVENT TRIGGER et ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'DROP TABLE') EXECUTE FUNCTION f()
ALTER EVENT TRIGGER et DISABLE
DROP EVENT TRIGGER et
CREATE RULE r AS ON INSERT TO t DO INSTEAD INSERT INTO u VALUES (NEW.a, 'x')
CREATE OR REPLACE RULE r AS ON UPDATE TO s.t WHERE OLD.a = 5 DO ALSO (DELETE FROM v WHERE id = OLD.id; NOTIFY ch, 'x')
CREATE RULE r AS ON DELETE TO t DO NOTHING
DROP RULE r ON t
CREATE POLICY p ON t AS RESTRICTIVE FOR UPDATE TO bob, PUBLIC USING (owner = current_user AND kind = 'x') WITH CHECK (a > 5)
ALTER POLICY p ON s.t TO bob USING (TRUE)
ALTER POLICY p ON t RENAME TO q
DROP POLICY IF EXISTS p ON t
CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA s VERSION '1.3' CASCADE
ALTER EXTENSION pgcrypto UPDATE TO '1.4'
ALTER EXTENSION x ADD TABLE s.t
ALTER EXTENSION x DROP FUNCTION f(int)
DROP EXTENSION IF EXISTS pgcrypto
CREATE COLLATION c (LOCALE = 'de_DE.utf8', PROVIDER = icu, DETERMINISTIC = false)
CREATE COLLATION c FROM "C"
CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM f
CREATE LANGUAGE plx HANDLER h INLINE i VALIDATOR v
CREATE TRANSFORM FOR hstore LANGUAGE plx (FROM SQL WITH FUNCTION f(internal), TO SQL WITH FUNCTION g(internal))
CREATE ACCESS METHOD am TYPE INDEX HANDLER h
CREATE TEXT SEARCH CONFIGURATION c (COPY = pg_catalog.english)
CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple, STOPWORDS = 'x', ACCEPT = false)
ALTER TEXT SEARCH CONFIGURATION c ALTER MAPPING FOR a, b WITH d, e
ALTER TEXT SEARCH DICTIONARY d (STOPWORDS = 'y')
CREATE FOREIGN DATA WRAPPER w HANDLER h OPTIONS (a 'x')
CREATE SERVER IF NOT EXISTS s TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER w OPTIONS (host 'h', port '5432')
ALTER SERVER s OPTIONS (SET host 'x', ADD y 'z', DROP q)
CREATE USER MAPPING FOR CURRENT_USER SERVER s OPTIONS (user 'x', password 'secret')
DROP USER MAPPING IF EXISTS FOR PUBLIC SERVER s
IMPORT FOREIGN SCHEMA rs LIMIT TO (a, b) FROM SERVER s INTO ls OPTIONS (x 'y')
IMPORT FOREIGN SCHEMA rs EXCEPT (a) FROM SERVER s INTO ls
CREATE PUBLICATION p FOR TABLE t, s.u (a, b) WHERE (a > 5), TABLES IN SCHEMA z WITH (publish = 'insert')
CREATE PUBLICATION p FOR ALL TABLES
ALTER PUBLICATION p ADD TABLE x
DROP PUBLICATION p
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p, q WITH (copy_data = false)
ALTER SUBSCRIPTION s DISABLE
ALTER SUBSCRIPTION s SKIP (lsn = '0/1')
DROP SUBSCRIPTION IF EXISTS s
CREATE ROLE bob WITH LOGIN PASSWORD 'secret' VALID UNTIL '2030-01-01' CONNECTION LIMIT 5 IN ROLE a, b ADMIN c
CREATE USER bob SUPERUSER NOINHERIT ENCRYPTED PASSWORD 'x'
CREATE GROUP g
ALTER ROLE bob SET search_path TO a, b
ALTER ROLE ALL IN DATABASE db RESET ALL
ALTER USER bob PASSWORD NULL
ALTER ROLE bob RENAME TO rob
DROP ROLE IF EXISTS bob, alice
DROP OWNED BY bob CASCADE
REASSIGN OWNED BY bob TO alice
GRANT SELECT, INSERT (a, b), UPDATE ON TABLE t, s.u TO bob, PUBLIC WITH GRANT OPTION GRANTED BY alice
GRANT ALL PRIVILEGES ON ALL TABLES IN SCHEMA s TO bob
GRANT USAGE ON SEQUENCE q TO bob
GRANT EXECUTE ON FUNCTION f(int), g TO bob
GRANT a, b TO c WITH ADMIN OPTION
GRANT CONNECT ON DATABASE db TO bob
GRANT SET ON PARAMETER x.y TO bob
REVOKE GRANT OPTION FOR ALL ON t FROM bob CASCADE
REVOKE ADMIN OPTION FOR a FROM b
ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA s GRANT SELECT ON TABLES TO b
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC
COMMENT ON TABLE t IS 'x'
COMMENT ON COLUMN s.t.a IS 'it''s'
COMMENT ON FUNCTION f(int, text) IS NULL
COMMENT ON INDEX i IS $$y$$
COMMENT ON CONSTRAINT c ON t IS 'x'
COMMENT ON CONSTRAINT c ON DOMAIN d IS 'x'
COMMENT ON TRIGGER tr ON s.t IS 'x'
COMMENT ON LARGE OBJECT 12345 IS 'x'
COMMENT ON TYPE ty IS E'a\'b'
COMMENT ON SCHEMA s IS 'x'
SECURITY LABEL FOR 'p' ON TABLE t IS 'x'
SECURITY LABEL ON COLUMN t.a IS NULL
ALTER LARGE OBJECT 12345 OWNER TO bob
ALTER SYSTEM SET work_mem = '64MB'
ALTER SYSTEM RESET ALL
ALTER FUNCTION f(int) DEPENDS ON EXTENSION x
ALTER INDEX i NO DEPENDS ON EXTENSION x
ALTER COLLATION c REFRESH VERSION
ALTER OPERATOR === (int, int) SET (RESTRICT = f, JOIN = NONE)
ALTER FOREIGN TABLE ft ALTER a OPTIONS (SET column_name 'y')
DROP FOREIGN TABLE ft
DROP SERVER s CASCADE
DROP LANGUAGE plx
DROP ACCESS METHOD am

## Comments, blanks, several statements
/* a */ SELECT /* b /* nested */ c */ 1 -- end
SELECT 1 -- comment with 'quote
SELECT 1/* ' */+/* " */2
-- leading
  SELECT 1
/*controller='users',framework='django',traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/ SELECT 1
SELECT 'a' /* x */ AS b
SELECT a--b
  ,c FROM t
SELECT	1 ,
   2
SELECT 1; SELECT 2
SELECT 1; INSERT INTO t VALUES (1, 'x'); UPDATE t SET a = 2 WHERE b = 'y';
SELECT 'a;b'; SELECT "c;d" FROM "e;f"; SELECT $$;$$
;;;
CREATE TABLE a (x int); CREATE INDEX ON a (x); DROP TABLE a
select+1,-1 from t
SELECT"a"FROM"t"WHERE"b"='x'AND"c"=1
SELECT(1),(a)FROM t WHERE(x)=(1)AND(y)IN(1,2)
SELECT a,b,c FROM t WHERE x='1'AND y=2 OR z=3

## As Django writes them
SELECT "shop_order"."id", "shop_order"."customer_id", "shop_order"."total" FROM "shop_order" WHERE "shop_order"."id" = 5 LIMIT 21
SELECT "shop_customer"."id", "shop_customer"."email" FROM "shop_customer" WHERE "shop_customer"."id" = 17 LIMIT 21
SELECT COUNT(*) AS "__count" FROM "shop_order" WHERE ("shop_order"."paid" AND "shop_order"."total" > 100.50)
SELECT (1) AS "a" FROM "shop_order" WHERE "shop_order"."customer_id" = 3 LIMIT 1
SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login" FROM "auth_user" WHERE UPPER("auth_user"."username"::text) = UPPER('Admin') ORDER BY "auth_user"."id" ASC LIMIT 1
SELECT "shop_order"."id" FROM "shop_order" INNER JOIN "shop_customer" ON ("shop_order"."customer_id" = "shop_customer"."id") WHERE ("shop_customer"."email" LIKE '%@example.org' AND NOT ("shop_order"."state" IN ('new', 'void'))) ORDER BY "shop_order"."placed_at" DESC LIMIT 20 OFFSET 40
SELECT "a"."id", COUNT("b"."id") AS "n" FROM "a" LEFT OUTER JOIN "b" ON ("a"."id" = "b"."a_id") GROUP BY "a"."id" HAVING COUNT("b"."id") > 2 ORDER BY "n" DESC
SELECT DISTINCT "a"."id" FROM "a" WHERE EXISTS(SELECT 1 AS "a" FROM "b" U0 WHERE (U0."a_id" = ("a"."id") AND U0."kind" = 'x') LIMIT 1)
SELECT "django_session"."session_key", "django_session"."session_data" FROM "django_session" WHERE ("django_session"."expire_date" > '2024-05-01T10:00:00+00:00'::timestamptz AND "django_session"."session_key" = 'abc') LIMIT 21
INSERT INTO "shop_order" ("customer_id", "total", "placed_at", "note") VALUES (1, '10.50', '2024-05-01T10:00:00+00:00'::timestamptz, NULL) RETURNING "shop_order"."id"
INSERT INTO "django_migrations" ("app", "name", "applied") VALUES ('shop', '0001_initial', '2024-05-01'::timestamptz) RETURNING "django_migrations"."id"
INSERT INTO "a" ("x", "y") VALUES (1, 'p'), (2, 'q') ON CONFLICT("x") DO UPDATE SET "y" = EXCLUDED."y"
UPDATE "shop_order" SET "total" = ("shop_order"."total" + 5), "state" = 'paid' WHERE "shop_order"."id" = 9
UPDATE "a" SET "n" = (CASE WHEN ("a"."id" = 1) THEN 10 WHEN ("a"."id" = 2) THEN 20 ELSE NULL END)::integer WHERE "a"."id" IN (1, 2)
DELETE FROM "shop_order" WHERE "shop_order"."id" IN (4, 5, 6)
SELECT "a"."id" FROM "a" WHERE ("a"."data" -> 'k') = '"v"'::jsonb AND ("a"."data" #>> '{a,b}') = 'c' AND "a"."data" ? 'z'
SELECT "a"."id" FROM "a" WHERE "a"."tags" @> ARRAY['x', 'y']::varchar(10)[] AND "a"."ts" BETWEEN '2024-01-01'::timestamptz AND '2025-01-01'::timestamptz
SELECT DATE_TRUNC('month', "a"."ts" AT TIME ZONE 'UTC') AS "m", SUM("a"."v") FROM "a" GROUP BY DATE_TRUNC('month', "a"."ts" AT TIME ZONE 'UTC') ORDER BY 1 ASC
SELECT "a"."id" FROM "a" WHERE "a"."parent_id" IS NULL FOR UPDATE SKIP LOCKED
SELECT ROW_NUMBER() OVER (PARTITION BY "a"."k" ORDER BY "a"."id" DESC) AS "rn", "a"."id" FROM "a" WHERE "a"."id" < 1000
CREATE TABLE "shop_order" ("id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "total" numeric(10, 2) NOT NULL, "note" varchar(200) NULL)
ALTER TABLE "shop_order" ADD CONSTRAINT "shop_order_customer_id_fk" FOREIGN KEY ("customer_id") REFERENCES "shop_customer" ("id") DEFERRABLE INITIALLY DEFERRED
CREATE INDEX "shop_order_note_like" ON "shop_order" ("note" varchar_pattern_ops)
SAVEPOINT "s139872_x1"
RELEASE SAVEPOINT "s139872_x1"
ROLLBACK TO SAVEPOINT "s139872_x1"
DECLARE "_django_curs_1_sync_1" NO SCROLL CURSOR WITH HOLD FOR SELECT "a"."id" FROM "a"
SELECT set_config('TimeZone', 'UTC', false)

## As SQLAlchemy writes them
SELECT users.id AS users_id, users.name AS users_name FROM users WHERE users.id = $1::INTEGER
SELECT users.id, users.name, orders_1.id AS id_1, orders_1.user_id FROM users LEFT OUTER JOIN orders AS orders_1 ON users.id = orders_1.user_id WHERE users.name IN ('a', 'b') ORDER BY users.id
SELECT orders.user_id AS orders_user_id, orders.id AS orders_id FROM orders WHERE orders.user_id IN (1, 2, 3, 4, 5)
SELECT anon_1.users_id FROM (SELECT users.id AS users_id FROM users LIMIT 5 OFFSET 10) AS anon_1 LEFT OUTER JOIN orders AS orders_1 ON anon_1.users_id = orders_1.user_id
SELECT count(*) AS count_1 FROM (SELECT users.id AS users_id FROM users WHERE users.age > 18) AS anon_1
INSERT INTO users (name, fullname) VALUES ('ed', 'Ed Jones') RETURNING users.id
INSERT INTO users (name, fullname) SELECT p0::VARCHAR, p1::VARCHAR FROM (VALUES ('a', 'b', 0), ('c', 'd', 1)) AS imp_sen(p0, p1, sen_counter) ORDER BY sen_counter RETURNING users.id, users.id AS id__1
UPDATE users SET name='x' WHERE users.id = 5
UPDATE users SET fullname=$1::VARCHAR, updated=now() WHERE users.id = $2::INTEGER AND users.version = $3::INTEGER
DELETE FROM users WHERE users.id = 5
select pg_catalog.version()
select current_schema()
show standard_conforming_strings
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relname = 'users' AND pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'
SELECT users.id FROM users WHERE (users.a, users.b) IN ((1, 'x'), (2, 'y')) AND users.c @> '{"k": 1}'::JSONB
SELECT EXISTS (SELECT * FROM users WHERE users.email = 'x') AS anon_1

## As Sequelize and TypeORM write them
SELECT "id", "name", "createdAt", "updatedAt" FROM "Users" AS "User" WHERE "User"."id" = 1;
SELECT "User"."id", "Posts"."id" AS "Posts.id", "Posts"."title" AS "Posts.title" FROM "Users" AS "User" LEFT OUTER JOIN "Posts" AS "Posts" ON "User"."id" = "Posts"."userId" WHERE "User"."name" ILIKE '%x%' ORDER BY "User"."id" ASC LIMIT 10 OFFSET 0;
INSERT INTO "Users" ("id","name","createdAt","updatedAt") VALUES (DEFAULT,$1,$2,$3) RETURNING "id","name","createdAt","updatedAt";
UPDATE "Users" SET "name"=$1,"updatedAt"=$2 WHERE "id" = $3
DELETE FROM "Users" WHERE "id" IN (SELECT "id" FROM "Users" WHERE "name" = 'x' LIMIT 1)
START TRANSACTION ISOLATION LEVEL READ COMMITTED;
SELECT count(*) AS "count" FROM "Users" AS "User" WHERE ("User"."deletedAt" IS NULL AND "User"."age" >= 18);
SELECT "User"."id" AS "User_id", "User"."firstName" AS "User_firstName" FROM "user" "User" WHERE ( ("User"."id" = $1) ) AND ( "User"."deletedAt" IS NULL ) LIMIT 1
SELECT DISTINCT "distinctAlias"."User_id" AS "ids_User_id" FROM (SELECT "User"."id" AS "User_id" FROM "user" "User" WHERE "User"."id" = 5) "distinctAlias" ORDER BY "User_id" ASC LIMIT 1
INSERT INTO "user"("firstName", "lastName", "age") VALUES ($1, $2, $3) RETURNING "id"
UPDATE "user" SET "firstName" = $2, "updatedAt" = CURRENT_TIMESTAMP WHERE "id" IN ($1) RETURNING "updatedAt"
SELECT * FROM "information_schema"."tables" WHERE "table_schema" = 'public' AND "table_name" = 'user'
SELECT "t"."id" FROM "public"."User" AS "t" WHERE ("t"."email" = $1 AND 1=1) LIMIT $2 OFFSET $3
SELECT "public"."User"."id", "public"."User"."email" FROM "public"."User" WHERE "public"."User"."id" IN ($1,$2,$3) OFFSET $4

## As Rails writes them
SELECT "users".* FROM "users" WHERE "users"."id" = $1 LIMIT $2
SELECT "posts".* FROM "posts" WHERE "posts"."user_id" IN ($1, $2, $3)
SELECT 1 AS one FROM "users" WHERE "users"."email" = 'x' LIMIT 1
SELECT COUNT(*) FROM (SELECT 1 AS one FROM "users" WHERE "users"."active" = TRUE LIMIT 100) subquery_for_count
SELECT "users"."id" FROM "users" ORDER BY "users"."id" ASC LIMIT 1000
SELECT "users"."id" AS t0_r0, "posts"."id" AS t1_r0 FROM "users" LEFT OUTER JOIN "posts" ON "posts"."user_id" = "users"."id" WHERE "posts"."state" = 1
INSERT INTO "users" ("name", "created_at", "updated_at") VALUES ('x', '2024-05-01 10:00:00.123456', '2024-05-01 10:00:00.123456') RETURNING "id"
INSERT INTO "users" ("name","email") VALUES ('a', 'b'), ('c', 'd') ON CONFLICT ("email") DO UPDATE SET updated_at=(CASE WHEN ("users"."name" IS NOT DISTINCT FROM excluded."name") THEN "users".updated_at ELSE CURRENT_TIMESTAMP END),"name"=excluded."name" RETURNING "id"
UPDATE "users" SET "name" = 'y', "updated_at" = '2024-05-01 10:00:00' WHERE "users"."id" = 1
UPDATE "posts" SET "comments_count" = COALESCE("comments_count", 0) + 1 WHERE "posts"."id" = 7
DELETE FROM "users" WHERE "users"."id" = 1
SELECT "schema_migrations"."version" FROM "schema_migrations" ORDER BY "schema_migrations"."version" ASC
SELECT pg_try_advisory_lock(1234567890123)
SET client_min_messages TO 'warning'
SET standard_conforming_strings = on
SET SESSION timezone TO 'UTC'
SELECT t.oid, t.typname FROM pg_type as t WHERE t.typname IN ('int2', 'int4', 'text')
SELECT a.attname, format_type(a.atttypid, a.atttypmod), pg_get_expr(d.adbin, d.adrelid), a.attnotnull FROM pg_attribute a LEFT JOIN pg_attrdef d ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attrelid = '"users"'::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum

## As Hibernate and JDBC write them
select u1_0.id,u1_0.name from users u1_0 where u1_0.id=$1
select o1_0.id,o1_0.total from orders o1_0 left join users u1_0 on u1_0.id=o1_0.user_id where u1_0.name like $1 escape '' order by o1_0.id desc fetch first $2 rows only
select count(u1_0.id) from users u1_0 where u1_0.age>18 and u1_0.active=true
select next_val as id_val from users_seq for update
select nextval('users_seq')
insert into users (name,version,id) values ($1,$2,$3)
update users set name=$1,version=$2 where id=$3 and version=$4
delete from users where id=$1 and version=$2
select u1_0.id from users u1_0 where (u1_0.a,u1_0.b) in ((1,'x'),(2,'y')) and coalesce(u1_0.c,'')<>'z' offset 5 rows fetch first 10 rows only
select p.proname from pg_catalog.pg_proc p, pg_catalog.pg_namespace n where n.oid=p.pronamespace and n.nspname='public' and p.proname~'^f'
SET extra_float_digits = 3
SET application_name = 'PostgreSQL JDBC Driver'
BEGIN READ ONLY
select 1 from users u where u.id = 5 and exists (select 1 from orders o where o.user_id = u.id and o.total between 1 and 2 + 3)

## As pgbench, psql and monitoring write them
SELECT abalance FROM pgbench_accounts WHERE aid = 814321;
UPDATE pgbench_accounts SET abalance = abalance + -1234 WHERE aid = 5;
INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, -4, CURRENT_TIMESTAMP);
SELECT c.oid, n.nspname, c.relname FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relname OPERATOR(pg_catalog.~) '^(users)$' COLLATE pg_catalog.default AND pg_catalog.pg_table_is_visible(c.oid) ORDER BY 2, 3;
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), (SELECT pg_catalog.pg_get_expr(d.adbin, d.adrelid, true) FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum AND a.atthasdef) FROM pg_catalog.pg_attribute a WHERE a.attrelid = '16384' AND a.attnum > 0;
SELECT pid, now() - query_start AS d, state, left(query, 100) FROM pg_stat_activity WHERE state <> 'idle' AND pid <> pg_backend_pid() ORDER BY 2 DESC LIMIT 10
SELECT sum(heap_blks_hit)::float / nullif(sum(heap_blks_hit) + sum(heap_blks_read), 0) FROM pg_statio_user_tables
SELECT pg_size_pretty(pg_total_relation_size('users')), pg_is_in_recovery()
SELECT slot_name, pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) FROM pg_replication_slots WHERE slot_type = 'logical'
