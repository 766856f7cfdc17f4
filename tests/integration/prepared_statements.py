"""Statements for test_prepared_form.py: a schema with every kind of type, and random SELECTs over it.

Three of four literals fit their column, the others are out of range, badly written or of another kind.
What a statement is compared by is in its order: those with a LIMIT have an ORDER BY over a key.
"""
import random
from dataclasses import dataclass

SCHEMA = r"""
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (n int, t text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN short AS text CHECK (length(VALUE) < 6);
CREATE DOMAIN three AS varchar(3);
CREATE DOMAIN tenth AS numeric(4,1) NOT NULL;
CREATE DOMAIN good AS mood CHECK (VALUE <> 'sad');
CREATE DOMAIN small_list AS int[] CHECK (array_length(VALUE, 1) < 4);
CREATE DOMAIN german AS text COLLATE "C";
CREATE DOMAIN whole_second AS timestamp(0);
CREATE TABLE everything (
  id int PRIMARY KEY, c_int2 int2, c_int4 int4, c_int8 int8, c_numeric numeric, c_numeric52 numeric(5,2),
  c_float4 float4, c_float8 float8, c_money money, c_text text, c_varchar varchar(5), c_char char(5),
  c_letter "char", c_name name, c_bool bool, c_bytea bytea, c_date date, c_time time, c_timetz timetz,
  c_timestamp timestamp, c_seconds timestamp(0), c_timestamptz timestamptz, c_interval interval, c_uuid uuid,
  c_inet inet, c_cidr cidr, c_macaddr macaddr, c_json json, c_jsonb jsonb, c_ints int[], c_texts text[],
  c_range int4range, c_period tstzrange, c_ranges int4multirange, c_mood mood, c_moods mood[], c_pair pair,
  c_positive positive, c_short short, c_three three, c_tenth tenth DEFAULT 1, c_good good,
  c_list small_list, c_german german, c_second whole_second, c_oid oid, c_class regclass, c_bits bit(3),
  c_varbits varbit, c_point point, c_vector tsvector, c_query tsquery, c_xml xml, c_lsn pg_lsn, c_citext citext,
  c_hstore hstore, c_ltree ltree, c_sorted text COLLATE "C");
INSERT INTO everything
SELECT i, i, i * 10, i * 1000000000::int8, i + 0.50, i + 0.25, i + 0.1::float4, i / 3.0, i::text::money,
  'text' || i, 'v' || i, 'c' || i, chr(64 + i)::"char", 'name' || i, i % 2 = 0, decode(lpad(to_hex(i), 2, '0'), 'hex'),
  date '2024-01-01' + i, time '10:00' + i * interval '1 minute', ('10:0' || i % 10 || '+02')::timetz,
  timestamp '2024-01-01 10:00' + i * interval '1 hour', timestamp '2024-01-01 10:00:00.6' + i * interval '1 hour',
  timestamptz '2024-01-01 10:00+00' + i * interval '1 hour', i * interval '1 day',
  lpad(i::text, 32, '0')::uuid, ('10.0.0.' || i)::inet, ('10.0.' || i || '.0/24')::cidr,
  ('08:00:2b:01:02:' || lpad(i::text, 2, '0'))::macaddr, ('{"k":' || i || '}')::json, ('{"k":"v' || i || '"}')::jsonb,
  ARRAY[i, i + 1], ARRAY['a' || i, 'b'], int4range(i, i + 5),
  tstzrange(timestamptz '2024-01-01 00:00+00', timestamptz '2024-01-01 00:00+00' + i * interval '1 day'),
  int4multirange(int4range(i, i + 2)), (ARRAY['sad','ok','happy'])[1 + i % 3]::mood,
  ARRAY['sad', 'ok']::mood[], ROW(i, 't' || i)::pair, i, 's' || i, 't' || i, i + 0.5,
  (ARRAY['ok','happy'])[1 + i % 2]::mood, ARRAY[i], 'g' || i, timestamp '2024-01-01 10:00' + i * interval '1 hour',
  i, 'pg_class'::regclass, (i % 8)::bit(3), (i % 8)::bit(3)::varbit, point(i, i), ('word' || i)::tsvector,
  ('word' || i)::tsquery, '<a/>'::xml, ('0/' || to_hex(i))::pg_lsn, 'Ci' || i, ('k=>' || i)::hstore,
  ('a.b' || i)::ltree, 'S' || i
FROM generate_series(1, 24) i;
INSERT INTO everything (id, c_tenth) VALUES (100, 5), (101, 5);
CREATE TABLE nothing (LIKE everything);
CREATE VIEW seen AS SELECT * FROM everything WHERE id < 20;
CREATE VIEW guarded WITH (security_barrier) AS SELECT * FROM everything WHERE c_bool;
CREATE TABLE protected (LIKE everything);
INSERT INTO protected SELECT * FROM everything;
ALTER TABLE protected ENABLE ROW LEVEL SECURITY;
CREATE POLICY thirds ON protected USING (id % 3 = 0);
CREATE TABLE by_range (id int, c_int4 int4, c_text text, c_int8 int8, c_date date) PARTITION BY RANGE (c_int4);
CREATE TABLE by_range1 PARTITION OF by_range FOR VALUES FROM (0) TO (100);
CREATE TABLE by_range2 PARTITION OF by_range FOR VALUES FROM (100) TO (1000);
CREATE TABLE by_list (LIKE by_range) PARTITION BY LIST (c_text);
CREATE TABLE by_list1 PARTITION OF by_list FOR VALUES IN ('text1', 'text2');
CREATE TABLE by_list2 PARTITION OF by_list DEFAULT;
CREATE TABLE by_hash (LIKE by_range) PARTITION BY HASH (c_int8);
CREATE TABLE by_hash1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_hash2 PARTITION OF by_hash FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO by_range SELECT id, c_int4, c_text, c_int8, c_date FROM everything WHERE id < 100;
INSERT INTO by_list SELECT * FROM by_range;
INSERT INTO by_hash SELECT * FROM by_range;
CREATE INDEX ON everything (c_int4); CREATE INDEX ON everything (c_text); CREATE INDEX ON everything (lower(c_text));
CREATE INDEX ON everything (c_int8) WHERE c_bool; CREATE INDEX ON everything (c_timestamptz);

CREATE FUNCTION kind(int) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''int''';
CREATE FUNCTION kind(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''text''';
CREATE FUNCTION kind(numeric) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''numeric''';
CREATE FUNCTION same(anyelement) RETURNS anyelement LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION either(anycompatible, anycompatible) RETURNS anycompatible LANGUAGE sql IMMUTABLE
  AS 'SELECT coalesce($1, $2)';
CREATE FUNCTION label(everything) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT ''row '' || $1.id';

-- Operators and casts of users: they shadow or overload those of pg_catalog for who has this schema.
CREATE SCHEMA odd;
CREATE FUNCTION odd.mood_text(mood, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = lower($2)';
CREATE OPERATOR odd.= (LEFTARG = mood, RIGHTARG = text, FUNCTION = odd.mood_text);
CREATE FUNCTION odd.pair_int(pair, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT ($1).n = $2';
CREATE OPERATOR odd.= (LEFTARG = pair, RIGHTARG = int, FUNCTION = odd.pair_int);
CREATE FUNCTION odd.short_short(short, short) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT lower($1::text) = lower($2::text)';
CREATE OPERATOR odd.= (LEFTARG = short, RIGHTARG = short, FUNCTION = odd.short_short);
CREATE FUNCTION odd.positive_positive(positive, positive) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1::int % 10 = $2::int % 10';
CREATE OPERATOR odd.= (LEFTARG = positive, RIGHTARG = positive, FUNCTION = odd.positive_positive);
CREATE FUNCTION odd.three_three(three, three) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1::text <= $2::text';
CREATE OPERATOR odd.<= (LEFTARG = three, RIGHTARG = three, FUNCTION = odd.three_three);
CREATE FUNCTION odd.second_second(whole_second, whole_second) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1::timestamp >= $2::timestamp';
CREATE OPERATOR odd.>= (LEFTARG = whole_second, RIGHTARG = whole_second, FUNCTION = odd.second_second);
CREATE FUNCTION odd.in_list(anyelement, anyarray) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = ANY ($2)';
CREATE OPERATOR odd.< (LEFTARG = anyelement, RIGHTARG = anyarray, FUNCTION = odd.in_list);
CREATE FUNCTION odd.int_text(int, text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1::text = $2';
CREATE OPERATOR odd.= (LEFTARG = int, RIGHTARG = text, FUNCTION = odd.int_text);
CREATE FUNCTION odd.text_int(text, int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 = ''text'' || $2';
CREATE OPERATOR odd.= (LEFTARG = text, RIGHTARG = int, FUNCTION = odd.text_int);
CREATE TYPE odd.celsius AS (degrees int8);
CREATE FUNCTION odd.celsius(int) RETURNS odd.celsius LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::odd.celsius';
CREATE CAST (int AS odd.celsius) WITH FUNCTION odd.celsius(int) AS IMPLICIT;
CREATE FUNCTION odd.celsius(text) RETURNS odd.celsius LANGUAGE sql IMMUTABLE AS 'SELECT ROW(length($1))::odd.celsius';
CREATE CAST (text AS odd.celsius) WITH FUNCTION odd.celsius(text) AS IMPLICIT;
CREATE FUNCTION odd.warmer(odd.celsius, odd.celsius) RETURNS bool LANGUAGE sql IMMUTABLE
  AS 'SELECT ($1).degrees > ($2).degrees';
CREATE OPERATOR odd.> (LEFTARG = odd.celsius, RIGHTARG = odd.celsius, FUNCTION = odd.warmer);
CREATE TABLE odd.weather (id int PRIMARY KEY, c_celsius odd.celsius, c_text text);
INSERT INTO odd.weather SELECT i, ROW(i)::odd.celsius, 't' || i FROM generate_series(1, 9) i;
GRANT USAGE ON SCHEMA odd TO app;
GRANT SELECT ON ALL TABLES IN SCHEMA public, odd TO app;
"""

# Literals that fit a column, as one writes them.
FITTING = {
    "c_int2": ["7", "'7'", "32767", "'-3'"], "c_int4": ["70", "'70'", "2147483647"],
    "c_int8": ["7000000000", "'7000000000'", "9", "2147483648", "4294967296"],
    "c_numeric": ["7.50", "7", "'7.5'", "'NaN'", "99999999999999999999"], "c_numeric52": ["7.25", "'7.25'", "7.250"],
    "c_float4": ["7.1", "'7.1'", "7", "'Infinity'"], "c_float8": ["2", "'2'", "2.6666666666666667", "1.0"],
    "c_money": ["'$7.00'", "'7'", "'1,000.00'"], "c_text": ["'text7'", "'TEXT7'", "''", "'it''s'", "$$text7$$", "E'text7'"],
    "c_varchar": ["'v7'", "'v7   '", "'much too long'"], "c_char": ["'c7'", "'c7   '", "'c7       x'"],
    "c_letter": ["'A'", "'ABC'", "''"], "c_name": ["'name7'", "'" + "n" * 70 + "'"],
    "c_bool": ["'t'", "'off'", "'true'"], "c_bytea": [r"'\x07'", r"'\007'", r"'a\\'"],
    "c_date": ["'2024-01-08'", "'today'", "'Jan 8, 2024'", "'08.01.2024'"], "c_time": ["'10:07'", "'now'", "'10:07:00.5'"],
    "c_timetz": ["'10:07+02'", "'now'"], "c_timestamp": ["'2024-01-01 17:00'", "'now'", "'infinity'"],
    "c_seconds": ["'2024-01-01 17:00:00.6'", "'2024-01-01 17:00:01'"],
    "c_timestamptz": ["'2024-01-01 17:00'", "'2024-01-01 17:00+00'", "'tomorrow'", "'epoch'"],
    "c_interval": ["'7 days'", "'1 week'", "'P7D'", "'7'"], "c_uuid": ["'00000000-0000-0000-0000-000000000007'", "'{00000000000000000000000000000007}'"],
    "c_inet": ["'10.0.0.7'", "'10/8'"], "c_cidr": ["'10.0.7.0/24'", "'10.0.7'"], "c_macaddr": ["'08002b010207'"],
    "c_json": ["'{\"k\":7}'"], "c_jsonb": ["'{\"k\": \"v7\"}'", "'[]'"], "c_ints": ["'{7,8}'", "'{}'", "'{NULL}'"],
    "c_texts": ["'{a7,b}'", "'{\"a7\",NULL}'"], "c_range": ["'[7,12)'", "'empty'", "'[7,11]'"],
    "c_period": ["'[2024-01-01 00:00+00,today)'", "'(,)'"], "c_ranges": ["'{[7,9)}'", "'{}'"],
    "c_mood": ["'ok'", "'happy'"], "c_moods": ["'{sad,ok}'"], "c_pair": ["'(7,t7)'"], "c_positive": ["7", "'7'", "0"],
    "c_short": ["'s7'", "'S7'", "'very long'"], "c_three": ["'t7'", "'t7  '", "'four'"], "c_tenth": ["7.5", "'7.54'", "12345"],
    "c_good": ["'ok'", "'sad'"], "c_list": ["'{7}'", "'{1,2,3,4}'"], "c_german": ["'g7'"],
    "c_second": ["'2024-01-01 17:00:00.4'", "'2024-01-01 17:00'"],
    "c_oid": ["7", "'7'", "4294967295", "4294967296", "99999999999"], "c_class": ["'pg_class'", "'pg_type'", "1259", "99999999999"],
    "c_bits": ["'111'", "'11'", "B'111'", "X'7'"], "c_varbits": ["'111'", "B'111'"], "c_point": ["'(7,7)'"],
    "c_vector": ["'word7'"], "c_query": ["'word7'", "'a &'"], "c_xml": ["'<a/>'"], "c_lsn": ["'0/7'", "7"],
    "c_citext": ["'CI7'", "'ci7'"], "c_hstore": ["'k=>7'"], "c_ltree": ["'a.b7'"], "c_sorted": ["'S7'"],
    "id": ["7", "'7'", "100", "7.0"],
}
ANY_LITERAL = [
    "1", "7", "0", "007", "2147483648", "9223372036854775807", "9223372036854775808", "1.5", "0.0", "1e3", ".5", "5.",
    "-7", "- 7", "999999999999999999999999999999999999", "1" + "0" * 400, "0." + "0" * 400 + "1",
    "0." + "0" * 34 + "1", "''", "'x'", "'7'", "' 7 '", "'7.5'", "'abc'", "'now'", "'{}'", "'{1,2}'", "'(1,2)'", "'2024-01-01'",
    "'NULL'", "NULL", "TRUE", "false", "N'x'", "B'1'", "X'1F'", "E'\\x41'", "E'a\\\\b'", "U&'x'", "'a\\b'", "$q$it's$q$", "'ä€'",
    "'99999999999999999999'", "date '2024-01-08'", "interval '1 day'", "'7'::int", "7::int2", "7::text", "current_date",
    "(7)", "+7", "'sad'", "'f'", "'y'", "'x' 'y'", "'a'\n'b'", "ARRAY[1,2]", "ROW(1,'x')", "(SELECT 7)", "3 + 4", "'a' || 'b'",
]
OPERATORS = ["=", "=", "=", "<>", "!=", "<", ">", "<=", ">="]
PLACES = ["everything"] * 6 + ["nothing", "nothing", "seen", "guarded", "protected"]
PARTITIONED = ["by_range", "by_list", "by_hash"]
CALLS = ["lower({})", "same({})", "kind({})", "coalesce({0}, {0})", "either({0}, {0})", "{}::text", "length({})",
         "{} || ''", "({})", "nullif({0}, {0})", "{} + 1", "- {}", "upper({})", "array_length({}, 1)", "({}).n",
         "{}[1]", "{} ->> 'k'", "{} -> 'k'", "date_trunc('day', {})", "to_char({}, 'YYYY-MM')", "CASE WHEN true THEN {} END",
         "greatest({0}, {0})", "(SELECT max({}) FROM nothing)", "{} COLLATE \"C\"", "pg_typeof({})::text", "abs({})"]


@dataclass
class Statement:
    text: str
    ordered: bool


class Writer:
    """Random statements, the same for the same seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        common = ["id", "c_int2", "c_int4", "c_int8", "c_numeric", "c_float8", "c_text", "c_varchar", "c_char", "c_date",
                  "c_timestamp", "c_timestamptz", "c_bool", "c_mood", "c_uuid", "c_interval"]
        self.columns = [*FITTING, *common, *common]

    def one(self, items):
        return self.random.choice(items)

    def often(self, share):
        return self.random.random() < share

    def literal(self, column):
        kind = self.random.random()
        if kind < 0.75:
            return self.one(FITTING[column])
        return self.one(ANY_LITERAL) if kind < 0.9 else self.one(FITTING[self.one([*FITTING])])

    def column(self, prefix=""):
        column = self.one(self.columns)
        return column, prefix + column

    def condition(self, prefix="", depth=2):
        column, name = self.column(prefix)
        literal = self.literal(column)
        operator = self.one(OPERATORS)
        shape = self.random.randrange(24 if depth else 17)
        gap = self.one(["", " ", " ", " /* x='1' */ "])
        if shape < 6:
            return f"{name}{gap}{operator}{gap}{literal}"
        if shape == 6:
            return f"{literal} {operator} {name}"
        if shape == 7:
            items = ", ".join(self.literal(column) for _ in range(self.random.randint(1, 4)))
            return f"{name} {self.one(['', 'NOT '])}IN ({items})"
        if shape == 8:
            form = self.one(["", "", "NOT "]) + "BETWEEN" + self.one(["", "", "", " SYMMETRIC"])
            return f"{name} {form} {literal} AND {self.literal(column)}"
        if shape == 9:
            return f"{name} {operator} {self.one(['ANY', 'ALL'])} ({self.one(FITTING['c_ints'] + FITTING['c_texts'] + [literal])})"
        if shape in (10, 11):
            return f"{self.one(CALLS).format(name)} {operator} {literal}"
        if shape == 12:
            return f"{name} {self.one(['LIKE', 'ILIKE', '~', 'NOT LIKE', 'SIMILAR TO'])} {literal}"
        if shape == 13:
            return f"{name} {self.one(['IS DISTINCT FROM', 'IS NOT DISTINCT FROM'])} {literal}"
        if shape == 14:
            return f"{name} {self.one(['IS NULL', 'IS NOT NULL'])}"
        if shape == 15:
            other = self.literal(column)
            return self.one([f"({name}, 7) = ({literal}, {other})", f"{name} = ARRAY[{literal}]", f"{name} = {literal} + {other}",
                             f"{name} = coalesce({literal}, {other})", f"{name} IN (VALUES ({literal}), ({other}))",
                             f"{name} = (CASE WHEN {name} = {literal} THEN {other} END)", f"{literal} = {other}",
                             f"{name} = {literal} COLLATE \"C\"", f"label(t) = {literal}", f"t.label = {literal}",
                             f"t = {literal}", f"t.* = {literal}", f"now() > {literal}", f"{name} @> {literal}",
                             f"(SELECT {name} FROM nothing WHERE {name} = {literal}) BETWEEN {literal} AND {other}"])
        if shape == 16:
            return f"c_timestamptz > now() - interval '{self.random.randint(1, 999)} days'"
        if shape in (17, 18):
            return f"({self.condition(prefix, depth - 1)}) {self.one(['AND', 'OR'])} ({self.condition(prefix, depth - 1)})"
        if shape == 19:
            return f"NOT ({self.condition(prefix, depth - 1)}) "
        if shape == 20:
            return f"({self.condition(prefix, depth - 1)}) IS {self.one(['TRUE', 'NOT TRUE', 'UNKNOWN', 'NULL'])}"
        if shape == 21:
            return f"EXISTS (SELECT {literal} FROM {self.one(PLACES)} t WHERE {self.condition('t.', depth - 1)})"
        if shape == 22:
            return (f"{name} {self.one(['IN', 'NOT IN', '= ANY'])} (SELECT t.{column} FROM {self.one(PLACES)} t "
                    f"WHERE {self.condition('t.', depth - 1)})")
        return f"{name} {operator} (SELECT max(t.id) FROM everything t WHERE {self.condition('t.', depth - 1)})"

    def targets(self, prefix=""):
        if self.often(0.2):
            return prefix + "*"
        names = [self.column(prefix)[1] for _ in range(self.random.randint(1, 4))]
        column = self.one(self.columns)
        if self.often(0.15):
            names.append(self.one(ANY_LITERAL))
        if self.often(0.1):
            names.append(f"{prefix}{column} = {self.literal(column)}")
        if self.often(0.1):
            names.append(f"(SELECT t.{column} FROM everything t WHERE {self.condition('t.', 1)} ORDER BY t.id LIMIT 1)")
        return ", ".join(names)

    def ending(self):
        return self.one(["", "", ";", " ; ", " -- end", "/* end */;"])

    def statement(self):
        shape = self.random.randrange(12)
        ordered = False
        if shape < 6:
            text = f"SELECT {self.targets('t.')} FROM {self.one(PLACES)} t WHERE {self.condition('t.')}"
            if self.often(0.5):
                ordered = True
                text += f" ORDER BY t.id{self.one(['', ' DESC', ' LIMIT 3', ' LIMIT 3 OFFSET 1', ' FETCH FIRST 2 ROWS ONLY'])}"
        elif shape == 6:
            column = self.one(self.columns)
            text = (f"SELECT t.{column}, count(*), min(t.id) FROM {self.one(PLACES)} t WHERE {self.condition('t.', 1)} "
                    f"GROUP BY t.{column} HAVING {self.one(['count(*)', 'min(t.id)', 'sum(t.c_int8)', 'max(t.c_text)', 'bool_or(t.c_bool)'])} "
                    f"{self.one(OPERATORS)} {self.one(['0', '1', chr(39) + 't' + chr(39), '1.5', '7000000000', self.literal(column)])}")
        elif shape == 7:
            kind = self.one(["JOIN", "LEFT JOIN", "FULL JOIN", "RIGHT JOIN"])
            text = (f"SELECT t.id, u.id, {self.targets('u.')} FROM {self.one(PLACES)} t {kind} {self.one(PLACES)} u "
                    f"ON t.id = u.id AND {self.condition('u.', 1)} WHERE {self.condition('t.', 1)}")
        elif shape == 8:
            text = (f"WITH w AS {self.one(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}(SELECT * FROM {self.one(PLACES)} t WHERE "
                    f"{self.condition('t.', 1)}) SELECT {self.targets('t.')} FROM w t WHERE {self.condition('t.', 1)}")
        elif shape == 9:
            column = self.one(self.columns)
            text = (f"SELECT {self.one(['t.' + column, self.literal(column)])} FROM everything t WHERE {self.condition('t.', 1)} "
                    f"{self.one(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT'])} "
                    f"SELECT {self.one(['t.' + column, self.literal(column)])} FROM {self.one(PLACES)} t WHERE {self.condition('t.', 1)}")
        elif shape == 10:
            column = self.one(["id", "c_int4", "c_text", "c_int8", "c_date"])
            other = self.one(["id", "c_int4", "c_text", "c_int8", "c_date"])
            text = (f"SELECT * FROM {self.one(PARTITIONED)} WHERE {column} {self.one(OPERATORS)} {self.literal(column)} "
                    f"{self.one(['AND', 'OR'])} {other} IN ({self.literal(other)}, {self.literal(other)})")
        else:
            text = self.one([
                "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < {0}) SELECT n FROM r WHERE n > {1}",
                "SELECT x FROM generate_series(1, 20) x WHERE x > {1} AND x < {0}",
                "SELECT x, y FROM (VALUES ('a', 1), ('b', 2)) v(x, y) WHERE x = {2} OR y = {1}",
                "SELECT x FROM (SELECT 'now' AS x) s WHERE x = {2}",
                "SELECT c_celsius, id FROM odd.weather WHERE c_celsius > {1}",
                "SELECT c_celsius, id FROM odd.weather WHERE c_celsius > {2}",
                "SELECT sum(c_int4) OVER (PARTITION BY c_bool) FROM everything WHERE c_mood = {2}",
                "SELECT count(*) FILTER (WHERE c_int4 > {1}) FROM everything WHERE id < {0}",
                "SELECT DISTINCT c_bool FROM everything WHERE id < {0} AND (SELECT count(*) FROM seen WHERE id = {1}) = {1}",
                "SELECT x.n FROM everything, LATERAL (SELECT c_int4 AS n FROM seen s WHERE s.id = everything.id AND s.c_int4 <> {1}) x",
                "SELECT key, value FROM everything, jsonb_each_text(c_jsonb) WHERE value = {2} AND key <> 'x'",
                "SELECT relname FROM pg_class WHERE oid = {3} AND relname = {2}",
                "SELECT c_text = {2}, count(*) FROM everything WHERE c_int2 > {1} GROUP BY c_text = {2} HAVING c_text = {2}",
            ]).format(self.random.randint(2, 30), self.one(["1", "7", "7.5", "'7'", "3000000000"]),
                      self.one(["'a'", "'ok'", "'OK'", "'v7'", "'7'", "'x''y'"]), self.one(["1259", "'1259'", "4294967296", "99999999999"]))
        return Statement(text + self.ending(), ordered)
