#include "wire/postgres/scram.h"

#include <gtest/gtest.h>

#include "wire/postgres/base64.h"
#include "wire/postgres/scram_message.h"

namespace sluice::postgres {
namespace {

using namespace std::string_literals;

// RFC 7677, section 3.
constexpr std::string_view kClientNonce = "rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
constexpr std::string_view kSalt = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr std::string_view kClientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
constexpr std::string_view kServerFirst =
    "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
constexpr std::string_view kClientFinal =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
constexpr std::string_view kServerFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

ScramVerifier verifier_of(std::string_view password, std::string_view salt = "0123456789abcdef",
                          std::uint32_t iterations = 64) {
  auto verifier = make_verifier(password, salt, iterations);
  EXPECT_TRUE(verifier);
  return verifier.value_or(ScramVerifier{});
}

// The whole exchange; the error of whoever refuses first.
Result<void> login(ScramClient& client, ScramServer& server) {
  auto challenge = server.first(client.mechanism(), client.first());
  if (!challenge) return std::unexpected(challenge.error());
  auto proof = client.answer(*challenge);
  if (!proof) return std::unexpected(proof.error());
  auto signature = server.finish(*proof);
  if (!signature) return std::unexpected(signature.error());
  return client.verify(*signature);
}

void expect_code(const auto& result, Code code) {
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, code) << result.error().text();
}

TEST(ScramServerTest, published_exchange) {
  ScramServer server(verifier_of("pencil", *from_base64(kSalt), 4096), "",
                     std::string(kServerNonce));
  EXPECT_EQ(server.first("SCRAM-SHA-256", kClientFirst).value(), kServerFirst);
  EXPECT_EQ(server.finish(kClientFinal).value(), kServerFinal);
  EXPECT_TRUE(server.authenticated());
}

// Our client leaves the user name empty, as libpq does, so its proof differs from the published one;
// what it is made of doesn't.
TEST(ScramClientTest, published_keys_sign_the_published_exchange) {
  ScramVerifier verifier = verifier_of("pencil", *from_base64(kSalt), 4096);
  std::string message = std::string(kClientFirst.substr(3)) + "," + std::string(kServerFirst) +
                        "," + std::string(kClientFinal.substr(0, kClientFinal.rfind(",p=")));
  auto signature = scram::server_signature(verifier.server_key, message);
  EXPECT_EQ(signature, *scram::key_from_base64(kServerFinal.substr(2)));
  auto proof = *scram::key_from_base64(kClientFinal.substr(kClientFinal.rfind(",p=") + 3));
  auto client_key = scram::xor_signature(proof, verifier.stored_key, message);
  EXPECT_EQ(scram::stored_key_of(client_key), verifier.stored_key);
}

TEST(ScramClientTest, answers_the_published_challenge) {
  ScramClient client("pencil", {.nonce = std::string(kClientNonce)});
  EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256");
  EXPECT_EQ(client.first(), "n,,n=,r=rOprNGfwEbeRWgbNEkqO");
  auto final = client.answer(kServerFirst);
  ASSERT_TRUE(final);
  EXPECT_TRUE(final->starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="));
}

TEST(ScramTest, right_password_lets_both_sides_in) {
  for (std::string password :
       {"secret"s, "pass wörd"s, "\xff\xfe not UTF-8"s, std::string(5000, 'x')}) {
    ScramServer server(verifier_of(password));
    ScramClient client(password, {});
    auto done = login(client, server);
    EXPECT_TRUE(done) << done.error().text();
    EXPECT_TRUE(client.authenticated());
    EXPECT_TRUE(server.authenticated());
  }
}

TEST(ScramTest, wrong_password_is_refused) {
  ScramServer server(verifier_of("secret"));
  ScramClient client("Secret", {});
  expect_code(login(client, server), Code::unauthenticated);
  EXPECT_FALSE(server.authenticated());
  EXPECT_FALSE(server.client_key());
  EXPECT_FALSE(server.keys());
  EXPECT_FALSE(client.keys());
}

TEST(ScramTest, server_that_does_not_know_the_password_is_refused) {
  ScramVerifier forged = verifier_of("secret");
  forged.server_key[0] ^= 1;
  ScramServer server(forged);
  ScramClient client("secret", {});
  expect_code(login(client, server), Code::unauthenticated);
  EXPECT_FALSE(client.authenticated());
}

TEST(ScramTest, recovered_key_logs_in_upstream) {
  ScramVerifier verifier = verifier_of("secret");
  ScramServer ours(verifier);
  ScramClient theirs("secret", {});
  ASSERT_TRUE(login(theirs, ours));
  ASSERT_TRUE(ours.keys());
  EXPECT_EQ(scram::stored_key_of(*ours.client_key()), verifier.stored_key);

  for (int reconnect = 0; reconnect < 3; ++reconnect) {
    ScramServer upstream(verifier);
    ScramClient client(*ours.keys(), {});
    auto done = login(client, upstream);
    EXPECT_TRUE(done) << done.error().text();
  }
}

TEST(ScramTest, recovered_key_needs_the_same_salt_and_iterations) {
  ScramServer ours(verifier_of("secret"));
  ScramClient theirs("secret", {});
  ASSERT_TRUE(login(theirs, ours));
  ScramServer other_salt(verifier_of("secret", "another salt 123"));
  ScramServer other_count(verifier_of("secret", "0123456789abcdef", 65));
  for (ScramServer* upstream : {&other_salt, &other_count}) {
    ScramClient client(*ours.keys(), {});
    expect_code(login(client, *upstream), Code::unauthenticated);
  }
}

TEST(ScramTest, keys_of_a_login_serve_the_next) {
  ScramServer first(verifier_of("secret")), second(verifier_of("secret"));
  ScramClient client("secret", {});
  ASSERT_TRUE(login(client, first));
  ScramClient again(client.keys().value(), {});
  EXPECT_TRUE(login(again, second));
}

TEST(ScramTest, channel_binding) {
  ScramServer server(verifier_of("secret"), "certificate hash");
  ScramClient client("secret", {.channel_binding = "certificate hash", .plus_offered = true});
  EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256-PLUS");
  EXPECT_TRUE(client.first().starts_with("p=tls-server-end-point,,n=,r="));
  EXPECT_TRUE(login(client, server));
}

TEST(ScramTest, somebody_in_between_shows_another_certificate) {
  ScramServer server(verifier_of("secret"), "certificate hash");
  ScramClient client("secret", {.channel_binding = "forged hash", .plus_offered = true});
  expect_code(login(client, server), Code::unauthenticated);
}

TEST(ScramTest, cutting_plus_off_the_list_is_noticed) {
  ScramServer server(verifier_of("secret"), "certificate hash");
  ScramClient client("secret", {.channel_binding = "certificate hash", .plus_offered = false});
  EXPECT_EQ(client.mechanism(), "SCRAM-SHA-256");
  EXPECT_TRUE(client.first().starts_with("y,,"));
  expect_code(login(client, server), Code::unauthenticated);
}

TEST(ScramTest, binding_is_optional_on_both_sides) {
  ScramServer with_tls(verifier_of("secret"), "certificate hash");
  ScramClient unable("secret", {.plus_offered = true});
  EXPECT_EQ(unable.mechanism(), "SCRAM-SHA-256");
  EXPECT_TRUE(login(unable, with_tls));
  ScramServer without(verifier_of("secret"));
  ScramClient able("secret", {.channel_binding = "certificate hash"});
  EXPECT_TRUE(login(able, without));
}

TEST(ScramTest, binding_flag_and_mechanism_have_to_agree) {
  auto first = [](std::string_view mechanism, std::string_view message, std::string binding) {
    ScramServer server(verifier_of("secret"), std::move(binding));
    return server.first(mechanism, message);
  };
  EXPECT_TRUE(first(kScramSha256Plus, "p=tls-server-end-point,,n=,r=abc", "h"));
  EXPECT_TRUE(first(kScramSha256, "n,,n=,r=abc", "h"));
  expect_code(first(kScramSha256Plus, "n,,n=,r=abc", "h"), Code::protocol_violation);
  expect_code(first(kScramSha256Plus, "y,,n=,r=abc", "h"), Code::protocol_violation);
  expect_code(first(kScramSha256Plus, "p=tls-unique,,n=,r=abc", "h"), Code::unauthenticated);
  expect_code(first(kScramSha256Plus, "p=tls-server-end-point,,n=,r=abc", ""),
              Code::protocol_violation);
  expect_code(first(kScramSha256, "p=tls-server-end-point,,n=,r=abc", "h"),
              Code::protocol_violation);
  expect_code(first("SCRAM-SHA-1", "n,,n=,r=abc", ""), Code::protocol_violation);
}

TEST(ScramTest, nonces_up_to_the_bound) {
  for (std::size_t size : {std::size_t{1}, std::size_t{200}, kMaxScramNonce}) {
    ScramServer server(verifier_of("secret"), "", std::string(size, 's'));
    ScramClient client("secret", {.nonce = std::string(size, 'c')});
    EXPECT_TRUE(login(client, server)) << size;
  }
  ScramServer server(verifier_of("secret"));
  ScramClient client("secret", {.nonce = std::string(kMaxScramNonce + 1, 'c')});
  expect_code(login(client, server), Code::protocol_violation);
}

TEST(ScramTest, random_nonces_differ) {
  EXPECT_NE(ScramClient("x", {}).first(), ScramClient("x", {}).first());
  auto challenge = [] {
    return ScramServer(ScramVerifier{}).first(kScramSha256, "n,,n=,r=abc").value();
  };
  EXPECT_NE(challenge(), challenge());
}

TEST(ScramServerTest, malformed_first_messages_are_refused) {
  for (std::string message :
       {""s, "n"s, "n,"s, "n,,"s, "n,,n="s, "n,,n=,"s, "n,,n=,r="s, "n,,r=abc"s,
        "n,a=admin,n=,r=abc"s, "n,,m=x,n=,r=abc"s, "z,,n=,r=abc"s, "n,,n=,r=a b"s, "n,,n=,r=\x7f"s,
        "n,,n=,r=ab\0c"s, "n,,n=,x=abc"s, std::string(kMaxScramMessage + 1, 'n')}) {
    ScramServer server(verifier_of("secret"));
    expect_code(server.first(kScramSha256, message), Code::protocol_violation);
    expect_code(server.finish("c=biws,r=abc,p="), Code::protocol_violation);
  }
}

TEST(ScramServerTest, extensions_behind_the_nonce_are_ignored) {
  ScramServer server(verifier_of("secret"));
  EXPECT_TRUE(server.first(kScramSha256, "n,,n=ignored,r=abc,x=extension"));
}

TEST(ScramServerTest, malformed_final_messages_are_refused) {
  std::string proof = ",p=" + base64(std::string(32, 'p'));
  for (std::string message :
       {""s, "c=biws"s, "c=biws,r=abcdef"s, "c=biws,r=abcdef,p="s, "c=biws,r=abcdef,p=AAAA"s,
        "c=biws,r=abcxxx" + proof, "c=biws,r=abc" + proof, "r=abcdef,c=biws" + proof,
        "r=abcdef" + proof, "c=biws,r=abcdef" + proof + ",x=y"}) {
    ScramServer server(verifier_of("secret"), "", "def");
    ASSERT_TRUE(server.first(kScramSha256, "n,,n=,r=abc"));
    expect_code(server.finish(message), Code::protocol_violation);
    EXPECT_FALSE(server.authenticated());
  }
  ScramServer server(verifier_of("secret"), "", "def");
  ASSERT_TRUE(server.first(kScramSha256, "n,,n=,r=abc"));
  expect_code(server.finish("c=eSws,r=abcdef" + proof), Code::unauthenticated);  // says y,, now
}

TEST(ScramServerTest, steps_come_once_and_in_order) {
  ScramServer early(verifier_of("secret"));
  expect_code(early.finish("c=biws"), Code::protocol_violation);
  expect_code(early.first(kScramSha256, "n,,n=,r=abc"), Code::protocol_violation);
  ScramServer twice(verifier_of("secret"));
  ASSERT_TRUE(twice.first(kScramSha256, "n,,n=,r=abc"));
  expect_code(twice.first(kScramSha256, "n,,n=,r=abc"), Code::protocol_violation);
}

TEST(ScramClientTest, malformed_challenges_are_refused) {
  for (std::string challenge :
       {""s, "r=abc"s, "r=abcdef"s, "r=abcdef,s=AAAA"s, "r=abcdef,s=AAAA,i="s,
        "r=abcdef,s=AAAA,i=0"s, "r=abcdef,s=AAAA,i=-1"s, "r=abcdef,s=AAAA,i=4096x"s,
        "r=abcdef,s=AAAA,i=99999999999"s,
        "r=abcdef,s=AAAA,i=2147483647"s,  // minutes of our CPU
        "r=abcdef,s=,i=64"s, "r=abcdef,s=A,i=64"s, "r=abc,s=AAAA,i=64"s, "r=xyzdef,s=AAAA,i=64"s,
        "m=x,r=abcdef,s=AAAA,i=64"s, "e=other-error"s,
        "r=abc" + std::string(2 * kMaxScramNonce, 'n') + ",s=AAAA,i=64"}) {
    ScramClient client("secret", {.nonce = "abc"});
    expect_code(client.answer(challenge), Code::protocol_violation);
    expect_code(client.verify("v="), Code::protocol_violation);
  }
}

TEST(ScramClientTest, malformed_signatures_are_refused) {
  for (auto [message, code] : {std::pair("", Code::protocol_violation),
                               {"v=", Code::protocol_violation},
                               {"v=AAAA", Code::protocol_violation},
                               {"x=y", Code::protocol_violation},
                               {"e=invalid-proof", Code::unauthenticated}}) {
    ScramClient client("secret", {.nonce = "abc"});
    ASSERT_TRUE(client.answer("r=abcdef,s=AAAA,i=64"));
    expect_code(client.verify(message), code);
    EXPECT_FALSE(client.authenticated());
  }
}

TEST(VerifierTest, text_round_trips) {
  ScramVerifier verifier = verifier_of("secret", "salt and more", 4096);
  std::string text = format_verifier(verifier);
  EXPECT_TRUE(text.starts_with("SCRAM-SHA-256$4096:c2FsdCBhbmQgbW9yZQ==$"));
  EXPECT_EQ(parse_verifier(text).value(), verifier);
  EXPECT_TRUE(is_verifier(text));
}

// Computed apart from this code, from RFC 7677's password and salt.
TEST(VerifierTest, same_as_the_server_would_store) {
  std::string text = format_verifier(verifier_of("pencil", *from_base64(kSalt), 4096));
  EXPECT_EQ(
      text,
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
      "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
}

TEST(VerifierTest, malformed_texts_are_refused) {
  std::string key = base64(std::string(32, 'k'));
  EXPECT_TRUE(is_verifier("SCRAM-SHA-256$1:AAAA$" + key + ":" + key));
  for (std::string text :
       {""s, "SCRAM-SHA-256$"s, "SCRAM-SHA-256$4096:AAAA$"s,
        "scram-sha-256$4096:AAAA$" + key + ":" + key, "SCRAM-SHA-256$0:AAAA$" + key + ":" + key,
        "SCRAM-SHA-256$:AAAA$" + key + ":" + key, "SCRAM-SHA-256$4096:$" + key + ":" + key,
        "SCRAM-SHA-256$4096:A$" + key + ":" + key, "SCRAM-SHA-256$4096:AAAA$" + key,
        "SCRAM-SHA-256$4096:AAAA$" + key + ":AAAA",
        "SCRAM-SHA-256$4096:AAAA$" + key + ":" + key + " "}) {
    EXPECT_FALSE(is_verifier(text)) << text;
    expect_code(parse_verifier(text), Code::invalid_argument);
  }
}

TEST(VerifierTest, iterations_are_bounded) {
  expect_code(make_verifier("x", "salt", 0), Code::invalid_argument);
  expect_code(make_verifier("x", "salt", kMaxScramIterations + 1), Code::invalid_argument);
}

TEST(VerifierTest, salts_are_random) {
  auto first = make_verifier("secret"), second = make_verifier("secret");
  EXPECT_EQ(first->salt.size(), 16u);
  EXPECT_NE(first->salt, second->salt);
}

TEST(VerifierTest, unknown_users_keep_their_salt_and_never_get_in) {
  ScramVerifier mock = mock_verifier("nobody", "server secret");
  EXPECT_EQ(mock, mock_verifier("nobody", "server secret"));
  EXPECT_NE(mock.salt, mock_verifier("somebody", "server secret").salt);
  EXPECT_NE(mock.salt, mock_verifier("nobody", "another secret").salt);
  EXPECT_EQ(mock.salt.size(), 16u);
  EXPECT_EQ(mock.iterations, 4096u);
  ScramServer server(mock);
  ScramClient client("anything", {});
  expect_code(login(client, server), Code::unauthenticated);
}

TEST(Base64Test, published_vectors) {
  for (auto [bytes, text] : {std::pair("", ""),
                             {"f", "Zg=="},
                             {"fo", "Zm8="},
                             {"foo", "Zm9v"},
                             {"foob", "Zm9vYg=="},
                             {"fooba", "Zm9vYmE="},
                             {"foobar", "Zm9vYmFy"}}) {
    EXPECT_EQ(base64(bytes), text);
    EXPECT_EQ(from_base64(text), bytes);
  }
}

TEST(Base64Test, all_bytes_round_trip) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(from_base64(base64(bytes)), bytes);
    bytes += static_cast<char>(i);
  }
}

TEST(Base64Test, only_whole_and_canonical_texts_are_taken) {
  for (std::string_view text : {"Z", "Zg", "Zg=", "Zg= =", "Zh==", "Zm9=", "=",
                                "====", "Z===", "Zm 9v", "Zg==Zg==", "Zm9v\n", "Zm-_"})
    EXPECT_EQ(from_base64(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sluice::postgres
