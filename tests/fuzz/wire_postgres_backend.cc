// A server's bytes: frames, then every message. Whatever is read must be written back the same.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/postgres/backend.h"
#include "wire/postgres/frame.h"
#include "wire/postgres/sqlstate.h"

namespace {

using namespace sluice;
using namespace sluice::postgres;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_authentication(Buffer& out, const Authentication& m) {
  append_authentication(out, m.code, m.data);
  (void)md5_salt(m.data).has_value();
  auto mechanisms = sasl_mechanisms(m.data);
  if (!mechanisms || m.code != kAuthSasl) return;
  Buffer again;
  append_sasl(again, *mechanisms);
  require(again.view() == out.view());
}

// Fields may be many, unknown and in any order: only what was understood has to survive.
void check_error(std::string_view payload) {
  auto error = read_error(payload);
  if (!error) return;
  require(sqlstate::well_formed(error->sqlstate));
  Buffer out;
  append_error(out, {.severity = std::string(error->severity),
                     .sqlstate = std::string(error->sqlstate),
                     .message = std::string(error->message),
                     .detail = std::string(error->detail),
                     .hint = std::string(error->hint)});
  auto again = read_error(out.view().substr(kHeadSize));
  require(again && again->message == error->message && again->sqlstate == error->sqlstate);
  require(again->detail == error->detail && again->hint == error->hint);
}

void check_data_row(Buffer& out, std::string_view payload) {
  auto row = read_data_row(payload);
  if (!row) return;
  std::vector<std::optional<std::string_view>> values(row->begin(), row->end());
  require(values.size() == row->size());
  append_data_row(out, values);
}

void rewrite(Buffer& out, const Frame& frame) {
  std::string_view payload = frame.payload;
  switch (frame.type) {
    case backend::kAuthentication:
      if (auto m = read_authentication(payload)) check_authentication(out, *m);
      break;
    case backend::kBackendKeyData:
      if (auto m = read_backend_key_data(payload)) append_backend_key_data(out, m->pid, m->secret);
      break;
    case backend::kParameterStatus:
      if (auto m = read_parameter_status(payload)) append_parameter_status(out, m->name, m->value);
      break;
    case backend::kReadyForQuery:
      if (auto m = read_ready_for_query(payload)) append_ready_for_query(out, m->status);
      break;
    case backend::kErrorResponse:
    case backend::kNoticeResponse: check_error(payload); break;
    case backend::kCommandComplete:
      if (auto m = read_command_complete(payload)) {
        append_command_complete(out, m->tag);
        (void)rows_of(m->tag);
      }
      break;
    case backend::kRowDescription:
      if (auto m = read_row_description(payload)) append_row_description(out, m->columns);
      break;
    case backend::kDataRow: check_data_row(out, payload); break;
    case backend::kCopyInResponse:
    case backend::kCopyOutResponse:
    case backend::kCopyBothResponse:
      if (auto m = read_copy_response(payload)) append_copy_response(out, frame.type, *m);
      break;
    case backend::kParameterDescription:
      if (auto m = read_parameter_description(payload)) append_parameter_description(out, m->types);
      break;
    case backend::kNotificationResponse:
      if (auto m = read_notification(payload)) append_notification(out, *m);
      break;
    case backend::kFunctionCallResponse:
      if (auto m = read_function_call_response(payload))
        append_function_call_response(out, m->value);
      break;
    case backend::kNegotiateProtocolVersion:
      (void)read_negotiate_version(payload).has_value();
      break;
    default: break;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  while (true) {
    auto frame = next_frame(bytes, 1 << 20);
    if (!frame || !*frame) return 0;
    Buffer out;
    rewrite(out, **frame);
    require(out.empty() || out.view() == (*frame)->bytes);
    bytes.remove_prefix((*frame)->bytes.size());
  }
}
