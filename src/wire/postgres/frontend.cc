#include "wire/postgres/frontend.h"

#include <string>

#include "wire/postgres/frame.h"
#include "wire/postgres/reader.h"

namespace sluice::postgres {
namespace {

std::unexpected<Error> malformed(const char* message) {
  return fail(Code::protocol_violation, std::string("malformed ") + message + " message");
}

void read_formats(Reader& in, std::vector<std::uint16_t>& formats) {
  std::uint16_t count = in.u16();
  formats.clear();
  if (in.left() < std::size_t{2} * count)
    in.reject();
  else
    formats.reserve(count);
  for (std::size_t i = 0; in.ok() && i < count; ++i) {
    formats.push_back(in.u16());
    if (formats.back() > 1) in.reject();
  }
}

// Formats are none, one for all values, or one for each.
void read_values(Reader& in, std::vector<std::uint16_t>& formats, std::vector<BoundValue>& values) {
  read_formats(in, formats);
  std::uint16_t count = in.u16();
  values.clear();
  if (formats.size() > 1 && formats.size() != count) in.reject();
  if (in.left() < std::size_t{4} * count)
    in.reject();
  else
    values.reserve(count);
  for (std::size_t i = 0; in.ok() && i < count; ++i) {
    BoundValue& value = values.emplace_back();
    if (!formats.empty()) value.format = formats[formats.size() == 1 ? 0 : i];
    std::uint32_t size = in.u32();
    if (size != 0xffffffff) value.value = in.bytes(size);
  }
}

void append_formats(Buffer& out, const std::vector<std::uint16_t>& formats) {
  out.append_u16(static_cast<std::uint16_t>(formats.size()));
  for (std::uint16_t format : formats) out.append_u16(format);
}

void append_values(Buffer& out, const std::vector<BoundValue>& values) {
  out.append_u16(static_cast<std::uint16_t>(values.size()));
  for (const BoundValue& value : values) out.append_u16(value.format);
  out.append_u16(static_cast<std::uint16_t>(values.size()));
  for (const BoundValue& value : values) {
    out.append_u32(value.value ? static_cast<std::uint32_t>(value.value->size()) : 0xffffffff);
    if (value.value) out.append(*value.value);
  }
}

void append_named(Buffer& out, char type, char kind, std::string_view name) {
  FrameWriter frame(out, type);
  out.append(kind);
  append_text(out, name);
}

void append_bytes(Buffer& out, char type, std::string_view bytes) {
  FrameWriter frame(out, type);
  out.append(bytes);
}

}  // namespace

bool frontend::known(char type) {
  return type != '\0' && std::string_view("BCdcfDEHFPpQSX").contains(type);
}

Result<Query> read_query(std::string_view payload) {
  Reader in(payload);
  Query message{in.cstring()};
  if (!in.done()) return malformed("Query");
  return message;
}

Result<Parse> read_parse(std::string_view payload) {
  Reader in(payload);
  Parse message{in.cstring(), in.cstring(), {}};
  message.types = in.bytes(std::size_t{4} * in.u16());
  if (!in.done()) return malformed("Parse");
  return message;
}

Result<Bind> read_bind(std::string_view payload) {
  Reader in(payload);
  Bind message{in.cstring(), in.cstring(), in.rest()};
  if (!in.done()) return malformed("Bind");
  return message;
}

Result<BindParameters> bind_parameters(std::string_view rest) {
  BindParameters parameters;
  if (auto read = read_bind_parameters(rest, parameters); !read)
    return std::unexpected(read.error());
  return parameters;
}

Result<void> read_bind_parameters(std::string_view rest, BindParameters& into) {
  Reader in(rest);
  read_values(in, into.result_formats, into.values);  // the formats of values are done with first
  read_formats(in, into.result_formats);
  if (!in.done()) return malformed("Bind");
  return {};
}

Result<Describe> read_describe(std::string_view payload) {
  Reader in(payload);
  Describe message{static_cast<char>(in.u8()), in.cstring()};
  if (!in.done() || (message.kind != 'S' && message.kind != 'P')) return malformed("Describe");
  return message;
}

Result<Close> read_close(std::string_view payload) {
  Reader in(payload);
  Close message{static_cast<char>(in.u8()), in.cstring()};
  if (!in.done() || (message.kind != 'S' && message.kind != 'P')) return malformed("Close");
  return message;
}

Result<Execute> read_execute(std::string_view payload) {
  Reader in(payload);
  Execute message{in.cstring(), in.u32()};
  if (!in.done()) return malformed("Execute");
  return message;
}

Result<FunctionCall> read_function_call(std::string_view payload) {
  Reader in(payload);
  FunctionCall call;
  call.function = in.u32();
  std::vector<std::uint16_t> formats;
  read_values(in, formats, call.arguments);
  call.result_format = in.u16();
  if (!in.done() || call.result_format > 1) return malformed("FunctionCall");
  return call;
}

Result<CopyFail> read_copy_fail(std::string_view payload) {
  Reader in(payload);
  CopyFail message{in.cstring()};
  if (!in.done()) return malformed("CopyFail");
  return message;
}

Result<Password> read_password(std::string_view payload) {
  Reader in(payload);
  Password message{in.cstring()};
  if (!in.done()) return malformed("Password");
  return message;
}

Result<SaslInitial> read_sasl_initial(std::string_view payload) {
  Reader in(payload);
  SaslInitial message{in.cstring(), std::nullopt};
  std::uint32_t size = in.u32();
  if (size != 0xffffffff) message.data = in.bytes(size);
  if (!in.done()) return malformed("SASLInitialResponse");
  return message;
}

Result<SaslResponse> read_sasl_response(std::string_view payload) { return SaslResponse{payload}; }

void append_query(Buffer& out, std::string_view text) {
  FrameWriter frame(out, frontend::kQuery);
  append_text(out, text);
}

void append_parse(Buffer& out, std::string_view name, std::string_view query,
                  std::string_view types) {
  FrameWriter frame(out, frontend::kParse);
  append_text(out, name);
  append_text(out, query);
  std::size_t count = types.size() / 4;
  out.append_u16(static_cast<std::uint16_t>(count));
  out.append(types.substr(0, count * 4));
}

void append_bind(Buffer& out, std::string_view portal, std::string_view statement,
                 std::string_view rest) {
  FrameWriter frame(out, frontend::kBind);
  append_text(out, portal);
  append_text(out, statement);
  out.append(rest);
}

void append_bind_parameters(Buffer& out, const BindParameters& parameters) {
  append_values(out, parameters.values);
  append_formats(out, parameters.result_formats);
}

void append_describe(Buffer& out, char kind, std::string_view name) {
  append_named(out, frontend::kDescribe, kind, name);
}

void append_close(Buffer& out, char kind, std::string_view name) {
  append_named(out, frontend::kClose, kind, name);
}

void append_execute(Buffer& out, std::string_view portal, std::uint32_t max_rows) {
  FrameWriter frame(out, frontend::kExecute);
  append_text(out, portal);
  out.append_u32(max_rows);
}

void append_sync(Buffer& out) { FrameWriter(out, frontend::kSync); }
void append_flush(Buffer& out) { FrameWriter(out, frontend::kFlush); }
void append_terminate(Buffer& out) { FrameWriter(out, frontend::kTerminate); }

void append_password(Buffer& out, std::string_view password) {
  FrameWriter frame(out, frontend::kPassword);
  append_text(out, password);
}

void append_sasl_initial(Buffer& out, std::string_view mechanism,
                         std::optional<std::string_view> data) {
  FrameWriter frame(out, frontend::kPassword);
  append_text(out, mechanism);
  out.append_u32(data ? static_cast<std::uint32_t>(data->size()) : 0xffffffff);
  if (data) out.append(*data);
}

void append_sasl_response(Buffer& out, std::string_view data) {
  append_bytes(out, frontend::kPassword, data);
}

void append_function_call(Buffer& out, const FunctionCall& call) {
  FrameWriter frame(out, frontend::kFunctionCall);
  out.append_u32(call.function);
  append_values(out, call.arguments);
  out.append_u16(call.result_format);
}

void append_copy_data(Buffer& out, std::string_view data) {
  append_bytes(out, frontend::kCopyData, data);
}
void append_copy_done(Buffer& out) { FrameWriter(out, frontend::kCopyDone); }

void append_copy_fail(Buffer& out, std::string_view reason) {
  FrameWriter frame(out, frontend::kCopyFail);
  append_text(out, reason);
}

}  // namespace sluice::postgres
