// The writing side of backend.h: what a proxy says in a server's place.
#include "wire/postgres/backend.h"
#include "wire/postgres/frame.h"
#include "wire/postgres/sqlstate.h"

namespace sluice::postgres {
namespace {

void append_value(Buffer& out, std::optional<std::string_view> value) {
  out.append_u32(value ? static_cast<std::uint32_t>(value->size()) : 0xffffffff);
  if (value) out.append(*value);
}

void append_field(Buffer& out, char type, std::string_view value) {
  if (value.empty()) return;
  out.append(type);
  append_text(out, value);
}

// Severity twice: S for people, V for programs; both, code and message are always there.
void append_report(Buffer& out, char type, std::string_view severity, const ErrorReport& report) {
  FrameWriter frame(out, type);
  append_field(out, 'S', severity);
  append_field(out, 'V', severity);
  append_field(out, 'C',
               sqlstate::well_formed(report.sqlstate) ? report.sqlstate : sqlstate::kInternalError);
  out.append('M');
  append_text(out, report.message);
  append_field(out, 'D', report.detail);
  append_field(out, 'H', report.hint);
  out.append('\0');
}

}  // namespace

void append_authentication(Buffer& out, std::uint32_t code, std::string_view data) {
  FrameWriter frame(out, backend::kAuthentication);
  out.append_u32(code);
  out.append(data);
}

void append_sasl(Buffer& out, std::span<const std::string_view> mechanisms) {
  FrameWriter frame(out, backend::kAuthentication);
  out.append_u32(kAuthSasl);
  for (std::string_view mechanism : mechanisms) append_text(out, mechanism);
  out.append('\0');
}

void append_parameter_status(Buffer& out, std::string_view name, std::string_view value) {
  FrameWriter frame(out, backend::kParameterStatus);
  append_text(out, name);
  append_text(out, value);
}

void append_backend_key_data(Buffer& out, std::uint32_t pid, std::string_view secret) {
  FrameWriter frame(out, backend::kBackendKeyData);
  out.append_u32(pid);
  out.append(secret);
}

void append_ready_for_query(Buffer& out, char status) {
  FrameWriter frame(out, backend::kReadyForQuery);
  out.append(status);
}

void append_command_complete(Buffer& out, std::string_view tag) {
  FrameWriter frame(out, backend::kCommandComplete);
  append_text(out, tag);
}

void append_row_description(Buffer& out, std::span<const Column> columns) {
  FrameWriter frame(out, backend::kRowDescription);
  out.append_u16(static_cast<std::uint16_t>(columns.size()));
  for (const Column& column : columns) {
    append_text(out, column.name);
    out.append_u32(column.table);
    out.append_u16(static_cast<std::uint16_t>(column.attribute));
    out.append_u32(column.type);
    out.append_u16(static_cast<std::uint16_t>(column.type_size));
    out.append_u32(static_cast<std::uint32_t>(column.type_modifier));
    out.append_u16(column.format);
  }
}

void append_data_row(Buffer& out, std::span<const std::optional<std::string_view>> values) {
  FrameWriter frame(out, backend::kDataRow);
  out.append_u16(static_cast<std::uint16_t>(values.size()));
  for (std::optional<std::string_view> value : values) append_value(out, value);
}

void append_copy_response(Buffer& out, char type, const CopyResponse& response) {
  FrameWriter frame(out, type);
  out.append(static_cast<char>(response.format));
  out.append_u16(static_cast<std::uint16_t>(response.columns.size()));
  for (std::uint16_t format : response.columns) out.append_u16(format);
}

void append_parameter_description(Buffer& out, std::span<const std::uint32_t> types) {
  FrameWriter frame(out, backend::kParameterDescription);
  out.append_u16(static_cast<std::uint16_t>(types.size()));
  for (std::uint32_t type : types) out.append_u32(type);
}

void append_notification(Buffer& out, const NotificationResponse& notification) {
  FrameWriter frame(out, backend::kNotificationResponse);
  out.append_u32(notification.pid);
  append_text(out, notification.channel);
  append_text(out, notification.payload);
}

void append_function_call_response(Buffer& out, std::optional<std::string_view> value) {
  FrameWriter frame(out, backend::kFunctionCallResponse);
  append_value(out, value);
}

void append_parse_complete(Buffer& out) { FrameWriter(out, backend::kParseComplete); }
void append_bind_complete(Buffer& out) { FrameWriter(out, backend::kBindComplete); }
void append_close_complete(Buffer& out) { FrameWriter(out, backend::kCloseComplete); }
void append_portal_suspended(Buffer& out) { FrameWriter(out, backend::kPortalSuspended); }
void append_no_data(Buffer& out) { FrameWriter(out, backend::kNoData); }
void append_empty_query_response(Buffer& out) { FrameWriter(out, backend::kEmptyQueryResponse); }

void append_error(Buffer& out, const ErrorReport& report) {
  std::string_view severity = report.severity;
  append_report(out, backend::kErrorResponse, severity.empty() ? "ERROR" : severity, report);
}

void append_notice(Buffer& out, const ErrorReport& report) {
  std::string_view severity = report.severity;
  bool unsaid = severity.empty() || severity == "ERROR";
  append_report(out, backend::kNoticeResponse, unsaid ? "NOTICE" : severity, report);
}

}  // namespace sluice::postgres
