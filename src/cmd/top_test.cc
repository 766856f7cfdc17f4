// What `sluice top` computes and shows, from fixed answers and without a terminal.
#include <gmock/gmock.h>

#include "cmd/screen_text.h"
#include "cmd/top_screen.h"

namespace sluice::cmd {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

constexpr Time kBegin{1000s};

StatementRow statement(const std::string& query, std::uint64_t calls, double total_ms,
                       std::uint64_t errors = 0) {
  StatementRow row;
  row.fingerprint = row.query = query;
  row.calls = calls;
  row.total_ms = total_ms;
  row.rows = 3 * calls;
  row.errors = errors;
  row.p99_ms = 7;
  return row;
}

TopSample sample(Duration after, std::vector<StatementRow> rows, std::uint64_t requests = 0) {
  TopSample out;
  out.statements.count = rows.size();
  out.statements.items = std::move(rows);
  out.pools.requests = requests;
  out.at = kBegin + after;
  return out;
}

std::vector<std::string> queries(const TopNumbers& numbers) {
  std::vector<std::string> out;
  for (const TopRow& row : numbers.rows) out.push_back(row.query);
  return out;
}

TEST(TopNumbersTest, rates_are_differences_by_the_time_that_passed) {
  const auto n = top_numbers(
      sample(0s, {statement("a", 100, 1000), statement("b", 5, 10)}, 1000),
      sample(2s, {statement("a", 140, 1100, 4), statement("b", 5, 10)}, 1500), TopOrder::time);
  EXPECT_DOUBLE_EQ(n.requests, 250);
  EXPECT_DOUBLE_EQ(n.busy, 0.05);
  ASSERT_THAT(n.rows, SizeIs(1));  // b wasn't called
  EXPECT_DOUBLE_EQ(n.rows[0].calls, 20);
  EXPECT_DOUBLE_EQ(n.rows[0].mean_ms, 2.5);
  EXPECT_DOUBLE_EQ(n.rows[0].rows_per_call, 3);
  EXPECT_DOUBLE_EQ(n.rows[0].errors, 2);
  EXPECT_DOUBLE_EQ(n.rows[0].share, 1);
}

TEST(TopNumbersTest, order_is_as_asked) {
  const TopSample before = sample(0s, {});
  const TopSample after = sample(1s, {statement("long", 1, 900), statement("often", 50, 100),
                                      statement("much", 10, 1000), statement("bad", 2, 1, 2)});
  EXPECT_THAT(queries(top_numbers(before, after, TopOrder::time)),
              ElementsAre("much", "long", "often", "bad"));
  EXPECT_THAT(queries(top_numbers(before, after, TopOrder::calls)),
              ElementsAre("often", "much", "bad", "long"));
  EXPECT_THAT(queries(top_numbers(before, after, TopOrder::mean)),
              ElementsAre("long", "much", "often", "bad"));
  EXPECT_EQ(queries(top_numbers(before, after, TopOrder::errors)).front(), "bad");
}

TEST(TopNumbersTest, counts_that_begin_anew_are_all_of_the_interval) {
  const auto n = top_numbers(sample(0s, {statement("a", 1000, 9000)}, 5000),
                             sample(1s, {statement("a", 10, 50)}, 20), TopOrder::time);
  EXPECT_DOUBLE_EQ(n.requests, 20);
  ASSERT_THAT(n.rows, SizeIs(1));
  EXPECT_DOUBLE_EQ(n.rows[0].calls, 10);
  EXPECT_DOUBLE_EQ(n.rows[0].mean_ms, 5);
}

TEST(TopNumbersTest, what_comes_onto_a_full_page_is_not_taken_for_new) {
  TopSample before = sample(0s, {statement("a", 1000, 9000)});
  before.statements.count = 2;  // b was there but not on the page
  const auto n = top_numbers(before, sample(1s, {statement("b", 900, 9100)}), TopOrder::time);
  EXPECT_THAT(n.rows, SizeIs(0));
}

TopView view() {
  TopView v{.address = "127.0.0.1:8001", .clock = "12:00:00"};
  v.numbers =
      top_numbers(sample(0s, {}), sample(1s, {statement("select 1", 10, 20)}, 10), TopOrder::time);
  PoolRow pool;
  pool.database = "shop";
  pool.user = "app";
  pool.mode = "transaction";
  pool.clients_waiting = 4;
  pool.max = 20;
  v.numbers.pools.items.assign(12, pool);
  return v;
}

TEST(TopScreenTest, fills_the_window_exactly) {
  for (const ScreenSize size : {ScreenSize{24, 80}, {5, 20}, {1, 1}, {0, 0}, {60, 300}}) {
    const auto lines = top_screen(view(), size);
    EXPECT_THAT(lines, SizeIs(size.rows));
    for (const ScreenLine& line : lines) EXPECT_LE(columns_of(line.text), size.columns);
  }
}

TEST(TopScreenTest, shows_pools_statements_and_keys) {
  const auto lines = top_screen(view(), {30, 140});
  std::string all;
  for (const ScreenLine& line : lines) all += line.text + "\n";
  EXPECT_THAT(all, HasSubstr("127.0.0.1:8001"));
  EXPECT_THAT(all, HasSubstr("10.0 requests/s"));
  EXPECT_THAT(all, HasSubstr("48 waiting"));
  EXPECT_THAT(all, HasSubstr("shop"));
  EXPECT_THAT(all, HasSubstr("and 5 more"));
  EXPECT_THAT(all, HasSubstr(" 100.0     10.0     2.00     7.00     3.00        0  select 1"));
  EXPECT_THAT(lines.back().text, HasSubstr("q quit"));
}

TEST(TopNumbersTest, sharing_is_the_intervals) {
  PoolRow was;
  was.listener = "one";
  was.database = "shop";
  was.shared = 100, was.alone = 100, was.stalls = 3, was.lanes = 7;
  PoolRow is = was;
  is.shared = 130, is.alone = 110, is.stalls = 4, is.lanes = 2;
  PoolRow other = is;
  other.listener = "two";
  TopSample before, after;
  before.pools.items = {was};
  after.pools.items = {is, other};
  after.at = before.at + std::chrono::seconds(1);
  const auto pools = top_numbers(before, after, TopOrder::time).pools.items;
  EXPECT_EQ(pools[0].shared, 30u);
  EXPECT_EQ(pools[0].alone, 10u);
  EXPECT_EQ(pools[0].stalls, 1u);
  EXPECT_EQ(pools[0].lanes, 2u);
  EXPECT_EQ(pools[1].shared, 130u);  // a pool that wasn't there
  std::swap(before, after);          // began anew
  EXPECT_EQ(top_numbers(before, after, TopOrder::time).pools.items[0].shared, 100u);
  EXPECT_EQ(top_numbers(after).pools.items[0].shared, 100u);
}

TEST(TopScreenTest, shows_what_is_shared) {
  TopView v = view();
  PoolRow& pool = v.numbers.pools.items[0];
  EXPECT_THAT(top_text(v, 1), HasSubstr("-       0       0       0"));
  pool.shared = 30, pool.alone = 10, pool.lanes = 2, pool.depth = 16, pool.stalls = 5;
  EXPECT_THAT(top_text(v, 1), HasSubstr("75 %       2      16       5"));
}

TEST(TopScreenTest, statements_cannot_command_the_terminal) {
  TopView v = view();
  v.numbers.rows[0].query = "select '\x1b]0;owned\x07\xc2\x9b' \xff\n\t, \u202e 1";
  v.trouble = "server said \x1b[2J";
  const std::string text = top_text(v, 5);
  for (const char c : text) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  EXPECT_THAT(text, Not(HasSubstr("\xc2\x9b")));
  EXPECT_THAT(text, Not(HasSubstr("\u202e")));
  EXPECT_THAT(text, HasSubstr("select '?]0;owned?"
                              "?' ? , ? 1"));
}

TEST(TopScreenTest, first_look_says_that_it_measures) {
  TopView v = view();
  v.numbers = top_numbers(sample(0s, {statement("select 1", 10, 20)}));
  EXPECT_THAT(top_text(v, 5), HasSubstr("measuring"));
}

TEST(ScreenTextTest, cuts_by_columns_not_bytes) {
  EXPECT_EQ(cut("größer", 6), "größer");
  EXPECT_EQ(cut("größer", 4), "grö…");
  EXPECT_EQ(cut("日本語", 6), "日本語");
  EXPECT_EQ(cut("日本語", 5), "日本…");
  EXPECT_EQ(cut("日本語", 4), "日…");
  EXPECT_EQ(left("日", 4), "日  ");
  EXPECT_EQ(right("x", 3), "  x");
}

TEST(ScreenTextTest, figures_stay_short) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.001), "<0.01");
  EXPECT_EQ(short_number(9.996), "10.0");
  EXPECT_EQ(short_number(99.96), "100");
  EXPECT_EQ(short_number(9999.6), "10.0k");
  EXPECT_EQ(short_number(999'960), "1.0M");
  EXPECT_EQ(short_number(-1), "-");
  EXPECT_EQ(short_time(0.123), "0.12 ms");
  EXPECT_EQ(short_time(1500), "1.5 s");
  EXPECT_EQ(short_time(7'200'000), "2.0 h");
}

}  // namespace
}  // namespace sluice::cmd
