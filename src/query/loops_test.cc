// What the loop detector calls a loop and what it keeps quiet about, in small stories. Long because each is one.
// Recordings of real programs are in loops_corpus_test.cc.
#include "sluice/query/loops.h"

#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "query/loops_testing.h"

namespace sluice::query {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

const std::string kAuthors = "select id, name from authors";
const std::string kBooks = "select id, title from books where author_id = $1";
const std::string kReviews = "select id, stars from reviews where book_id = $1";
const std::string kTags = "select tag from tags where author_id = $1";

std::string author(int n) { return std::to_string(1000 + 7 * n); }
std::string book(int author, int n) { return std::to_string(50000 + 100 * author + 3 * n); }

TestStatement authors(int n) {
  TestStatement statement{.text = kAuthors, .columns = {"id", "name"}};
  for (int i = 0; i < n; ++i) statement.rows.push_back({author(i), "name " + std::to_string(i)});
  return statement;
}
TestStatement books_of(int i, int books = 3) {
  TestStatement statement{.text = kBooks, .values = {author(i)}, .columns = {"id", "title"}};
  for (int n = 0; n < books; ++n) statement.rows.push_back({book(i, n), "title"});
  return statement;
}
TestStatement by_key(const std::string& key) {
  return {.text = "select v from kv where k = $1", .values = {key}, .rows = {{"v" + key}}};
}

std::string name(const Loop& loop) { return std::string(name_of(loop.kind)); }

TEST(LoopsTest, values_from_an_earlier_result_in_order_are_proven) {
  Story story;
  story.say(authors(12));
  for (int i = 0; i < 12; ++i) story.say(books_of(i));
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
  EXPECT_EQ(loops[0].statement, statement_of(kBooks));
  EXPECT_EQ(loops[0].source, statement_of(kAuthors));
  EXPECT_EQ(loops[0].source_column, "id");
  EXPECT_EQ(loops[0].parameter, 1u);
  EXPECT_EQ(loops[0].bursts, 1u);
  EXPECT_EQ(loops[0].calls, 12u);
  EXPECT_EQ(loops[0].max, 12u);
  // 11 round trips of 300 us and 100 us of the client's own each
  EXPECT_EQ(loops[0].wasted, 11 * std::chrono::microseconds(400));
}

TEST(LoopsTest, four_are_not_enough) {
  Story story;
  story.say(authors(12));
  for (int i = 0; i < 4; ++i) story.say(books_of(i));
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsTest, rows_that_the_program_skips_do_not_hide_it) {
  Story story;
  story.say(authors(30));
  for (const int i : {0, 3, 4, 9, 17, 21, 28}) story.say(books_of(i));
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
  EXPECT_EQ(loops[0].max, 7u);
}

TEST(LoopsTest, values_that_stand_twice_in_the_column_are_asked_for_once) {
  Story story;
  TestStatement books{.text = "select id, author_id from books", .columns = {"id", "author_id"}};
  for (int n = 0; n < 24; ++n) books.rows.push_back({book(0, n), author(n / 3)});
  story.say(books);
  for (int i = 0; i < 8; ++i) {
    story.say({.text = "select name from authors where id = $1", .values = {author(i)}});
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
  EXPECT_EQ(loops[0].source_column, "author_id");
}

TEST(LoopsTest, each_run_behind_its_own_source_is_one_burst) {
  Story story;
  for (const int n : {6, 20, 8}) {
    story.say(authors(n));
    for (int i = 0; i < n; ++i) story.say(books_of(i));
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].bursts, 3u);
  EXPECT_EQ(loops[0].calls, 34u);
  EXPECT_EQ(loops[0].p50, 8u);
  EXPECT_EQ(loops[0].max, 20u);
}

TEST(LoopsTest, single_lookups_one_request_after_the_other_are_no_proof) {
  // Each request finds a user by mail, then the profile by the user's id.
  Story story;
  for (int i = 0; i < 40; ++i) {
    story.wait(milliseconds(7) / std::chrono::nanoseconds(1));
    story.say({.text = "select id from users where mail = $1",
               .values = {"m" + std::to_string(i * 7919 % 101)},
               .rows = {{author(i * 7919 % 101)}}});
    story.say({.text = "select text from profiles where user_id = $1",
               .values = {author(i * 7919 % 101)},
               .rows = {{"text"}}});
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsTest, a_cycle_of_statements_is_one_loop) {
  Story story;
  story.say(authors(10));
  for (int i = 0; i < 10; ++i) {
    story.say(books_of(i));
    story.say({.text = kTags, .values = {author(i)}, .rows = {{"tag"}}});
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::interleaved);
  EXPECT_THAT(loops[0].cycle, ElementsAre(statement_of(kBooks), statement_of(kTags)));
  EXPECT_EQ(loops[0].statement, statement_of(kBooks));
  EXPECT_EQ(loops[0].source, statement_of(kAuthors));
  EXPECT_EQ(loops[0].max, 20u);
}

TEST(LoopsTest, loops_inside_of_loops_are_chained) {
  Story story;
  story.say(authors(8));
  for (int i = 0; i < 8; ++i) {
    story.say(books_of(i, 4));
    for (int n = 0; n < 4; ++n) {
      story.say({.text = kReviews, .values = {book(i, n)}, .rows = {{"1", "5"}, {"2", "4"}}});
    }
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(2));
  EXPECT_EQ(name(loops[0]), "chained");
  EXPECT_EQ(loops[0].statement, statement_of(kReviews));
  EXPECT_EQ(loops[0].source, statement_of(kBooks));
  EXPECT_EQ(loops[0].max, 32u);
  EXPECT_EQ(name(loops[1]), "proven");
  EXPECT_EQ(loops[1].statement, statement_of(kBooks));
  EXPECT_EQ(loops[1].max, 8u);
}

TEST(LoopsTest, a_tree_that_is_read_node_by_node_is_chained_to_itself) {
  Story story;
  const std::string children = "select id from nodes where parent = $1";
  const auto node = [](int n) { return std::to_string(7000 + 13 * n); };
  // Breadth first, three children each: 1 + 3 + 9.
  int next = 1;
  for (int n = 0; n < 13; ++n) {
    TestStatement statement{.text = children, .values = {node(n)}, .columns = {"id"}};
    for (int c = 0; c < 3 && next < 13; ++c) statement.rows.push_back({node(next++)});
    story.say(statement);
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(name(loops[0]), "chained");
  EXPECT_EQ(loops[0].source, loops[0].statement);
}

TEST(LoopsTest, different_values_without_a_source_are_repeated) {
  Story story;
  for (int i = 0; i < 20; ++i) story.say(by_key(std::to_string(i * 7919 % 1009)));
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::repeated);
  EXPECT_EQ(loops[0].parameter, 0u);
}

TEST(LoopsTest, the_same_values_again_are_duplicates) {
  Story story;
  for (int i = 0; i < 9; ++i)
    story.say({.text = "select * from settings where k = $1", .values = {"a"}});
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::duplicate);
  EXPECT_EQ(loops[0].calls, 9u);
}

TEST(LoopsTest, a_source_of_other_values_is_none) {
  Story story;
  TestStatement tags{.text = "select id from tags", .columns = {"id"}};
  for (int i = 1; i <= 5; ++i) tags.rows.push_back({std::to_string(i)});
  story.say(tags);
  for (int i = 1; i <= 20; ++i) story.say(by_key(std::to_string(i)));
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::repeated);
}

TEST(LoopsTest, a_loop_longer_than_its_source_is_known_and_than_a_window_is_one) {
  Story story;
  story.say(authors(3000));
  for (int i = 0; i < 3000; ++i) story.say(books_of(i));
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
  EXPECT_EQ(loops[0].bursts, 1u);
  EXPECT_EQ(loops[0].calls, 3000u);
}

TEST(LoopsTest, statements_of_one_trace_belong_together_on_many_sessions) {
  Story story;
  auto source = authors(10);
  source.trace = 77;
  story.say(source);
  for (int i = 0; i < 10; ++i) {
    auto statement = books_of(i);
    statement.trace = 77;
    statement.session = 1 + static_cast<std::uint64_t>(i % 4);
    statement.pause = 60'000'000;
    story.say(statement);
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
  EXPECT_EQ(loops[0].calls, 10u);
}

TEST(LoopsTest, each_statement_in_a_transaction_of_its_own_is_still_in_sequence) {
  Story story;
  story.say({.text = "begin"}).say(authors(10)).say({.text = "commit"});
  for (int i = 0; i < 10; ++i)
    story.say({.text = "begin"}).say(books_of(i)).say({.text = "commit"});
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
}

TEST(LoopsTest, a_proven_loop_may_write_in_between) {
  Story story;
  story.say(authors(10));
  for (int i = 0; i < 10; ++i) {
    story.say(books_of(i));
    story.say({.text = "update authors set books = $1 where id = $2",
               .values = {"3", author(i)},
               .row_count = 1});
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].kind, LoopKind::proven);
}

TEST(LoopsTest, sessions_that_did_not_see_the_source_count_as_those_that_did) {
  for (const bool source_first : {true, false}) {
    Story story;
    if (source_first) story.say(authors(24));
    for (const std::uint64_t session : {1, 2, 3}) {
      if (!source_first && session == 3) {
        auto source = authors(24);
        source.session = 3;
        story.say(source);
      }
      for (int i = static_cast<int>(session) - 1; i < 24; i += 3) {
        auto statement = books_of(i);
        statement.session = session;
        story.say(statement);
      }
    }
    const auto loops = loops_of(story);
    ASSERT_THAT(loops, SizeIs(1));
    EXPECT_EQ(loops[0].kind, LoopKind::proven);
    EXPECT_EQ(loops[0].calls, 24u);
    EXPECT_EQ(loops[0].bursts, 3u);
  }
}

TEST(LoopsTest, who_called_is_told) {
  Story story;
  story.say(authors(6));
  for (int i = 0; i < 6; ++i) {
    auto statement = books_of(i);
    statement.application = "shop";
    statement.tags = "controller=authors,framework=django";
    story.say(statement);
  }
  const auto loops = loops_of(story);
  ASSERT_THAT(loops, SizeIs(1));
  ASSERT_THAT(loops[0].callers, SizeIs(1));
  EXPECT_EQ(loops[0].callers[0].caller.application, "shop");
  EXPECT_EQ(loops[0].callers[0].caller.tags, "controller=authors,framework=django");
  EXPECT_EQ(loops[0].callers[0].calls, 6u);
}

// ---- quiet ---------------------------------------------------------------------------------------

TEST(LoopsQuietTest, a_stream_of_random_keys) {
  Story story;
  std::mt19937 random(1);
  for (int i = 0; i < 5000; ++i) story.say(by_key(std::to_string(random() % 100000)));
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, independent_requests_on_one_session) {
  Story story;
  std::mt19937 random(2);
  std::exponential_distribution<double> pause(1 / 12e6);  // 12 ms on average
  for (int i = 0; i < 2000; ++i) {
    auto statement = by_key(std::to_string(random() % 100000));
    statement.pause = 100'000 + static_cast<std::int64_t>(pause(random));
    story.say(statement);
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, random_lookups_of_few_rows_prove_nothing) {
  // 30 rows with ids from 1 on, which a list has just shown: the worst that can happen to a proof.
  std::mt19937 random(11);
  std::size_t proven = 0;
  for (int n = 0; n < 400; ++n) {
    Story story;
    TestStatement list{.text = "select id from colours", .columns = {"id"}};
    for (int i = 1; i <= 30; ++i) list.rows.push_back({std::to_string(i)});
    story.say(list);
    for (int i = 0; i < 20; ++i) {
      story.say({.text = "select name from colours where id = $1",
                 .values = {std::to_string(random() % 30 + 1)},
                 .rows = {{"name"}},
                 .pause = 8'000'000});
    }
    proven += loops_of(story).size();
  }
  EXPECT_LE(proven, 4u) << "of 400";
}

TEST(LoopsQuietTest, polling) {
  Story story;
  for (int i = 0; i < 100; ++i) {
    story.say({.text = "select count(*) from jobs where state = $1",
               .values = {"new"},
               .rows = {{"0"}},
               .pause = 200'000'000});
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, polling_at_short_intervals) {
  Story story;
  for (int i = 0; i < 100; ++i) {
    story.say({.text = "select count(*) from jobs where state = $1",
               .values = {"new"},
               .rows = {{"0"}},
               .pause = 20'000'000});
    if (i % 10 == 0) story.say(by_key(std::to_string(i)));
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, look_and_insert) {
  Story story;
  for (int i = 0; i < 50; ++i) {
    story.say(by_key(std::to_string(i)));
    story.say({.text = "insert into kv values ($1, $2)",
               .values = {std::to_string(i), "x"},
               .row_count = 1});
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, inserts_and_updates) {
  Story story;
  story.say(authors(50));
  for (int i = 0; i < 50; ++i) {
    story.say({.text = "update authors set seen = now() where id = $1",
               .values = {author(i)},
               .row_count = 1});
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, pages_by_key) {
  Story story;
  story.say({.text = "begin"});
  for (int page = 0; page < 12; ++page) {
    TestStatement statement{.text = "select id, v from kv where id > $1 order by id limit 20",
                            .values = {std::to_string(page * 60)}};
    for (int i = 1; i <= 20; ++i)
      statement.rows.push_back({std::to_string(page * 60 + 3 * i), "v"});
    story.say(statement);
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, pages_by_offset) {
  Story story;
  story.say({.text = "begin"});
  for (int page = 0; page < 12; ++page) {
    TestStatement statement{.text = "select v from kv order by id limit $1 offset $2",
                            .values = {"20", std::to_string(page * 20)}};
    for (int i = 1; i <= (page == 11 ? 7 : 20); ++i)
      statement.rows.push_back({"v" + std::to_string(i)});
    story.say(statement);
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, big_pages_whose_last_row_is_unknown) {
  Story story;
  story.say({.text = "begin"});
  for (int page = 0; page < 8; ++page) {
    TestStatement statement{.text = "select id from kv where id > $1 order by id limit 1000",
                            .values = {std::to_string(page * 3000)}};
    for (int i = 1; i <= 128; ++i) statement.rows.push_back({std::to_string(page * 3000 + 3 * i)});
    statement.row_count = page == 7 ? 312 : 1000;
    story.say(statement);
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, pipelined_statements) {
  Story story;
  story.say(authors(20));
  const std::int64_t at = story.clock() + 100'000;
  for (int i = 0; i < 20; ++i) story.say_at(books_of(i), at + i * 1000);
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, health_checks_before_each_statement) {
  Story story;
  Normaliser normaliser;
  const std::string check(normaliser.read("SELECT 1").text);
  for (int i = 0; i < 30; ++i) {
    story.say({.text = check, .values = {"1"}, .rows = {{"1"}}});
    story.say({.text = "update t set a = $1", .values = {std::to_string(i)}, .row_count = 1});
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

TEST(LoopsQuietTest, few_fast_ones_in_a_long_request) {
  Story story;
  for (int i = 0; i < 6; ++i) story.say(by_key(std::to_string(i * 31)));
  for (int i = 0; i < 10; ++i) {
    story.say({.text = "select report" + std::to_string(i), .values = {"x"}, .took = 40'000'000});
  }
  EXPECT_THAT(loops_of(story), IsEmpty());
}

// ---- bounds --------------------------------------------------------------------------------------

TEST(LoopsBoundsTest, more_sessions_than_scopes_are_judged_early) {
  Story story;
  std::vector<TestStatement> first;
  for (std::uint64_t session = 1; session <= 50; ++session) {
    auto source = authors(8);
    source.session = session;
    story.say(source);
    for (int i = 0; i < 8; ++i) {
      auto statement = books_of(i);
      statement.session = session;
      story.say(statement);
    }
  }
  LoopOptions options;
  options.max_scopes = 4;
  const auto loops = loops_of(story, options);
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].bursts, 50u);
}

TEST(LoopsBoundsTest, the_least_wasteful_finding_goes_first) {
  Story story;
  for (int loop = 0; loop < 10; ++loop) {
    for (int i = 0; i < 6 + loop; ++i) {
      story.say({.text = "select v from kv" + std::to_string(loop) + " where k = $1",
                 .values = {std::to_string(i)}});
    }
    story.wait(1'000'000'000);
  }
  LoopOptions options;
  options.max_findings = 3;
  const auto loops = loops_of(story, options);
  ASSERT_THAT(loops, SizeIs(3));
  EXPECT_EQ(loops[0].calls, 15u);
}

TEST(LoopsBoundsTest, a_broken_journal_ends_the_reading_and_nothing_else) {
  Story story;
  story.say(authors(12));
  for (int i = 0; i < 12; ++i) story.say(books_of(i));
  const std::string journal = story.journal();
  std::mt19937 random(3);
  for (int n = 0; n < 300; ++n) {
    LoopDetector detector;
    std::string broken = journal;
    for (int i = 0; i < 4; ++i) broken[random() % broken.size()] = static_cast<char>(random());
    detector.feed(std::string_view(broken).substr(0, random() % broken.size()));
    detector.flush();
    EXPECT_LE(detector.events(), 13u);
  }
}

TEST(LoopsTest, a_tick_judges_what_has_been_quiet) {
  Story story;
  story.say(authors(12));
  for (int i = 0; i < 12; ++i) story.say(books_of(i));
  LoopDetector detector;
  detector.feed(story.journal());
  detector.tick(Time(Duration(story.clock() + 20'000'000)));
  EXPECT_THAT(detector.findings(), IsEmpty());
  detector.tick(Time(Duration(story.clock() + 1'200'000'000)));
  EXPECT_THAT(detector.findings(), SizeIs(1));
}

TEST(LoopsTest, what_was_restored_goes_on) {
  const auto run = [](LoopDetector& detector, int n) {
    Story story;
    story.say(authors(n));
    for (int i = 0; i < n; ++i) story.say(books_of(i));
    detector.feed(story.journal());
    detector.flush();
  };
  LoopDetector before;
  run(before, 10);
  LoopDetector after;
  after.restore(before.findings());
  run(after, 30);
  const auto loops = after.findings();
  ASSERT_THAT(loops, SizeIs(1));
  EXPECT_EQ(loops[0].id, before.findings()[0].id);
  EXPECT_EQ(loops[0].bursts, 2u);
  EXPECT_EQ(loops[0].calls, 40u);
  EXPECT_EQ(loops[0].p50, 10u);
  EXPECT_EQ(loops[0].max, 30u);
}

}  // namespace
}  // namespace sluice::query
