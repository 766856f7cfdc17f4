#include "sluice/event.h"

#include <optional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sluice {
namespace {

using namespace std::chrono_literals;

TEST(EventTest, a_signal_before_the_wait_is_not_lost) {
  Event event;
  event.signal();
  EXPECT_TRUE(event.wait(kNever));
  EXPECT_TRUE(event.signalled());
}

TEST(EventTest, wait_gives_up_at_its_deadline) {
  Event event;
  const Time start = now();
  EXPECT_FALSE(event.wait(start + 20ms));
  EXPECT_GE(now(), start + 20ms);
}

TEST(EventTest, a_deadline_in_the_past_only_looks) {
  Event event;
  EXPECT_FALSE(event.wait(now() - 1s));
  event.signal();
  EXPECT_TRUE(event.wait(now() - 1s));
}

TEST(EventTest, another_thread_wakes_the_waiter) {
  for (int round = 0; round < 200; ++round) {
    Event event;
    std::thread other([&] { event.signal(); });
    EXPECT_TRUE(event.wait(kNever));
    other.join();
  }
}

TEST(EventTest, the_waiter_may_destroy_it_as_soon_as_it_is_signalled) {
  for (int round = 0; round < 200; ++round) {
    auto event = std::make_unique<Event>();
    std::thread other([raw = event.get()] { raw->signal(); });
    while (!event->signalled()) std::this_thread::yield();
    event.reset();
    other.join();
  }
}

TEST(EventTest, an_unpark_left_over_from_another_event_wakes_nobody_for_good) {
  Event first, second;
  first.signal();  // leaves an unpark behind, for nobody parks
  EXPECT_FALSE(second.wait(now() + 10ms));
}

class CountingParker final : public Parker {
 public:
  void park(Deadline) override { ++parked; }
  void unpark() override { ++unparked; }
  int parked = 0, unparked = 0;
};

TEST(EventTest, waits_on_the_parker_that_was_installed_when_it_was_made) {
  const auto parker = std::make_shared<CountingParker>();
  const std::shared_ptr<Parker> installed = parker;
  set_current_parker(&installed);
  EXPECT_EQ(current_parker(), installed);
  Event event;
  set_current_parker(nullptr);
  EXPECT_NE(current_parker(), installed);
  EXPECT_FALSE(event.wait(now() + 1ms));
  EXPECT_GT(parker->parked, 0);
  event.signal();
  EXPECT_EQ(parker->unparked, 1);
}

TEST(EventTest, each_thread_has_a_parker_of_its_own) {
  std::shared_ptr<Parker> other;
  std::thread([&] { other = current_parker(); }).join();
  EXPECT_NE(other, current_parker());
  EXPECT_EQ(current_parker(), current_parker());
  other->unpark();  // harmless after its thread is gone
}

TEST(TimeTest, deadline_after_has_no_overflow) {
  const Time at{1h};
  EXPECT_EQ(deadline_after(at, 5s), at + 5s);
  EXPECT_EQ(deadline_after(at, 0s), kNever);
  EXPECT_EQ(deadline_after(at, -1s), kNever);
  EXPECT_EQ(deadline_after(at, Duration::max()), kNever);
}

}  // namespace
}  // namespace sluice
