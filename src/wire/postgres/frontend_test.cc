#include "wire/postgres/frontend.h"

#include <gtest/gtest.h>

#include "wire/postgres/frame.h"

namespace sluice::postgres {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

// The payload of the one frame of that type which `write` appends.
template <class Write>
std::string payload_of(char type, Write write) {
  Buffer out;
  write(out);
  auto frame = next_frame(out.view());
  EXPECT_TRUE(frame && *frame);
  if (!frame || !*frame) return {};
  EXPECT_EQ((*frame)->type, type);
  EXPECT_EQ((*frame)->bytes.size(), out.size());
  EXPECT_TRUE(frontend::known(type));
  return std::string((*frame)->payload);
}

// Every shorter payload and one byte more are refused.
template <class Read>
void expect_exact(const std::string& payload, Read read) {
  EXPECT_TRUE(read(payload));
  for (std::size_t n = 0; n < payload.size(); ++n) {
    auto cut = read(std::string_view(payload).substr(0, n));
    ASSERT_FALSE(cut) << "cut to " << n;
    EXPECT_EQ(cut.error().code, Code::protocol_violation);
  }
  EXPECT_FALSE(read(payload + '\0'));
  EXPECT_FALSE(read(payload + 'x'));
}

TEST(FrontendTest, query) {
  auto payload = payload_of('Q', [](Buffer& out) { append_query(out, "select 'ü'"); });
  EXPECT_EQ(read_query(payload)->text, "select 'ü'");
  expect_exact(payload, read_query);
  EXPECT_EQ(read_query("\0"sv)->text, "");
}

TEST(FrontendTest, parse) {
  auto types = "\0\0\0\x17\0\0\0\x19"s;
  auto payload = payload_of('P', [&](Buffer& out) { append_parse(out, "s1", "select $1", types); });
  auto parse = read_parse(payload);
  ASSERT_TRUE(parse);
  EXPECT_EQ(parse->name, "s1");
  EXPECT_EQ(parse->query, "select $1");
  EXPECT_EQ(parse->types, types);
  expect_exact(payload, read_parse);
  EXPECT_EQ(read_parse("\0\0\0\0"sv)->types, "");
  EXPECT_FALSE(read_parse("\0\0\xff\xff"sv));
}

TEST(FrontendTest, names_and_bodies_of_any_size) {
  std::string name(100'000, 'n'), query(3'000'000, 'q');
  auto payload = payload_of('P', [&](Buffer& out) { append_parse(out, name, query); });
  EXPECT_EQ(read_parse(payload)->name, name);
  EXPECT_EQ(read_parse(payload)->query, query);
}

TEST(FrontendTest, bind_keeps_the_rest_as_it_came) {
  Buffer rest;
  append_bind_parameters(
      rest, {.values = {{0, "1"}, {1, std::nullopt}, {1, "\0\1"sv}}, .result_formats = {1}});
  auto payload = payload_of('B', [&](Buffer& out) { append_bind(out, "p", "s", rest.view()); });
  auto bind = read_bind(payload);
  ASSERT_TRUE(bind);
  EXPECT_EQ(bind->portal, "p");
  EXPECT_EQ(bind->statement, "s");
  EXPECT_EQ(bind->rest, rest.view());

  auto parameters = bind_parameters(bind->rest);
  ASSERT_TRUE(parameters);
  ASSERT_EQ(parameters->values.size(), 3u);
  EXPECT_EQ(parameters->values[0].value, "1");
  EXPECT_EQ(parameters->values[1].value, std::nullopt);
  EXPECT_EQ(parameters->values[2].value, "\0\1"sv);
  EXPECT_EQ(parameters->values[2].format, 1);
  EXPECT_EQ(parameters->result_formats, std::vector<std::uint16_t>{1});
  expect_exact(std::string(bind->rest), bind_parameters);
  EXPECT_FALSE(read_bind("p\0s"sv));
}

TEST(FrontendTest, one_format_counts_for_all_values) {
  auto parameters = bind_parameters("\0\1\0\1\0\2\0\0\0\1a\xff\xff\xff\xff\0\0"sv);
  ASSERT_TRUE(parameters);
  EXPECT_EQ(parameters->values[0].format, 1);
  EXPECT_EQ(parameters->values[1].format, 1);
  EXPECT_TRUE(parameters->result_formats.empty());
}

TEST(FrontendTest, counts_and_lengths_that_lie_are_refused) {
  for (std::string_view rest : {
           "\0\2\0\0\0\0\0\1\xff\xff\xff\xff\0\0"sv,  // two formats, one value
           "\0\1\0\2\0\0\0\0"sv,                      // format 2
           "\0\0\xff\xff\0\0"sv,                      // 65,535 values in two bytes
           "\0\0\0\1\x7f\xff\xff\xff\0\0"sv,          // a value of 2 GB
           "\0\0\0\1\xff\xff\xff\xfe\0\0"sv,          // length -2
           "\xff\xff"sv,
       })
    EXPECT_FALSE(bind_parameters(rest)) << testing::PrintToString(rest);
}

TEST(FrontendTest, describe_and_close) {
  auto describe = payload_of('D', [](Buffer& out) { append_describe(out, 'P', "x"); });
  EXPECT_EQ(read_describe(describe)->kind, 'P');
  EXPECT_EQ(read_describe(describe)->name, "x");
  expect_exact(describe, read_describe);
  auto close = payload_of('C', [](Buffer& out) { append_close(out, 'S', ""); });
  EXPECT_EQ(read_close(close)->kind, 'S');
  EXPECT_EQ(read_close(close)->name, "");
  expect_exact(close, read_close);
  EXPECT_FALSE(read_describe("Xname\0"sv));
  EXPECT_FALSE(read_close("\0name\0"sv));
}

TEST(FrontendTest, execute) {
  auto payload = payload_of('E', [](Buffer& out) { append_execute(out, "p", 0x12345678); });
  EXPECT_EQ(read_execute(payload)->portal, "p");
  EXPECT_EQ(read_execute(payload)->max_rows, 0x12345678u);
  expect_exact(payload, read_execute);
}

TEST(FrontendTest, function_call) {
  FunctionCall call{957, {{1, "\0\0\0\1"sv}, {0, std::nullopt}}, 1};
  auto payload = payload_of('F', [&](Buffer& out) { append_function_call(out, call); });
  auto read = read_function_call(payload);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->function, 957u);
  ASSERT_EQ(read->arguments.size(), 2u);
  EXPECT_EQ(read->arguments[0].value, "\0\0\0\1"sv);
  EXPECT_EQ(read->arguments[1].value, std::nullopt);
  EXPECT_EQ(read->result_format, 1);
  expect_exact(payload, read_function_call);
}

TEST(FrontendTest, copy) {
  EXPECT_EQ(payload_of('d', [](Buffer& out) { append_copy_data(out, "1\t2\n\0"sv); }), "1\t2\n\0"s);
  EXPECT_EQ(payload_of('c', append_copy_done), "");
  auto fail_payload = payload_of('f', [](Buffer& out) { append_copy_fail(out, "no"); });
  EXPECT_EQ(read_copy_fail(fail_payload)->reason, "no");
  expect_exact(fail_payload, read_copy_fail);
}

TEST(FrontendTest, password) {
  auto payload = payload_of('p', [](Buffer& out) { append_password(out, "s3cret"); });
  EXPECT_EQ(read_password(payload)->bytes, "s3cret");
  expect_exact(payload, read_password);
}

TEST(FrontendTest, sasl) {
  auto payload =
      payload_of('p', [](Buffer& out) { append_sasl_initial(out, "SCRAM-SHA-256", "n,,n=,r=x"); });
  auto initial = read_sasl_initial(payload);
  ASSERT_TRUE(initial);
  EXPECT_EQ(initial->mechanism, "SCRAM-SHA-256");
  EXPECT_EQ(initial->data, "n,,n=,r=x");
  expect_exact(payload, read_sasl_initial);

  auto none = payload_of('p', [](Buffer& out) { append_sasl_initial(out, "M", std::nullopt); });
  EXPECT_EQ(read_sasl_initial(none)->data, std::nullopt);
  EXPECT_FALSE(read_sasl_initial("M\0\x7f\xff\xff\xff"sv));
  auto response = payload_of('p', [](Buffer& out) { append_sasl_response(out, "c=biws"); });
  EXPECT_EQ(read_sasl_response(response)->data, "c=biws");
}

TEST(FrontendTest, messages_without_a_body) {
  EXPECT_EQ(payload_of('S', append_sync), "");
  EXPECT_EQ(payload_of('H', append_flush), "");
  EXPECT_EQ(payload_of('X', append_terminate), "");
}

TEST(FrontendTest, unknown_types_are_unknown) {
  int known = 0;
  for (int type = -128; type < 128; ++type) known += frontend::known(static_cast<char>(type));
  EXPECT_EQ(known, 14);
  EXPECT_FALSE(frontend::known('\0'));
  EXPECT_FALSE(frontend::known('T'));
}

}  // namespace
}  // namespace sluice::postgres
