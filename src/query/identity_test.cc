// Identities: values are the same or not, whatever form they come in.
#include <string>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "query/value_types.h"
#include "query/workload_testing.h"

namespace sluice::query {
namespace {

using namespace std::string_literals;
using testing::binary;
using testing::text;

std::string bytes_of(std::uint64_t value, std::size_t size) {
  std::string bytes;
  for (std::size_t i = size; i-- > 0;) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return bytes;
}

TEST(IdentityTest, null_is_zero_and_nothing_else_is) {
  EXPECT_EQ(identity_of({{}, 23, Value::Form::null}), 0U);
  EXPECT_NE(identity_of(text("")), 0U);
  EXPECT_NE(identity_of(text("0")), 0U);
}

TEST(IdentityTest, an_integer_is_itself_in_every_form_and_type) {
  const auto five = identity_of(text("5"));
  EXPECT_EQ(identity_of(text("5", type::kInt4)), five);
  EXPECT_EQ(identity_of(text("5", type::kNumeric)), five);
  EXPECT_EQ(identity_of(binary(bytes_of(5, 2), type::kInt2)), five);
  EXPECT_EQ(identity_of(binary(bytes_of(5, 4), type::kInt4)), five);
  EXPECT_EQ(identity_of(binary(bytes_of(5, 8), type::kInt8)), five);
  EXPECT_EQ(identity_of(binary("5", type::kText)), five);
  EXPECT_NE(identity_of(text("6")), five);
}

RC_GTEST_PROP(IdentityTest, text_and_binary_integers_agree, (std::int64_t value)) {
  const auto identity = identity_of(text(std::to_string(value)));
  RC_ASSERT(identity == identity_of(binary(bytes_of(static_cast<std::uint64_t>(value), 8), 20)));
  const auto small = static_cast<std::int32_t>(value);
  RC_ASSERT(identity_of(text(std::to_string(small))) ==
            identity_of(binary(bytes_of(static_cast<std::uint32_t>(small), 4), 23)));
  RC_ASSERT((identity_of(text(std::to_string(small))) == identity) == (small == value));
}

TEST(IdentityTest, only_canonical_digits_are_an_integer) {
  const auto five = identity_of(text("5"));
  for (const char* other : {"+5", "05", "5.0", " 5", "5 ", "0x5", "", "-", "--5"})
    EXPECT_NE(identity_of(text(other)), five) << other;
  EXPECT_NE(identity_of(text("-0")), identity_of(text("0")));
  EXPECT_EQ(identity_of(text("-9223372036854775808")),
            identity_of(binary(bytes_of(1ULL << 63, 8), type::kInt8)));
  EXPECT_NE(identity_of(text("9223372036854775808")), identity_of(text("9223372036854775807")));
}

TEST(IdentityTest, a_uuid_is_itself_in_text_and_binary) {
  const auto uuid = identity_of(text("0d9cb3a1-54ab-4f3a-9d4e-1f2a3b4c5d6e"));
  EXPECT_EQ(identity_of(binary("\x0d\x9c\xb3\xa1\x54\xab\x4f\x3a\x9d\x4e\x1f\x2a\x3b\x4c\x5d\x6e",
                               type::kUuid)),
            uuid);
  EXPECT_EQ(identity_of(text("0D9CB3A1-54AB-4F3A-9D4E-1F2A3B4C5D6E", type::kUuid)), uuid);
  EXPECT_NE(identity_of(text("0d9cb3a1-54ab-4f3a-9d4e-1f2a3b4c5d6f")), uuid);
  EXPECT_NE(identity_of(text("0d9cb3a1-54ab-4f3a-9d4e-1f2a3b4c5d6")), uuid);
}

TEST(IdentityTest, a_truth_value_is_one_only_by_its_type) {
  const auto yes = identity_of(binary("\x01", type::kBool));
  EXPECT_EQ(identity_of(text("t", type::kBool)), yes);
  EXPECT_EQ(identity_of(text("true", type::kBool)), yes);
  EXPECT_NE(identity_of(text("f", type::kBool)), yes);
  EXPECT_EQ(identity_of(text("f", type::kBool)), identity_of(binary("\0"s, type::kBool)));
  EXPECT_NE(identity_of(text("t")), yes);
  EXPECT_NE(identity_of(text("1")), yes);
}

TEST(IdentityTest, other_binary_forms_only_equal_themselves) {
  const auto bytes = identity_of(binary("abc", type::kByteArray));
  EXPECT_EQ(identity_of(binary("abc", type::kByteArray)), bytes);
  EXPECT_NE(identity_of(text("abc")), bytes);
  EXPECT_EQ(identity_of(binary("abc", type::kVarchar)), identity_of(text("abc")));
  EXPECT_EQ(identity_of(binary("\x01{}", type::kJsonb)), identity_of(text("{}")));
  // the wrong size for its type
  EXPECT_NE(identity_of(binary("5", type::kInt4)), identity_of(text("5")));
}

}  // namespace
}  // namespace sluice::query
