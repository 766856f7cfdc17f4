#include "base/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"

namespace sluice {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(UrlTest, every_part_is_found_and_decoded) {
  const Url url =
      parse_url("HTTPS://us%40er:p%3Aw@example.com:8443/a%20b/c?x=1&y=%26&z#frag").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.user, "us@er");
  EXPECT_EQ(url.password, "p:w");
  EXPECT_THAT(url.hosts, ElementsAre(HostPort{"example.com", 8443}));
  EXPECT_EQ(url.path, "/a b/c");
  EXPECT_EQ(url.option("x"), "1");
  EXPECT_EQ(url.option("y"), "&");
  EXPECT_EQ(url.option("z"), "");
  EXPECT_EQ(url.query.size(), 3u);
}

TEST(UrlTest, parts_may_be_missing) {
  const Url url = parse_url("redis://").value();
  EXPECT_EQ(url.scheme, "redis");
  EXPECT_TRUE(url.hosts.empty());
  EXPECT_EQ(parse_url("http://h").value().path, "");
  EXPECT_EQ(parse_url("redis://:secret@h:6379/0").value().password, "secret");
  EXPECT_EQ(parse_url("redis://h/a@b").value().hosts[0].host, "h")
      << "an @ in the path is no user's end";
}

TEST(UrlTest, several_hosts_and_ipv6) {
  EXPECT_THAT(parse_url("postgres://a:1,[::1]:2,c/db").value().hosts,
              ElementsAre(HostPort{"a", 1}, HostPort{"::1", 2}, HostPort{"c", 0}));
}

TEST(UrlTest, the_last_of_equal_options_counts) {
  EXPECT_EQ(parse_url("x://h?a=1&a=2").value().option("a"), "2");
}

TEST(UrlTest, what_is_wrong_is_named_with_its_place) {
  EXPECT_THAT(parse_url("h:5432").error().detail, HasSubstr("no scheme://"));
  EXPECT_THAT(parse_url("://h").error().detail, HasSubstr("no scheme://"));
  EXPECT_THAT(parse_url("x://h:70000").error().detail, HasSubstr("1 to 65535 at character 7"));
  EXPECT_THAT(parse_url("x://[::1").error().detail, HasSubstr("without its ] at character 5"));
  EXPECT_THAT(parse_url("x://[::1]y").error().detail, HasSubstr("IPv6"));
  EXPECT_THAT(parse_url("x://h/%2").error().detail, HasSubstr("hexadecimal"));
  EXPECT_THAT(parse_url("x://h/%00").error().detail, HasSubstr("zero byte"));
}

TEST(UrlTest, percent_encoding_round_trips) {
  Random random(1);
  for (int i = 0; i < 1'000; ++i) {
    std::string text(random.below(30), '\0');
    for (char& c : text) c = static_cast<char>(1 + random.below(255));
    const std::string encoded = percent_encoded(text);
    EXPECT_EQ(parse_url("x://" + encoded + "@h").value().user, text);
    EXPECT_EQ(parse_url("x://h?k=" + encoded).value().option("k"), text);
  }
}

TEST(DsnTest, a_uri_with_everything) {
  const Dsn dsn =
      parse_dsn("postgresql://app:s%40fe@db1:5433,db2/shop?sslmode=require&application_name=x")
          .value();
  EXPECT_EQ(dsn.user, "app");
  EXPECT_EQ(dsn.password, "s@fe");
  EXPECT_EQ(dsn.database, "shop");
  EXPECT_THAT(dsn.hosts, ElementsAre(HostPort{"db1", 5433}, HostPort{"db2", 5432}));
  EXPECT_EQ(dsn.option("sslmode"), "require");
  EXPECT_EQ(dsn.option("application_name"), "x");
  EXPECT_EQ(dsn.option("nothing"), "");
}

// The examples of PostgreSQL 15's documentation, 34.1.1.2.
TEST(DsnTest, the_documentations_uris) {
  EXPECT_EQ(parse_dsn("postgresql://").value().hosts[0], (HostPort{"/run/postgresql", 5432}));
  EXPECT_EQ(parse_dsn("postgresql://localhost").value().hosts[0], (HostPort{"localhost", 5432}));
  EXPECT_EQ(parse_dsn("postgresql://localhost:5433").value().hosts[0].port, 5433);
  EXPECT_EQ(parse_dsn("postgresql://localhost/mydb").value().database, "mydb");
  EXPECT_EQ(parse_dsn("postgresql://user@localhost").value().user, "user");
  EXPECT_EQ(parse_dsn("postgresql://user:secret@localhost").value().password, "secret");
  const Dsn other = parse_dsn("postgresql://other@localhost/otherdb?connect_timeout=10").value();
  EXPECT_EQ(other.option("connect_timeout"), "10");
  EXPECT_THAT(
      parse_dsn("postgresql://host1:123,host2:456/somedb?target_session_attrs=any").value().hosts,
      ElementsAre(HostPort{"host1", 123}, HostPort{"host2", 456}));
  const Dsn by_option = parse_dsn("postgresql:///mydb?host=localhost&port=5433").value();
  EXPECT_THAT(by_option.hosts, ElementsAre(HostPort{"localhost", 5433}));
  EXPECT_EQ(by_option.database, "mydb");
  EXPECT_EQ(parse_dsn("postgresql://[2001:db8::1234]/database").value().hosts[0].host,
            "2001:db8::1234");
  EXPECT_EQ(parse_dsn("postgresql:///dbname?host=/var/lib/postgresql").value().hosts[0],
            (HostPort{"/var/lib/postgresql", 5432}));
  EXPECT_EQ(parse_dsn("postgresql://%2Fvar%2Flib%2Fpostgresql/dbname").value().hosts[0].host,
            "/var/lib/postgresql");
  EXPECT_EQ(parse_dsn("postgresql:///mydb?ssl=true").value().option("sslmode"), "require");
}

TEST(DsnTest, pairs_with_libpqs_quoting) {
  const Dsn dsn =
      parse_dsn(R"(host=db1 port = 5433 dbname='my db' user=x password='it\'s a \\ b' a=b\ c)")
          .value();
  EXPECT_THAT(dsn.hosts, ElementsAre(HostPort{"db1", 5433}));
  EXPECT_EQ(dsn.database, "my db");
  EXPECT_EQ(dsn.user, "x");
  EXPECT_EQ(dsn.password, R"(it's a \ b)");
  EXPECT_EQ(dsn.option("a"), "b c");
  EXPECT_EQ(parse_dsn("host=a password='' user=u").value().password, "");
  EXPECT_EQ(parse_dsn("user=a user=b host=h").value().user, "b") << "the last one counts";
}

TEST(DsnTest, host_lists_pair_with_port_lists) {
  EXPECT_THAT(parse_dsn("host=a,b port=1,2").value().hosts,
              ElementsAre(HostPort{"a", 1}, HostPort{"b", 2}));
  EXPECT_THAT(parse_dsn("host=a,b port=7").value().hosts,
              ElementsAre(HostPort{"a", 7}, HostPort{"b", 7}));
  EXPECT_THAT(parse_dsn("host=a,/run/x port=1,").value().hosts,
              ElementsAre(HostPort{"a", 1}, HostPort{"/run/x", 5432}));
  EXPECT_THAT(parse_dsn("host=a,b port=1,2,3").error().detail, HasSubstr("3 ports for 2 hosts"));
  EXPECT_EQ(parse_dsn("hostaddr=10.0.0.1 user=u").value().hosts[0].host, "10.0.0.1");
}

TEST(DsnTest, unix_sockets_have_a_path) {
  const HostPort at = parse_dsn("host=/run/postgresql port=5433").value().hosts[0];
  EXPECT_TRUE(at.is_unix());
  EXPECT_EQ(postgres_socket_path(at), "/run/postgresql/.s.PGSQL.5433");
  EXPECT_FALSE((HostPort{"db", 1}.is_unix()));
}

TEST(DsnTest, what_is_wrong_is_named) {
  EXPECT_THAT(parse_dsn("").error().detail, HasSubstr("empty"));
  EXPECT_THAT(parse_dsn("db1").error().detail, HasSubstr("postgres://user@host"));
  EXPECT_THAT(parse_dsn("host=a user='x").error().detail, HasSubstr("character 13 isn't closed"));
  EXPECT_THAT(parse_dsn("host=a =b").error().detail, HasSubstr("character 8"));
  EXPECT_THAT(parse_dsn("host=a port=x").error().detail, HasSubstr("port"));
}

TEST(DsnTest, no_error_and_no_log_shows_a_password) {
  for (const char* text :
       {"postgres://u:hunter2@h:99999/d", "postgres://u:hunter2%zz@h/d", "postgres://u:hunter2/x@h",
        "password=hunter2 host=a port=q", "password='hunter2", "user=u password=a hunter2",
        "postgres://u:p@h:hunter2/d", "postgres://u:p@[hunter2"}) {
    const auto dsn = parse_dsn(text);
    ASSERT_FALSE(dsn) << text;
    EXPECT_THAT(dsn.error().text(), Not(HasSubstr("hunter2")));
  }
  const Dsn dsn = parse_dsn("postgres://u:hunter2@h/d?sslpassword=hunter3&sslmode=prefer").value();
  EXPECT_EQ(redacted(dsn), "postgres://u:***@h:5432/d?sslmode=prefer&sslpassword=***");
}

TEST(DsnTest, the_redacted_text_names_the_same_servers) {
  for (const char* text : {"postgres://u@h:1,[::1]:2/my%20db?a=b%26c",
                           "host=/run/x,db port=1,2 user='a b' dbname=d", "postgres://"}) {
    const Dsn dsn = parse_dsn(text).value();
    const Dsn again = parse_dsn(redacted(dsn)).value();
    EXPECT_EQ(again.hosts, dsn.hosts);
    EXPECT_EQ(again.user, dsn.user);
    EXPECT_EQ(again.database, dsn.database);
    EXPECT_EQ(again.options, dsn.options);
  }
}

}  // namespace
}  // namespace sluice
