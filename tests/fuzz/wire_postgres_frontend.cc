// A client's bytes: frames, then every message. Whatever is read must be written back the same.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "wire/postgres/frame.h"
#include "wire/postgres/frontend.h"

namespace {

using namespace sluice;
using namespace sluice::postgres;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_bind(Buffer& out, const Bind& bind) {
  append_bind(out, bind.portal, bind.statement, bind.rest);
  auto parameters = bind_parameters(bind.rest);
  if (!parameters) return;
  Buffer again;
  append_bind_parameters(again, *parameters);  // formats may be spelled out: read once more
  auto same = bind_parameters(again.view());
  require(same && same->values.size() == parameters->values.size());
  require(same->result_formats == parameters->result_formats);
  for (std::size_t i = 0; i < same->values.size(); ++i) {
    require(same->values[i].value == parameters->values[i].value);
    require(same->values[i].format == parameters->values[i].format);
  }
}

// One 'p' is three messages, and only the conversation knows which.
void check_password(std::string_view payload) {
  Buffer out;
  if (auto m = read_password(payload)) {
    append_password(out, m->bytes);
    require(out.view().substr(kHeadSize) == payload);
  }
  out.clear();
  if (auto m = read_sasl_initial(payload)) {
    append_sasl_initial(out, m->mechanism, m->data);
    require(out.view().substr(kHeadSize) == payload);
  }
}

// The frame written anew from what was read; empty if it was refused.
void rewrite(Buffer& out, const Frame& frame) {
  std::string_view payload = frame.payload;
  switch (frame.type) {
    case frontend::kQuery:
      if (auto m = read_query(payload)) append_query(out, m->text);
      break;
    case frontend::kParse:
      if (auto m = read_parse(payload)) append_parse(out, m->name, m->query, m->types);
      break;
    case frontend::kBind:
      if (auto m = read_bind(payload)) check_bind(out, *m);
      break;
    case frontend::kDescribe:
      if (auto m = read_describe(payload)) append_describe(out, m->kind, m->name);
      break;
    case frontend::kClose:
      if (auto m = read_close(payload)) append_close(out, m->kind, m->name);
      break;
    case frontend::kExecute:
      if (auto m = read_execute(payload)) append_execute(out, m->portal, m->max_rows);
      break;
    case frontend::kCopyFail:
      if (auto m = read_copy_fail(payload)) append_copy_fail(out, m->reason);
      break;
    case frontend::kFunctionCall:
      if (auto m = read_function_call(payload)) {
        Buffer again;
        append_function_call(again, *m);
        auto same = read_function_call(again.view().substr(kHeadSize));
        require(same && same->arguments.size() == m->arguments.size());
      }
      break;
    case frontend::kPassword: check_password(payload); break;
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
