#include "session/postgres_settings.h"

#include <gtest/gtest.h>

namespace sluice::postgres {
namespace {

Settings::Ref settings(std::initializer_list<Setting> list) {
  Settings::Ref made;
  for (const Setting& s : list) made = Settings::with(made, s);
  return made;
}

TEST(SettingsTest, later_value_replaces_the_earlier_one) {
  auto one = Settings::with(nullptr, {"timezone", "UTC"});
  auto two = Settings::with(one, {"timezone", "Asia/Tokyo"});
  EXPECT_EQ(one->find("timezone")->value, "UTC") << "what others hold doesn't change";
  EXPECT_EQ(two->find("timezone")->value, "Asia/Tokyo");
  EXPECT_EQ(two->all().size(), 1u);
  EXPECT_EQ(two->find("timezon"), nullptr);
}

TEST(SettingsTest, same_value_again_is_the_same_object) {
  auto one = settings({{"b", "1"}, {"a", "2"}});
  EXPECT_EQ(Settings::with(one, {"a", "2"}), one);
  EXPECT_NE(Settings::with(one, {"a", "2", true}), one) << "SQL isn't plain text";
}

TEST(SettingsTest, order_in_which_they_were_set_does_not_count) {
  EXPECT_TRUE(Settings::same(settings({{"a", "1"}, {"b", "2"}, {"c", "3"}}),
                             settings({{"c", "3"}, {"a", "1"}, {"b", "2"}})));
  EXPECT_FALSE(Settings::same(settings({{"a", "1"}}), settings({{"a", "1"}, {"b", "2"}})));
  EXPECT_FALSE(Settings::same(settings({{"a", "1"}}), settings({{"a", "1", true}})));
  EXPECT_FALSE(Settings::same(settings({{"a", "1"}}), nullptr));
}

TEST(SettingsTest, without_the_last_one_is_nothing) {
  auto both = settings({{"a", "1"}, {"b", "2"}});
  auto one = Settings::without(both, "a");
  EXPECT_EQ(one->find("a"), nullptr);
  EXPECT_EQ(one->find("b")->value, "2");
  EXPECT_EQ(Settings::without(one, "b"), nullptr);
  EXPECT_EQ(Settings::without(one, "other"), one);
  EXPECT_EQ(Settings::without(nullptr, "a"), nullptr);
}

TEST(SettingsTest, replay_resets_what_is_unwanted_and_sets_what_differs) {
  auto has = settings({{"datestyle", "German"}, {"timezone", "UTC"}, {"work_mem", "'1MB'", true}});
  auto wants = settings(
      {{"search_path", "a, b", true}, {"timezone", "Asia/Tokyo"}, {"work_mem", "'1MB'", true}});
  EXPECT_EQ(replay_sql(has, wants),
            "RESET \"datestyle\";"
            "SET \"search_path\" TO a, b;"
            "SELECT pg_catalog.set_config('timezone','Asia/Tokyo',false);");
  EXPECT_EQ(replay_sql(has, nullptr), "RESET \"datestyle\";RESET \"timezone\";RESET \"work_mem\";");
}

TEST(SettingsTest, nothing_to_replay_is_an_empty_text) {
  EXPECT_EQ(replay_sql(nullptr, nullptr), "");
  EXPECT_EQ(replay_sql(settings({{"a", "1"}}), settings({{"a", "1"}})), "");
}

TEST(SettingsTest, list_given_as_plain_text_stays_a_list) {
  // set_config() takes what SHOW gives, commas and quotes included.
  EXPECT_EQ(replay_sql(nullptr, settings({{"search_path", "\"$user\", public"}})),
            "SELECT pg_catalog.set_config('search_path','\"$user\", public',false);");
}

TEST(SettingsTest, extensions_names_have_two_parts) {
  EXPECT_EQ(replay_sql(nullptr, settings({{"app.user", "'7'", true}})),
            "SET \"app\".\"user\" TO '7';");
  EXPECT_EQ(replay_sql(settings({{"app.user", "'7'", true}}), nullptr), "RESET \"app\".\"user\";");
  EXPECT_EQ(replay_sql(nullptr, settings({{"app.user", "7"}})),
            "SELECT pg_catalog.set_config('app.user','7',false);");
}

TEST(QuotingTest, literals_end_where_they_should) {
  EXPECT_EQ(quote_literal(""), "''");
  EXPECT_EQ(quote_literal("plain"), "'plain'");
  EXPECT_EQ(quote_literal("it's"), "'it''s'");
  EXPECT_EQ(quote_literal("'; DROP TABLE t; --"), "'''; DROP TABLE t; --'");
  // Whatever standard_conforming_strings says: E'' knows backslashes.
  EXPECT_EQ(quote_literal("a\\b"), "E'a\\\\b'");
  EXPECT_EQ(quote_literal("\\'; SELECT 1"), "E'\\\\''; SELECT 1'");
}

TEST(QuotingTest, names_end_where_they_should) {
  EXPECT_EQ(quote_identifier("timezone"), "\"timezone\"");
  EXPECT_EQ(quote_identifier("Mixed Case"), "\"Mixed Case\"");
  EXPECT_EQ(quote_identifier("a\"; DROP TABLE t; --"), "\"a\"\"; DROP TABLE t; --\"");
  EXPECT_EQ(quote_identifier("a.b.c"), "\"a\".\"b\".\"c\"");
}

TEST(SettingsTest, names_are_compared_in_lower_case) {
  EXPECT_EQ(lower("DateStyle"), "datestyle");
  EXPECT_EQ(lower("ÄB"), "Äb") << "ASCII only, as the server does";
}

TEST(SettingsTest, what_no_client_can_set_is_known) {
  for (const char* fixed : {"server_version", "server_encoding", "is_superuser",
                            "session_authorization", "in_hot_standby", "integer_datetimes"})
    EXPECT_FALSE(settable(fixed)) << fixed;
  for (const char* free :
       {"TimeZone", "DateStyle", "client_encoding", "application_name", "search_path"})
    EXPECT_TRUE(settable(free)) << free;
}

}  // namespace
}  // namespace sluice::postgres
