// The reading side of backend.h; the writing side is backend_write.cc.
#include "wire/postgres/backend.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "wire/postgres/reader.h"
#include "wire/postgres/sqlstate.h"
#include "wire/postgres/startup.h"

namespace sluice::postgres {
namespace {

constexpr std::uint32_t kNull = 0xffffffff;  // the length of a NULL

std::unexpected<Error> malformed(const char* message) {
  return fail(Code::protocol_violation, std::string("malformed ") + message + " message");
}

// Where a field of an error goes by its type byte; unknown ones are passed over, as the protocol asks.
std::string_view* field_of(ErrorFields& error, char type) {
  switch (type) {
    case 'S': return &error.severity;
    case 'V': return &error.severity_plain;
    case 'C': return &error.sqlstate;
    case 'M': return &error.message;
    case 'D': return &error.detail;
    case 'H': return &error.hint;
    case 'P': return &error.position;
    case 'p': return &error.internal_position;
    case 'q': return &error.internal_query;
    case 'W': return &error.where;
    case 's': return &error.schema;
    case 't': return &error.table;
    case 'c': return &error.column;
    case 'd': return &error.type;
    case 'n': return &error.constraint;
    case 'F': return &error.file;
    case 'L': return &error.line;
    case 'R': return &error.routine;
    default: return nullptr;
  }
}

Column read_column(Reader& in) {
  Column column;
  column.name = in.cstring();
  column.table = in.u32();
  column.attribute = static_cast<std::int16_t>(in.u16());
  column.type = in.u32();
  column.type_size = static_cast<std::int16_t>(in.u16());
  column.type_modifier = static_cast<std::int32_t>(in.u32());
  column.format = in.u16();
  return column;
}

}  // namespace

bool backend::known(char type) {
  return type != '\0' && std::string_view("RK23CWdcGHDIEVvnNAtS1sZT").contains(type);
}

Result<Authentication> read_authentication(std::string_view payload) {
  Reader in(payload);
  Authentication message{in.u32(), in.rest()};
  if (!in.done()) return malformed("Authentication");
  return message;
}

Result<std::vector<std::string_view>> sasl_mechanisms(std::string_view data) {
  Reader in(data);
  std::vector<std::string_view> names;
  for (std::string_view name = in.cstring(); !name.empty(); name = in.cstring())
    names.push_back(name);
  if (!in.done()) return malformed("AuthenticationSASL");
  return names;
}

Result<std::array<char, 4>> md5_salt(std::string_view data) {
  if (data.size() != 4) return malformed("AuthenticationMD5Password");
  return std::array{data[0], data[1], data[2], data[3]};
}

Result<ParameterStatus> read_parameter_status(std::string_view payload) {
  Reader in(payload);
  ParameterStatus message{in.cstring(), in.cstring()};
  if (!in.done()) return malformed("ParameterStatus");
  return message;
}

Result<BackendKeyData> read_backend_key_data(std::string_view payload) {
  Reader in(payload);
  BackendKeyData message{in.u32(), in.rest()};
  if (!in.done() || message.secret.size() < 4 || message.secret.size() > kMaxCancelSecret)
    return malformed("BackendKeyData");
  return message;
}

Result<ReadyForQuery> read_ready_for_query(std::string_view payload) {
  if (payload.size() != 1 || (payload[0] != 'I' && payload[0] != 'T' && payload[0] != 'E'))
    return malformed("ReadyForQuery");
  return ReadyForQuery{payload[0]};
}

Result<ErrorFields> read_error(std::string_view payload) {
  Reader in(payload);
  ErrorFields error;
  error.raw = payload;
  for (std::uint8_t type = in.u8(); type != 0; type = in.u8()) {
    std::string_view value = in.cstring();
    if (std::string_view* field = field_of(error, static_cast<char>(type))) *field = value;
  }
  if (!in.done()) return malformed("ErrorResponse");
  if (error.severity_plain.empty()) error.severity_plain = error.severity;
  if (!sqlstate::well_formed(error.sqlstate)) error.sqlstate = sqlstate::kInternalError;
  return error;
}

Result<CommandComplete> read_command_complete(std::string_view payload) {
  Reader in(payload);
  CommandComplete message{in.cstring()};
  if (!in.done()) return malformed("CommandComplete");
  return message;
}

Result<RowDescription> read_row_description(std::string_view payload) {
  Reader in(payload);
  RowDescription description;
  std::uint16_t count = in.u16();
  for (std::size_t i = 0; in.ok() && i < count; ++i) description.columns.push_back(read_column(in));
  if (!in.done()) return malformed("RowDescription");
  return description;
}

Result<DataRow> read_data_row(std::string_view payload) {
  Reader in(payload);
  std::uint16_t count = in.u16();
  std::string_view values = in.ok() ? payload.substr(2) : std::string_view();
  for (std::size_t i = 0; in.ok() && i < count; ++i)
    if (std::uint32_t size = in.u32(); size != kNull) in.bytes(size);
  if (!in.done()) return malformed("DataRow");
  return DataRow(values, count);
}

DataRow::Iterator::value_type DataRow::Iterator::operator*() const {
  Reader in(left_);
  std::uint32_t size = in.u32();
  if (size == kNull) return std::nullopt;
  return in.bytes(size);
}

DataRow::Iterator& DataRow::Iterator::operator++() {
  Reader in(left_);
  if (std::uint32_t size = in.u32(); size != kNull) in.bytes(size);
  left_ = in.rest();
  --count_;
  return *this;
}

Result<CopyResponse> read_copy_response(std::string_view payload) {
  Reader in(payload);
  CopyResponse response;
  response.format = in.u8();
  std::uint16_t count = in.u16();
  for (std::size_t i = 0; in.ok() && i < count; ++i) response.columns.push_back(in.u16());
  if (!in.done() || response.format > 1) return malformed("CopyResponse");
  return response;
}

Result<ParameterDescription> read_parameter_description(std::string_view payload) {
  Reader in(payload);
  ParameterDescription description;
  std::uint16_t count = in.u16();
  for (std::size_t i = 0; in.ok() && i < count; ++i) description.types.push_back(in.u32());
  if (!in.done()) return malformed("ParameterDescription");
  return description;
}

Result<NotificationResponse> read_notification(std::string_view payload) {
  Reader in(payload);
  NotificationResponse message{in.u32(), in.cstring(), in.cstring()};
  if (!in.done()) return malformed("NotificationResponse");
  return message;
}

// Servers send a whole version, 3 << 16 | minor; the documentation long said the minor alone.
Result<NegotiateProtocolVersion> read_negotiate_version(std::string_view payload) {
  Reader in(payload);
  NegotiateProtocolVersion message;
  std::uint32_t version = in.u32();
  message.newest_minor = static_cast<std::uint16_t>(version);
  std::uint32_t count = in.u32();
  for (std::size_t i = 0; in.ok() && i < count; ++i) message.options.push_back(in.cstring());
  if (!in.done() || (version >> 16 != 3 && version >> 16 != 0))
    return malformed("NegotiateProtocolVersion");
  return message;
}

Result<FunctionCallResponse> read_function_call_response(std::string_view payload) {
  Reader in(payload);
  FunctionCallResponse message;
  if (std::uint32_t size = in.u32(); size != kNull) message.value = in.bytes(size);
  if (!in.done()) return malformed("FunctionCallResponse");
  return message;
}

std::optional<std::uint64_t> rows_of(std::string_view tag) {
  std::size_t space = tag.rfind(' ');
  if (space == std::string_view::npos) return std::nullopt;
  std::uint64_t rows = 0;
  auto [end, error] = std::from_chars(tag.data() + space + 1, tag.data() + tag.size(), rows);
  if (error != std::errc() || end != tag.data() + tag.size()) return std::nullopt;
  return rows;
}

}  // namespace sluice::postgres
