#include "wire/postgres/password.h"

#include <gtest/gtest.h>

#include "wire/postgres/digest.h"
#include "wire/postgres/scram.h"

namespace sluice::postgres {
namespace {

constexpr std::array<char, 4> kSalt = {'\x01', '\x02', '\x03', '\x04'};

TEST(PasswordTest, md5_known_answers) {
  EXPECT_EQ(*md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");  // RFC 1321
  EXPECT_EQ(*md5_hex("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  // printf 'secretalice' | md5sum; then of that and 01 02 03 04
  EXPECT_EQ(*md5_secret("alice", "secret"), "md54a0a68b43b6cd5cf266fa02f196e2371");
  EXPECT_EQ(*md5_answer("secret", "alice", kSalt), "md598a0412b9c31436fc53776e863350083");
}

TEST(PasswordTest, kinds_of_secret) {
  EXPECT_EQ(kind_of("secret"), SecretKind::plain);
  EXPECT_EQ(kind_of(*md5_secret("alice", "secret")), SecretKind::md5);
  EXPECT_EQ(kind_of("md5 is how this password begins"), SecretKind::plain);
  EXPECT_EQ(kind_of("md5" + std::string(32, 'g')), SecretKind::plain);
  EXPECT_EQ(kind_of(format_verifier(*make_verifier("secret"))), SecretKind::scram);
  EXPECT_EQ(kind_of("SCRAM-SHA-256$broken"), SecretKind::plain);
}

TEST(PasswordTest, md5_answers_are_the_same_from_plain_and_hashed_secrets) {
  std::string hashed = *md5_secret("alice", "secret");
  std::string answer = *md5_answer("secret", "alice", kSalt);
  EXPECT_EQ(*md5_answer(hashed, "alice", kSalt), answer);
  EXPECT_TRUE(check_md5_answer("secret", "alice", kSalt, answer));
  EXPECT_TRUE(check_md5_answer(hashed, "alice", kSalt, answer));
}

TEST(PasswordTest, md5_answers_belong_to_user_salt_and_password) {
  std::string answer = *md5_answer("secret", "alice", kSalt);
  EXPECT_FALSE(check_md5_answer("Secret", "alice", kSalt, answer));
  EXPECT_FALSE(check_md5_answer("secret", "bob", kSalt, answer));
  EXPECT_FALSE(check_md5_answer("secret", "alice", {'\x01', '\x02', '\x03', '\x05'}, answer));
  EXPECT_FALSE(check_md5_answer("secret", "alice", kSalt, answer.substr(0, 34)));
  EXPECT_FALSE(check_md5_answer("secret", "alice", kSalt, ""));
  EXPECT_FALSE(check_md5_answer("", "alice", kSalt, *md5_answer("", "alice", kSalt)));
}

TEST(PasswordTest, verifiers_give_no_md5_answer) {
  auto answer = md5_answer(format_verifier(*make_verifier("secret")), "alice", kSalt);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::invalid_argument);
}

TEST(PasswordTest, cleartext_is_checked_against_every_kind) {
  for (const std::string& secret : {std::string("secret"), *md5_secret("alice", "secret"),
                                    format_verifier(*make_verifier("secret"))}) {
    EXPECT_TRUE(check_password(secret, "alice", "secret")) << secret;
    EXPECT_FALSE(check_password(secret, "alice", "Secret")) << secret;
    EXPECT_FALSE(check_password(secret, "alice", "secret ")) << secret;
    EXPECT_FALSE(check_password(secret, "alice", "")) << secret;
  }
  EXPECT_FALSE(check_password(*md5_secret("alice", "secret"), "bob", "secret"));
}

TEST(PasswordTest, stored_forms_are_no_passwords) {
  std::string md5 = *md5_secret("alice", "secret"),
              scram = format_verifier(*make_verifier("secret"));
  EXPECT_FALSE(check_password(md5, "alice", md5));
  EXPECT_FALSE(check_password(scram, "alice", scram));
}

TEST(PasswordTest, empty_secret_fits_nothing) {
  EXPECT_FALSE(check_password("", "alice", ""));
  EXPECT_FALSE(check_password("", "alice", "x"));
}

}  // namespace
}  // namespace sluice::postgres
