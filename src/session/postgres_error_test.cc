#include "session/postgres_error.h"

#include <gtest/gtest.h>

#include "session/testing.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

Error error_from(std::string_view state, std::string_view text = "no") {
  const std::string frame = testing::told_error(state, text);
  return error_of(*read_error(std::string_view(frame).substr(kHeadSize)));
}

TEST(PostgresErrorTest, sqlstate_and_words_of_the_server_are_kept) {
  const Error error = error_from("42P01", "relation \"t\" does not exist");
  EXPECT_EQ(error.state, "42P01");
  EXPECT_EQ(error.detail, "relation \"t\" does not exist");
  const ErrorReport report = report_of(error);
  EXPECT_EQ(report.severity, "ERROR");
  EXPECT_EQ(report.sqlstate, "42P01");
  EXPECT_EQ(report.message, "relation \"t\" does not exist");
  EXPECT_EQ(report_of(error, "FATAL").severity, "FATAL");
}

TEST(PostgresErrorTest, class_of_the_state_decides_what_we_do) {
  const std::pair<const char*, Code> table[] = {
      {"53300", Code::exhausted},         {"53200", Code::unavailable},
      {"3D000", Code::not_found},         {"57014", Code::cancelled},
      {"42501", Code::permission_denied}, {"28P01", Code::unauthenticated},
      {"28000", Code::unauthenticated},   {"57P01", Code::unavailable},
      {"57P03", Code::unavailable},       {"08P01", Code::protocol_violation},
      {"08006", Code::connection_lost},   {"42601", Code::invalid_argument},
      {"XX000", Code::invalid_argument},
  };
  for (const auto& [state, code] : table) EXPECT_EQ(error_from(state).code, code) << state;
}

TEST(PostgresErrorTest, error_without_a_sqlstate_is_an_internal_one) {
  const std::string frame = testing::frame_of('E', std::string_view("SFATAL\0Mno more\0\0", 17));
  const Error error = error_of(*read_error(std::string_view(frame).substr(kHeadSize)));
  EXPECT_EQ(error.state, "XX000");
  EXPECT_EQ(error.detail, "no more");
}

TEST(PostgresErrorTest, errors_of_ours_have_a_sqlstate_and_words) {
  for (int i = 0; i <= static_cast<int>(Code::internal); ++i) {
    const Code code = static_cast<Code>(i);
    const ErrorReport report = report_of({code, 0, ""});
    EXPECT_TRUE(sqlstate::well_formed(report.sqlstate)) << i;
    EXPECT_EQ(report.message, name_of(code));
  }
  EXPECT_EQ(report_of({Code::connection_lost, 0, "x"}).sqlstate.substr(0, 2), "08");
}

}  // namespace
}  // namespace sluice::postgres
