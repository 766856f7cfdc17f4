#include "wire/postgres/backend.h"

#include <gtest/gtest.h>

#include "wire/postgres/frame.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

template <class Write>
std::string payload_of(char type, Write write) {
  Buffer out;
  write(out);
  auto frame = next_frame(out.view());
  EXPECT_TRUE(frame && *frame);
  if (!frame || !*frame) return {};
  EXPECT_EQ((*frame)->type, type);
  EXPECT_EQ((*frame)->bytes.size(), out.size());
  EXPECT_TRUE(backend::known(type));
  return std::string((*frame)->payload);
}

template <class Read>
void expect_exact(const std::string& payload, Read read) {
  EXPECT_TRUE(read(payload));
  for (std::size_t n = 0; n < payload.size(); ++n) {
    auto cut = read(std::string_view(payload).substr(0, n));
    ASSERT_FALSE(cut) << "cut to " << n;
    EXPECT_EQ(cut.error().code, Code::protocol_violation);
  }
  EXPECT_FALSE(read(payload + 'x'));
}

TEST(BackendTest, authentication) {
  auto ok = payload_of('R', [](Buffer& out) { append_authentication(out, kAuthOk); });
  EXPECT_EQ(ok, "\0\0\0\0"s);
  EXPECT_EQ(read_authentication(ok)->code, kAuthOk);
  EXPECT_FALSE(read_authentication("\0\0\0"sv));

  auto md5 = payload_of('R', [](Buffer& out) { append_authentication(out, kAuthMd5, "abcd"); });
  EXPECT_EQ(*md5_salt(read_authentication(md5)->data), (std::array{'a', 'b', 'c', 'd'}));
  EXPECT_FALSE(md5_salt("abc"));
  EXPECT_FALSE(md5_salt("abcde"));
}

TEST(BackendTest, sasl_mechanisms) {
  std::string_view names[] = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"};
  auto payload = payload_of('R', [&](Buffer& out) { append_sasl(out, names); });
  auto message = read_authentication(payload);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->code, kAuthSasl);
  EXPECT_EQ(*sasl_mechanisms(message->data), (std::vector<std::string_view>(names, names + 2)));
  expect_exact(std::string(message->data), sasl_mechanisms);
}

TEST(BackendTest, parameter_status) {
  auto payload =
      payload_of('S', [](Buffer& out) { append_parameter_status(out, "TimeZone", "UTC"); });
  EXPECT_EQ(read_parameter_status(payload)->name, "TimeZone");
  EXPECT_EQ(read_parameter_status(payload)->value, "UTC");
  expect_exact(payload, read_parameter_status);
}

TEST(BackendTest, key_data_of_both_protocols) {
  for (std::size_t size : {4u, 32u, 256u}) {
    std::string secret(size, '\xee');
    auto payload =
        payload_of('K', [&](Buffer& out) { append_backend_key_data(out, 0xfffffffe, secret); });
    auto key = read_backend_key_data(payload);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->pid, 0xfffffffeu);
    EXPECT_EQ(key->secret, secret);
  }
  EXPECT_FALSE(read_backend_key_data("\0\0\0\1abc"sv));
  EXPECT_FALSE(read_backend_key_data(std::string(4 + 257, 'x')));
}

TEST(BackendTest, ready_for_query_has_three_states) {
  for (char status : {'I', 'T', 'E'}) {
    auto payload = payload_of('Z', [&](Buffer& out) { append_ready_for_query(out, status); });
    EXPECT_EQ(read_ready_for_query(payload)->status, status);
    expect_exact(payload, read_ready_for_query);
  }
  EXPECT_FALSE(read_ready_for_query("X"));
  EXPECT_FALSE(read_ready_for_query("\0"sv));
}

TEST(BackendTest, error_round_trips) {
  ErrorReport report{.severity = "FATAL",
                     .sqlstate = "53300",
                     .message = "too many clients",
                     .detail = "100 of 100",
                     .hint = "wait"};
  auto payload = payload_of('E', [&](Buffer& out) { append_error(out, report); });
  auto error = read_error(payload);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->severity, "FATAL");
  EXPECT_EQ(error->severity_plain, "FATAL");
  EXPECT_TRUE(error->fatal());
  EXPECT_EQ(error->sqlstate, "53300");
  EXPECT_EQ(error->message, "too many clients");
  EXPECT_EQ(error->detail, "100 of 100");
  EXPECT_EQ(error->hint, "wait");
  EXPECT_EQ(error->position, "");
  EXPECT_EQ(error->raw, payload);
  expect_exact(payload, read_error);
}

TEST(BackendTest, every_field_of_an_error_is_told_apart) {
  auto error = read_error(
      "Sa\0Vb\0C42P01\0Mc\0Dd\0He\0Pf\0pg\0qh\0Wi\0sj\0tk\0cl\0dm\0nn\0Fo\0Lp\0Rq\0?z\0\0"sv);
  ASSERT_TRUE(error);
  std::string_view fields[] = {error->severity,
                               error->severity_plain,
                               error->message,
                               error->detail,
                               error->hint,
                               error->position,
                               error->internal_position,
                               error->internal_query,
                               error->where,
                               error->schema,
                               error->table,
                               error->column,
                               error->type,
                               error->constraint,
                               error->file,
                               error->line,
                               error->routine};
  std::string all;
  for (std::string_view field : fields) all += field;
  EXPECT_EQ(all, "abcdefghijklmnopq");
  EXPECT_EQ(error->sqlstate, "42P01");
}

TEST(BackendTest, error_without_a_sqlstate_is_an_internal_one) {
  EXPECT_EQ(read_error("SFATAL\0Mno more connections\0\0"sv)->sqlstate, "XX000");
  EXPECT_EQ(read_error("\0"sv)->sqlstate, "XX000");
  EXPECT_EQ(read_error("C123\0\0"sv)->sqlstate, "XX000");
  EXPECT_EQ(read_error("SFATAL\0\0"sv)->severity_plain, "FATAL");  // before 9.6
  EXPECT_FALSE(read_error("SFATAL\0"sv));
  EXPECT_FALSE(read_error(""));
}

TEST(BackendTest, reports_are_always_well_formed) {
  auto error =
      payload_of('E', [](Buffer& out) { append_error(out, {.severity = "", .message = ""}); });
  EXPECT_EQ(error, "SERROR\0VERROR\0CXX000\0M\0\0"s);
  auto cut = payload_of(
      'E', [](Buffer& out) { append_error(out, {.sqlstate = "08P01", .message = "a\0b"s}); });
  EXPECT_EQ(read_error(cut)->message, "a");
  auto notice = payload_of(
      'N', [](Buffer& out) { append_notice(out, {.sqlstate = "00000", .message = "m"}); });
  EXPECT_EQ(read_error(notice)->severity_plain, "NOTICE");
  auto warning = payload_of('N', [](Buffer& out) { append_notice(out, {.severity = "WARNING"}); });
  EXPECT_EQ(read_error(warning)->severity, "WARNING");
}

TEST(BackendTest, command_complete_and_its_rows) {
  auto payload = payload_of('C', [](Buffer& out) { append_command_complete(out, "INSERT 0 17"); });
  EXPECT_EQ(read_command_complete(payload)->tag, "INSERT 0 17");
  expect_exact(payload, read_command_complete);
  EXPECT_EQ(rows_of("INSERT 0 17"), 17u);
  EXPECT_EQ(rows_of("SELECT 5"), 5u);
  EXPECT_EQ(rows_of("BEGIN"), std::nullopt);
  EXPECT_EQ(rows_of("CREATE TABLE"), std::nullopt);
  EXPECT_EQ(rows_of("SELECT 99999999999999999999"), std::nullopt);
  EXPECT_EQ(rows_of("SELECT "), std::nullopt);
}

TEST(BackendTest, row_description) {
  std::vector<Column> columns{{"id", 16384, 1, 23, 4, -1, 1}, {"", 0, -3, 25, -1, 104, 0}};
  auto payload = payload_of('T', [&](Buffer& out) { append_row_description(out, columns); });
  EXPECT_EQ(read_row_description(payload)->columns, columns);
  expect_exact(payload, read_row_description);
  EXPECT_TRUE(read_row_description("\0\0"sv)->columns.empty());
  EXPECT_FALSE(read_row_description("\xff\xff"sv));
}

TEST(BackendTest, data_row_is_walked_without_copying) {
  std::vector<std::optional<std::string_view>> values{"1", std::nullopt, "", "\0x"sv};
  auto payload = payload_of('D', [&](Buffer& out) { append_data_row(out, values); });
  auto row = read_data_row(payload);
  ASSERT_TRUE(row);
  EXPECT_EQ(row->size(), 4u);
  EXPECT_EQ(std::vector(row->begin(), row->end()), values);
  expect_exact(payload, read_data_row);
}

TEST(BackendTest, data_rows_whose_lengths_lie_are_refused) {
  EXPECT_FALSE(read_data_row("\0\1\0\0\0\5abcd"sv));
  EXPECT_FALSE(read_data_row("\0\1\x7f\xff\xff\xff"sv));
  EXPECT_FALSE(read_data_row("\0\1\xff\xff\xff\xfe"sv));
  EXPECT_FALSE(read_data_row("\0\2\xff\xff\xff\xff"sv));
  EXPECT_FALSE(read_data_row("\0"sv));
  EXPECT_EQ(read_data_row("\0\0"sv)->size(), 0u);
}

TEST(BackendTest, copy_responses) {
  for (char type : {'G', 'H', 'W'}) {
    auto payload =
        payload_of(type, [&](Buffer& out) { append_copy_response(out, type, {1, {1, 1}}); });
    EXPECT_EQ(read_copy_response(payload)->format, 1);
    EXPECT_EQ(read_copy_response(payload)->columns, (std::vector<std::uint16_t>{1, 1}));
    expect_exact(payload, read_copy_response);
  }
  EXPECT_FALSE(read_copy_response("\2\0\0"sv));
}

TEST(BackendTest, parameter_description) {
  std::uint32_t types[] = {23, 0x80000001};
  auto payload = payload_of('t', [&](Buffer& out) { append_parameter_description(out, types); });
  EXPECT_EQ(read_parameter_description(payload)->types,
            (std::vector<std::uint32_t>{23, 0x80000001}));
  expect_exact(payload, read_parameter_description);
}

TEST(BackendTest, notification) {
  auto payload =
      payload_of('A', [](Buffer& out) { append_notification(out, {77, "jobs", "new"}); });
  auto read = read_notification(payload);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->pid, 77u);
  EXPECT_EQ(read->channel, "jobs");
  EXPECT_EQ(read->payload, "new");
  expect_exact(payload, read_notification);
}

TEST(BackendTest, negotiation_is_read_in_both_spellings) {
  EXPECT_EQ(read_negotiate_version("\0\3\0\2\0\0\0\0"sv)->newest_minor, 2);
  EXPECT_EQ(read_negotiate_version("\0\0\0\2\0\0\0\1_pq_.a\0"sv)->options.size(), 1u);
  EXPECT_FALSE(read_negotiate_version("\0\4\0\0\0\0\0\0"sv));
  EXPECT_FALSE(read_negotiate_version("\0\3\0\2\xff\xff\xff\xff"sv));
  EXPECT_FALSE(read_negotiate_version("\0\3\0\2\0\0\0\0x"sv));
}

TEST(BackendTest, function_call_response) {
  auto payload = payload_of('V', [](Buffer& out) { append_function_call_response(out, "42"); });
  EXPECT_EQ(read_function_call_response(payload)->value, "42");
  expect_exact(payload, read_function_call_response);
  auto null =
      payload_of('V', [](Buffer& out) { append_function_call_response(out, std::nullopt); });
  EXPECT_EQ(read_function_call_response(null)->value, std::nullopt);
}

TEST(BackendTest, messages_without_a_body) {
  EXPECT_EQ(payload_of('1', append_parse_complete), "");
  EXPECT_EQ(payload_of('2', append_bind_complete), "");
  EXPECT_EQ(payload_of('3', append_close_complete), "");
  EXPECT_EQ(payload_of('s', append_portal_suspended), "");
  EXPECT_EQ(payload_of('n', append_no_data), "");
  EXPECT_EQ(payload_of('I', append_empty_query_response), "");
}

TEST(BackendTest, known_and_asynchronous_types) {
  int known = 0, asynchronous = 0;
  for (int type = -128; type < 128; ++type) {
    known += backend::known(static_cast<char>(type));
    asynchronous += backend::asynchronous(static_cast<char>(type));
  }
  EXPECT_EQ(known, 24);
  EXPECT_EQ(asynchronous, 3);
}

TEST(SqlstateTest, every_code_has_a_well_formed_sqlstate) {
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code)
    EXPECT_TRUE(sqlstate::well_formed(sqlstate::of(static_cast<Code>(code))));
  EXPECT_EQ(sqlstate::of(Code::protocol_violation), "08P01");
  EXPECT_EQ(sqlstate::of(Code::unauthenticated), "28P01");
  EXPECT_EQ(sqlstate::of(Code::exhausted), "53300");
  EXPECT_EQ(sqlstate::of(Code::timed_out), "57014");
}

TEST(SqlstateTest, only_five_digits_and_capitals_are_well_formed) {
  EXPECT_TRUE(sqlstate::well_formed("42P05"));
  for (std::string_view bad : {"", "42P0", "42P055", "42p05", "42 05"})
    EXPECT_FALSE(sqlstate::well_formed(bad));
}

}  // namespace
}  // namespace sluice::postgres
