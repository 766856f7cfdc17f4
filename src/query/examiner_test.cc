// Examiner: a text that came before is the same statement, and a different one never is.
#include "sluice/query/examiner.h"

#include <string>

#include <gtest/gtest.h>

namespace sluice::query {
namespace {

TEST(ExaminerTest, a_text_that_comes_again_is_what_it_was) {
  Templates templates;
  Examiner examiner(&templates);
  const std::string text = "select a from t where b = $1 and c = 'x' /* tag='1' */";
  const Fingerprint first = (*examiner.examine(text).statement)->fingerprint();
  for (int i = 0; i < 3; ++i) {
    const std::string again = text;  // elsewhere
    const Seen seen = examiner.examine(again);
    ASSERT_TRUE(seen.statement);
    EXPECT_EQ((*seen.statement)->fingerprint(), first);
    EXPECT_EQ(seen.analysis.verb, Verb::select);
    ASSERT_EQ(seen.literals.size(), 1U);
    EXPECT_EQ(seen.literals[0].of(again), "'x'");
    EXPECT_EQ(seen.comment, " tag='1' ");
    EXPECT_EQ(seen.comment.data(), again.data() + again.find(" tag"));
  }
}

TEST(ExaminerTest, backslashes_make_another_text_of_it) {
  Templates templates;
  Examiner examiner(&templates);
  const std::string text = R"(select $1, 'a\', 'b')";
  EXPECT_FALSE(examiner.examine(text, false).fault);
  EXPECT_TRUE(examiner.examine(text, true).fault);
  EXPECT_FALSE(examiner.examine(text, false).fault);
}

TEST(ExaminerTest, many_texts_stay_apart) {
  Templates templates;
  Examiner examiner(&templates);
  for (int round = 0; round < 2; ++round)
    for (int i = 0; i < 3000; ++i) {
      const std::string text = "select c" + std::to_string(i) + " from t where d = $1";
      const Seen seen = examiner.examine(text);
      ASSERT_TRUE(seen.statement);
      ASSERT_EQ((*seen.statement)->text(), text);
    }
}

// Of SET the value decides: each text is looked at.
TEST(ExaminerTest, effects_that_depend_on_literals_are_read_each_time) {
  Templates templates;
  Examiner examiner(&templates);
  for (const char* value : {"'$a'", "'$b'", "'$a'"}) {
    const std::string text = std::string("set search_path to ") + value;
    const Seen seen = examiner.examine(text);
    ASSERT_EQ(seen.analysis.settings.size(), 1U);
    EXPECT_EQ(seen.analysis.settings[0].value, value);
  }
}

TEST(ExaminerTest, switched_off_it_recognises_nothing) {
  Templates templates;
  Examiner examiner(&templates);
  const std::string text = "select $1";
  EXPECT_TRUE(examiner.examine(text).statement);
  examiner.recognise(false);
  EXPECT_FALSE(examiner.examine(text).statement);
}

}  // namespace
}  // namespace sluice::query
