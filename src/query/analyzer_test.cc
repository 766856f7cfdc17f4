// What the analyzer says of PostgreSQL texts, as a table: the text and its effects in words.
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "query/analyzer_testing.h"
#include "sluice/query.h"

namespace sluice::query {
namespace {

using testing::describe;

struct Case {
  std::string_view text;
  std::string_view effects;
};

std::ostream& operator<<(std::ostream& out, const Case& c) { return out << c.text; }

class Effects : public ::testing::TestWithParam<Case> {};

TEST_P(Effects, are_those_of_the_table) {
  EXPECT_EQ(describe(Analyzer{}.examine(GetParam().text)), GetParam().effects);
}

const Case kPlain[] = {
    {"", "empty 0"},
    {"  \n\t ", "empty 0"},
    {"-- nothing", "empty 0"},
    {"/* a /* nested */ comment */", "empty 0"},
    {";", "empty 0"},
    {" ; ;; -- x\n;", "empty 0"},
    {"SELECT 1", "select 1"},
    {"select 1;", "select 1"},
    {";; select 1 ;;", "select 1"},
    {"SeLeCt 1; SELECT 2", "select 2"},
    {"/* hint */ select 1", "select 1"},
    {"-- hint\nselect 1", "select 1"},
    {"(select 1) union (select 2)", "select 1"},
    {"((select 1))", "select 1"},
    {"values (1), (2)", "select 1"},
    {"table t", "select 1"},
    {"select ';', ';' ; select $$;$$", "select 2"},
    {"select \";\" from t", "select 1"},
    {"select 1from t", "select 1"},
    {"select 'it''s; ' || E'\\'; ' || U&'\\0041' || B'01' || X'1f' || N'n'", "select 1"},
    {"select a.b, t.*, x::text, y->>'z', $1, arr[1:2], 1.5e-3, .5 from t", "select 1"},
    {"select * from t where a = -1 and b =-1 and c<>-$2 for update", "select 1"},
    {"with x as (select 1) select * from x", "select 1"},
    {"with recursive x(n) as (values (1) union all select n+1 from x) select * from x", "select 1"},
    {"with values as (select 1) update t set a = 1", "update 1"},
    {"with a as (select 1), insert as (select 2) select 1", "select 1 sequence"},
    {"update t set a = 1", "update 1"},
    {"update t set a = default", "update 1 sequence"},
    {"delete from t", "delete 1"},
    {"insert into t values (1)", "insert 1 sequence"},
    {"insert into t select 1 on conflict do update set a = 2", "insert 1 sequence"},
    {"merge into t using s on t.a = s.a when not matched then insert values (1)",
     "merge 1 sequence"},
    {"with x as (select 1) insert into t select * from x", "insert 1 sequence"},
    {"with x as (insert into t values (1) returning *) select * from x", "insert 1 sequence"},
    {"with x as (delete from t returning *) select * from x", "delete 1"},
    {"with x as (delete from t returning *) insert into u select * from x", "insert 1 sequence"},
    {"(with x as (update t set a = 1 returning *) select * from x)", "update 1"},
    {"with x as (select 1 from t for update) select 1", "select 1"},
    {"explain select 1", "utility 1"},
    {"explain select pg_advisory_lock(1)", "utility 1"},
    {"explain (costs off) insert into t values (1)", "utility 1"},
    {"explain (select 1)", "utility 1"},
    {"explain", "utility 1"},
    {"explain analyze", "utility 1"},
    {"explain analyze select 1", "select 1"},
    {"explain verbose select currval('s')", "utility 1"},
    {"explain analyze verbose insert into t values (1)", "insert 1 sequence"},
    {"EXPLAIN (ANALYZE, BUFFERS) WITH x AS (SELECT 1) DELETE FROM t", "delete 1"},
    {"explain (analyze) (select pg_advisory_lock(1)); select 2", "select 2 pins=advisory_lock"},
    {"copy t from stdin", "copy 1 sequence stdin"},
    {"COPY public.t (a, b) FROM STDIN WITH (FORMAT csv)", "copy 1 sequence stdin"},
    {"copy t from stdout", "copy 1 sequence stdin"},
    {"copy \"from\" from program 'cat'", "copy 1 sequence"},
    {"copy t to stdout", "copy 1"},
    {"copy (select a from stdin) to stdout", "copy 1"},
    {"copy (select nextval('s') from t) to stdout", "copy 1 sequence"},
    {"copy (select nextval(currval('s'))) to stdout", "copy 1 pins=sequence_state sequence"},
    {"create table t (a int)", "ddl 1"},
    {"create table t as select 1", "ddl 1"},
    {"alter table t add b int", "ddl 1"},
    {"drop table t", "ddl 1 may_unpin"},
    {"truncate t", "ddl 1"},
    {"grant execute on function f() to u", "ddl 1"},
    {"comment on table t is 'set role x'", "ddl 1"},
    {"create rule r as on insert to t do also (insert into u values (1); notify n)",
     "ddl 1 sequence"},
    {"create function f() returns void language sql as $$ select pg_advisory_lock(1) $$", "ddl 1"},
    {"create function f() returns void language sql set role = x as 'listen y'", "ddl 1"},
    {"create function f() returns int begin atomic select 1; select case when true then 1 end; "
     "end; "
     "listen x",
     "ddl 2 pins=listen"},
    {"create or replace procedure f() begin atomic end; select 1", "ddl 2"},
    {"create procedure f() begin atomic select pg_advisory_lock(1); end", "ddl 1"},
    {"create function begin(atomic int) returns int return 1; listen x", "ddl 2 pins=listen"},
    {"show all", "utility 1"},
    {"notify x, 'y'", "utility 1"},
    {"lock table t", "utility 1"},
    {"vacuum full t", "utility 1"},
    {"fetch next from c", "utility 1"},
    {"call p(1)", "utility 1 sequence"},
    {"call p(pg_advisory_lock(1))", "utility 1 pins=advisory_lock sequence"},
    {"frobnicate t", "unknown 1 pins=unanalysed"},
    {"'x'", "unknown 1 pins=unanalysed"},
    {"select 1; frobnicate", "select 2 pins=unanalysed"},
};
INSTANTIATE_TEST_SUITE_P(Plain, Effects, ::testing::ValuesIn(kPlain));

const Case kPins[] = {
    {"create temp table t (a int)", "ddl 1 pins=temp_table"},
    {"CREATE TEMPORARY TABLE t AS SELECT 1", "ddl 1 pins=temp_table"},
    {"create local temp table t (a int)", "ddl 1 pins=temp_table"},
    {"create global temporary table t (a int)", "ddl 1 pins=temp_table"},
    {"create temp sequence s", "ddl 1 pins=temp_table"},
    {"create or replace temp view v as select 1", "ddl 1 pins=temp_table"},
    {"create /* really */ temp -- yes\n table t (a int)", "ddl 1 pins=temp_table"},
    {"create table pg_temp.t (a int)", "ddl 1 pins=temp_table"},
    {"create table if not exists \"pg_temp\" . t (a int)", "ddl 1 pins=temp_table"},
    {"create function pg_temp.f() returns int language sql as 'select 1'", "ddl 1 pins=temp_table"},
    {"create function f() returns int set search_path = a, pg_temp return 1", "ddl 1"},
    {"create table temp (temporary int)", "ddl 1"},
    {"create unlogged table t (a int)", "ddl 1"},
    {"select 1 into t", "ddl 1 sequence"},
    {"select 1 into temp t", "ddl 1 pins=temp_table sequence"},
    {"select * into local temporary table t from u", "ddl 1 pins=temp_table sequence"},
    {"select 1 into pg_temp.t", "ddl 1 pins=temp_table sequence"},
    {"with x as (select 1) select * into temp y from x", "ddl 1 pins=temp_table sequence"},
    {"select a.into, b as into from a", "select 1"},
    {"select * from pg_temp.t", "select 1"},
    {"LISTEN x", "utility 1 pins=listen"},
    {"unlisten *", "utility 1 may_unpin"},
    {"select listen from t", "select 1"},
    {"select pg_advisory_lock(1)", "select 1 pins=advisory_lock"},
    {"select pg_advisory_lock (1, 2)", "select 1 pins=advisory_lock"},
    {"select PG_Advisory_Lock/* x */(1)", "select 1 pins=advisory_lock"},
    {"select pg_advisory_lock_shared(1)", "select 1 pins=advisory_lock"},
    {"select pg_catalog.pg_try_advisory_lock(1)", "select 1 pins=advisory_lock"},
    {"select pg_catalog . \"pg_try_advisory_lock_shared\" (1)", "select 1 pins=advisory_lock"},
    {"select * from t where pg_try_advisory_lock(t.id)", "select 1 pins=advisory_lock"},
    {"select f(g(pg_advisory_lock(1)))", "select 1 pins=advisory_lock"},
    {"select \"PG_ADVISORY_LOCK\"(1)", "select 1"},
    {"select U&\"pg\\005fadvisory_lock\"(1)", "select 1 pins=unanalysed"},
    {"select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(2)", "select 1"},
    {"select pg_advisory_lock from t", "select 1"},
    {"select 'pg_advisory_lock(1)', $$pg_advisory_lock(1)$$", "select 1"},
    {"select 1 -- pg_advisory_lock(1)", "select 1"},
    {"select 1 /* /* */ pg_advisory_lock(1) */", "select 1"},
    {"select pg_advisory_unlock(1)", "select 1 may_unpin"},
    {"select pg_advisory_unlock_all()", "select 1 may_unpin"},
    {"select pg_advisory_unlock_shared(1, 2)", "select 1 may_unpin"},
    {"declare c cursor for select 1", "utility 1"},
    {"declare c cursor with hold for select 1", "utility 1 pins=hold_cursor"},
    {"declare c insensitive no scroll cursor without hold for select 1", "utility 1"},
    {"declare c cursor for with hold as (select 1) select 1", "utility 1"},
    {"declare c cursor for select pg_advisory_lock(1)", "utility 1 pins=advisory_lock"},
    {"close all", "utility 1 may_unpin"},
    {"prepare p as select 1", "utility 1 pins=sql_prepare"},
    {"prepare p (int) as insert into t values ($1)", "utility 1 pins=sql_prepare sequence"},
    {"prepare transaction as select 1", "utility 1 pins=sql_prepare"},
    {"prepare p as select pg_advisory_lock(1)", "utility 1 pins=advisory_lock,sql_prepare"},
    {"execute p(1)", "utility 1 pins=sql_prepare sequence"},
    {"deallocate p", "utility 1 may_unpin deallocates=p"},
    {"deallocate prepare \"P 1\";", "utility 1 may_unpin deallocates=\"P 1\""},
    {"deallocate prepare", "utility 1 may_unpin deallocates=prepare"},
    {"deallocate all", "utility 1 may_unpin deallocate_all"},
    {"deallocate prepare all", "utility 1 may_unpin deallocate_all"},
    {"deallocate \"all\"", "utility 1 may_unpin deallocates=\"all\""},
    {"discard all", "utility 1 may_unpin discard_all"},
    {"discard plans", "utility 1 may_unpin"},
    {"discard temp", "utility 1 may_unpin"},
    {"load 'auto_explain'", "utility 1 pins=load"},
    {"select currval('s')", "select 1 pins=sequence_state"},
    {"select lastval()", "select 1 pins=sequence_state"},
    {"select currval from t", "select 1"},
    {"select nextval('s')", "select 1 sequence"},
    {"select setval('s', 1)", "select 1 sequence"},
    {"insert into t values (1); select lastval()", "insert 2 pins=sequence_state sequence"},
    {"begin", "transaction 1 step=begin"},
    {"start transaction read only", "transaction 1 step=begin"},
    {"commit", "transaction 1 may_unpin step=commit"},
    {"end work", "transaction 1 may_unpin step=commit"},
    {"commit and chain", "transaction 1 may_unpin step=commit"},
    {"rollback", "transaction 1 may_unpin step=rollback"},
    {"abort transaction", "transaction 1 may_unpin step=rollback"},
    {"savepoint s", "transaction 1 step=savepoint savepoints"},
    {"release savepoint s", "transaction 1 step=release"},
    {"rollback to s", "transaction 1 step=rollback_to savepoints"},
    {"rollback work to savepoint s", "transaction 1 step=rollback_to savepoints"},
    {"prepare transaction 'x'", "transaction 1 may_unpin step=prepare_transaction"},
    {"commit prepared 'x'", "transaction 1 step=commit_prepared"},
    {"rollback prepared 'x'", "transaction 1 step=commit_prepared"},
    {"begin; select 1; commit", "transaction 3 may_unpin step=commit"},
    {"commit; begin", "transaction 2 may_unpin step=begin"},
    {"select begin, commit from t", "select 1"},
};
INSTANTIATE_TEST_SUITE_P(Pins, Effects, ::testing::ValuesIn(kPins));

const Case kSettings[] = {
    {"set x = 1", "utility 1 set:x=[1]"},
    {"SET Search_Path TO a, \"B\"", "utility 1 set:search_path=[a, \"B\"]"},
    {"set session x to 'a b'", "utility 1 set:x=['a b']"},
    {"set x to default", "utility 1 set:x=[default]"},
    {"set x = /* why */ -1 -- end\n;", "utility 1 set:x=[-1]"},
    {"set myapp.User_Id = 'x;y'", "utility 1 set:myapp.user_id=['x;y']"},
    {"set \"TimeZone\" to 'UTC'", "utility 1 set:timezone=['UTC']"},
    {"set local x = 1", "utility 1 set_local:x=[1]"},
    {"set x = 1; set y = 2", "utility 2 set:x=[1] set:y=[2]"},
    {"set time zone 'UTC'", "utility 1 set:timezone=['UTC']"},
    {"set time zone -7", "utility 1 set:timezone=[-7]"},
    {"set time zone local", "utility 1 set:timezone=[DEFAULT]"},
    {"set local time zone 'UTC'", "utility 1 set_local:timezone=['UTC']"},
    {"set time zone interval '-08:00' hour to minute",
     "utility 1 pins=setting unknown:timezone=[]"},
    {"set names 'utf8'", "utility 1 set:client_encoding=['utf8']"},
    {"set names", "utility 1 set:client_encoding=[DEFAULT]"},
    {"set schema 'x'", "utility 1 set:search_path=['x']"},
    {"set xml option document", "utility 1 set:xmloption=[document]"},
    {"set x from current", "utility 1 pins=setting unknown:x=[]"},
    {"set x", "utility 1 pins=setting unknown:x=[]"},
    {"set search_path = pg_temp, public",
     "utility 1 pins=setting set:search_path=[pg_temp, public]"},
    {"set transaction isolation level serializable", "utility 1"},
    {"set transaction snapshot 'x'", "utility 1"},
    {"set local transaction read only", "utility 1"},
    {"set constraints all deferred", "utility 1"},
    {"set session characteristics as transaction isolation level repeatable read, read only",
     "utility 1 set:default_transaction_isolation=['repeatable read'] "
     "set:default_transaction_read_only=[on]"},
    {"set session characteristics as transaction read write not deferrable",
     "utility 1 set:default_transaction_read_only=[off] set:default_transaction_deferrable=[off]"},
    {"set session characteristics as transaction isolation level serializable deferrable",
     "utility 1 set:default_transaction_isolation=['serializable'] "
     "set:default_transaction_deferrable=[on]"},
    {"set role x", "utility 1 pins=role set:role=[x]"},
    {"set session role x", "utility 1 pins=role set:role=[x]"},
    {"set role none", "utility 1 pins=role may_unpin set:role=[none]"},
    {"set role to x", "utility 1 pins=role set:role=[x]"},
    {"set local role x", "utility 1 set_local:role=[x]"},
    {"reset role", "utility 1 may_unpin reset:role=[]"},
    {"set session authorization x", "utility 1 pins=role set:session_authorization=[x]"},
    {"set session session authorization 'x'",
     "utility 1 pins=role set:session_authorization=['x']"},
    {"set local session authorization x", "utility 1 set_local:session_authorization=[x]"},
    {"set session authorization default",
     "utility 1 may_unpin set:session_authorization=[default]"},
    {"set session_authorization = x", "utility 1 pins=role set:session_authorization=[x]"},
    {"reset session authorization", "utility 1 may_unpin reset:session_authorization=[]"},
    {"reset x", "utility 1 reset:x=[]"},
    {"reset a.B", "utility 1 reset:a.b=[]"},
    {"reset time zone", "utility 1 reset:timezone=[]"},
    {"reset all", "utility 1 may_unpin reset_all:=[]"},
    {"reset transaction isolation level", "utility 1"},
    {"select set_config('a', 'b', false)", "select 1 set:a=['b']"},
    {"select pg_catalog.set_config('search_path', '', false)", "select 1 set:search_path=['']"},
    {"select set_config('Search_Path', 'a, \"B\"', false);", "select 1 set:search_path=['a', 'B']"},
    {"select set_config('search_path', 'a b', false)",
     "select 1 pins=setting unknown:search_path=[]"},
    {"select set_config('a', 'it''s', 'f')", "select 1 set:a=['it''s']"},
    {"select set_config('a', '1', false), set_config('b', '2', false)",
     "select 1 set:a=['1'] set:b=['2']"},
    {"select set_config('a', 'b', true)", "select 1 set_local:a=['b']"},
    {"select set_config('role', $1, true), set_config('x', $2, true)",
     "select 1 set_local:role=[] set_local:x=[]"},
    {"select set_config($1, $2, false)", "select 1 pins=setting unknown:=[]"},
    {"select set_config('a', $1, false)", "select 1 pins=setting unknown:a=[]"},
    {"select set_config('a', 'b', $1)", "select 1 pins=setting unknown:a=[]"},
    {"select set_config('a', 'b' || 'c', false)", "select 1 pins=setting unknown:a=[]"},
    {"select set_config('a', currval('s')::text, false)",
     "select 1 pins=sequence_state,setting unknown:a=[]"},
    {"select set_config('a', set_config('b', 'c', false), false)",
     "select 1 pins=setting unknown:=[] unknown:a=[]"},
    {"select set_config('role', 'x', false)", "select 1 pins=role set:role=['x']"},
    {"select set_config('role', $1, false)", "select 1 pins=role,setting unknown:role=[]"},
    {"select set_config('a', 'b', false) from t where false", "select 1 pins=setting set:a=['b']"},
    {"select length(set_config('a', 'b', false))", "select 1 pins=setting unknown:a=[]"},
    {"insert into t select set_config('a', 'b', false)",
     "insert 1 pins=setting sequence unknown:a=[]"},
    {"select set_config('a', 'b'", "select 1 pins=setting unknown:a=[]"},
    {"update pg_settings set setting = 'x' where name = 'y'", "update 1 pins=setting unknown:=[]"},
    {"savepoint s; set x = 1; rollback to s",
     "transaction 3 pins=setting step=rollback_to savepoints set:x=[1]"},
    {"begin; set local x = 1; commit", "transaction 3 may_unpin step=commit set_local:x=[1]"},
    {"begin; set x = 1", "transaction 2 step=begin set:x=[1]"},
    {"set x = 1; rollback", "utility 2 pins=setting may_unpin step=rollback set:x=[1]"},
};
INSTANTIATE_TEST_SUITE_P(Settings, Effects, ::testing::ValuesIn(kSettings));

const Case kBlocks[] = {
    {"do $$ begin null; end $$", "utility 1 sequence"},
    {"do $x$ begin perform pg_advisory_lock(1); end $x$", "utility 1 pins=advisory_lock sequence"},
    {"do language plpgsql 'begin perform currval(''s''); end'",
     "utility 1 pins=sequence_state sequence"},
    {"do 'begin raise notice ''pg_advisory_lock(1)''; end'", "utility 1 sequence"},
    {"do $$ begin update t set a = 1; end $$", "utility 1 sequence"},
    {"do $$ begin set x = 1; end $$", "utility 1 pins=setting sequence unknown:=[]"},
    {"do $$ begin if a then set local x = 1; end if; end $$", "utility 1 sequence"},
    {"do $$ begin set role x; end $$", "utility 1 pins=role,setting sequence unknown:=[]"},
    {"do $$ begin listen x; end $$", "utility 1 pins=listen sequence"},
    {"do $$ begin create temp table t (a int); end $$", "utility 1 pins=temp_table sequence"},
    {"do $$ begin drop table t; end $$", "utility 1 may_unpin sequence"},
    {"do $$ begin execute 'x'; end $$", "utility 1 pins=unanalysed sequence"},
    {"do $$ begin return query execute x; end $$", "utility 1 pins=unanalysed sequence"},
    {"do $$ begin perform set_config('a', 'b', false); end $$",
     "utility 1 pins=setting sequence unknown:=[]"},
    {"do $$ plpy.execute('x') $$ language plpython3u", "utility 1 pins=unanalysed sequence"},
    {"do $$ begin null; end $$ language \"plpgsql\"", "utility 1 sequence"},
    {"do $$ begin null; end $$ language 'plpgsql'", "utility 1 sequence"},
    {"do $$ begin null; end $$ language /* /$$ l", "utility 1 pins=unanalysed sequence"},
    {"do $$ begin null; end $$ language $", "utility 1 pins=unanalysed sequence"},
    {"do $$ begin null; end $$ language \"", "utility 1 pins=unanalysed sequence"},
    {"do E'begin\\nend'", "utility 1 pins=unanalysed sequence"},
    {"do $$ begin 'x $$", "utility 1 pins=unanalysed sequence"},
    {"do", "utility 1 pins=unanalysed sequence"},
    {"set standard_conforming_strings = off; do $$ begin null; end $$",
     "utility 2 pins=unanalysed sequence set:standard_conforming_strings=[off]"},
};
INSTANTIATE_TEST_SUITE_P(Blocks, Effects, ::testing::ValuesIn(kBlocks));

const Case kMalformed[] = {
    {"set /* $$ \"", "utility 1 pins=setting,unanalysed unknown:=[]"},
    {"set a. $$ \"", "utility 1 pins=setting,unanalysed unknown:a.=[]"},
    {"set transaction isolation level /* $$ \"", "utility 1 pins=unanalysed"},
    {"select 'x", "select 1 pins=unanalysed"},
    {"select \"x", "select 1 pins=unanalysed"},
    {"select $$x", "select 1 pins=unanalysed"},
    {"select /* x", "select 1 pins=unanalysed"},
    {"/* /* */ select 1", "unknown 1 pins=unanalysed"},
    {{"select 1\0", 9}, "select 1 pins=unanalysed"},
    {{"select '\0'", 10}, "select 1 pins=unanalysed"},
    {"select 1; \\x", "select 2 pins=unanalysed"},
    {"update t set a = E'\\'", "update 1 pins=unanalysed"},
    {"select (1; listen x", "select 1"},  // a syntax error: the server runs none of it
    {"select 1); listen x", "select 2 pins=listen"},
};
INSTANTIATE_TEST_SUITE_P(Malformed, Effects, ::testing::ValuesIn(kMalformed));

TEST(AnalyzerTest, backslashes_count_when_strings_dont_conform) {
  constexpr std::string_view kText = R"(select '\'; listen x; --')";
  EXPECT_EQ(describe(Analyzer{}.examine(kText)), "select 2 pins=listen");
  EXPECT_EQ(describe(Analyzer{}.examine(kText, true)), "select 1");
  EXPECT_EQ(describe(Analyzer{}.examine(R"(set x = 'a\b')", true)),
            R"(utility 1 pins=setting set:x=['a\b'])");
}

TEST(AnalyzerTest, deallocated_name_is_a_view_into_the_text) {
  const std::string text = "deallocate  abc";
  EXPECT_EQ(Analyzer{}.examine(text).deallocates.data(), text.data() + 12);
}

TEST(AnalyzerTest, large_insert_is_analysed_and_large_script_is_not) {
  const std::string literal = "'" + std::string(std::size_t{10} << 20, 'x') + "'";
  EXPECT_EQ(Analyzer{}.examine("insert into t values (" + literal + ")").pins, 0U);
  EXPECT_TRUE(Analyzer{}.examine("set x = " + literal).pinned_by(PinCause::unanalysed));
}

TEST(AnalyzerTest, every_pin_cause_has_a_name) {
  for (unsigned i = 0; i < static_cast<unsigned>(PinCause::kCount); ++i) {
    EXPECT_NE(name_of(static_cast<PinCause>(i)), "unknown") << i;
  }
}

}  // namespace
}  // namespace sluice::query
