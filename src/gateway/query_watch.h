// QueryWatch: what stands behind the query stage of all workers, and the thread that does what none of
// them should wait for: parsing new statements, looking for loops, keeping statistics over a restart.
//
// Workers write to their own recorders; this thread collects ten times a second. If it falls behind,
// journals overflow and are counted as lost: requests never wait for it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "flow/pipeline.h"
#include "gateway/config.h"
#include "sluice/query/examiner.h"
#include "sluice/query/loops.h"
#include "sluice/query/workload.h"
#include "store/query_store.h"

namespace sluice::gateway {

class QueryWatch final : public flow::Elsewhere {
 public:
  QueryWatch(const Config& config, unsigned workers, Log& log);
  ~QueryWatch() override;  // stop()

  void start();  // restores what was kept, then runs its thread
  void stop();   // keeps what is known; thread-safe calls remain possible
  void configure(const Config& config);

  std::vector<std::unique_ptr<query::Examiner>>& examiners() { return examiners_; }
  query::Recorder& recorder(unsigned home) { return workload_.recorder(home); }

  // --- flow::Elsewhere -----------------------------------------------------------------------------------
  void run(const std::function<void()>& work) override;

  // --- for the admin side: thread-safe -------------------------------------------------------------------
  query::Workload& workload() { return workload_; }
  query::Templates& templates() { return templates_; }
  std::vector<query::Loop> loops();
  void reset();  // statistics, loops and what is kept of them

  // Makes a slow statement's plan. Called on this watch's thread, for at most `explain_per_minute`;
  // Code::exhausted: not now, once more a little later.
  std::function<Result<std::string>(const query::SlowQuery&)> explain;

 private:
  void work();
  void turn(Time now);
  void parse_some();
  struct Unexplained {
    query::SlowQuery slow;
    Time until;  // tried again while nobody has a connection for it
  };
  void explain_some(Time now);
  std::optional<Unexplained> next_unexplained(Time now);
  void open_store();
  void restore();
  void keep();

  Log& log_;
  query::Templates templates_;
  query::Workload workload_;
  const unsigned workers_;
  std::vector<std::unique_ptr<query::Examiner>> examiners_;

  std::mutex detecting_;  // detector_
  query::LoopDetector detector_;
  std::mutex storing_;  // store_
  std::optional<store::QueryStore> store_;
  std::string directory_;

  std::mutex mutex_;  // all below
  std::condition_variable wake_;
  std::vector<const std::function<void()>*> urgent_;
  std::vector<Unexplained> to_explain_;
  QuerySettings settings_;
  bool stopping_ = false, unparsed_ = false;
  unsigned explained_ = 0;  // since minute_
  Time minute_{}, kept_at_{};

  std::thread thread_;
};

}  // namespace sluice::gateway
