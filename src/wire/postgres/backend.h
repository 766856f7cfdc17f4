// What a server says.
//
// read_x() takes a frame's payload and gives views into it; append_x() writes a whole frame, since a
// proxy answers for the server now and then: at login, from the cache, when it has no connection.
// A message that doesn't hold together is a protocol_violation: the connection it came from is lost.
#pragma once

#include <array>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "sluice/result.h"

namespace sluice::postgres {

// The type bytes a server sends.
namespace backend {
inline constexpr char kAuthentication = 'R';
inline constexpr char kBackendKeyData = 'K';
inline constexpr char kBindComplete = '2';
inline constexpr char kCloseComplete = '3';
inline constexpr char kCommandComplete = 'C';
inline constexpr char kCopyBothResponse = 'W';
inline constexpr char kCopyData = 'd';
inline constexpr char kCopyDone = 'c';
inline constexpr char kCopyInResponse = 'G';
inline constexpr char kCopyOutResponse = 'H';
inline constexpr char kDataRow = 'D';
inline constexpr char kEmptyQueryResponse = 'I';
inline constexpr char kErrorResponse = 'E';
inline constexpr char kFunctionCallResponse = 'V';
inline constexpr char kNegotiateProtocolVersion = 'v';
inline constexpr char kNoData = 'n';
inline constexpr char kNoticeResponse = 'N';
inline constexpr char kNotificationResponse = 'A';
inline constexpr char kParameterDescription = 't';
inline constexpr char kParameterStatus = 'S';
inline constexpr char kParseComplete = '1';
inline constexpr char kPortalSuspended = 's';
inline constexpr char kReadyForQuery = 'Z';
inline constexpr char kRowDescription = 'T';

// One of the above.
bool known(char type);
// Notices, notifications and ParameterStatus come at any time and change no state.
inline bool asynchronous(char type) {
  return type == kNoticeResponse || type == kNotificationResponse || type == kParameterStatus;
}
}  // namespace backend

// Authentication's code.
inline constexpr std::uint32_t kAuthOk = 0;
inline constexpr std::uint32_t kAuthCleartext = 3;
inline constexpr std::uint32_t kAuthMd5 = 5;
inline constexpr std::uint32_t kAuthGss = 7;
inline constexpr std::uint32_t kAuthSspi = 9;
inline constexpr std::uint32_t kAuthSasl = 10;
inline constexpr std::uint32_t kAuthSaslContinue = 11;
inline constexpr std::uint32_t kAuthSaslFinal = 12;

struct Authentication {
  std::uint32_t code = 0;
  std::string_view data;  // what follows the code
};
struct ParameterStatus {
  std::string_view name, value;
};
struct BackendKeyData {
  std::uint32_t pid = 0;
  std::string_view secret;  // 4 bytes in protocol 3.0, up to 256 in 3.2
};
struct ReadyForQuery {
  char status = 'I';  // 'I' idle, 'T' in a transaction, 'E' in a failed one
};
// ErrorResponse and NoticeResponse. A field that wasn't sent is empty.
struct ErrorFields {
  std::string_view severity;  // S: perhaps translated
  std::string_view
      severity_plain;         // V: never translated; severity, if a server older than 9.6 sent none
  std::string_view sqlstate;  // "XX000" if missing or malformed
  std::string_view message, detail, hint, position;
  std::string_view internal_position, internal_query, where;
  std::string_view schema, table, column, type, constraint;
  std::string_view file, line, routine;
  std::string_view raw;  // the payload
  bool fatal() const { return severity_plain == "FATAL" || severity_plain == "PANIC"; }
};
struct CommandComplete {
  std::string_view tag;  // "INSERT 0 1"
};
struct Column {
  std::string_view name;
  std::uint32_t table = 0;     // oid, 0: not a table's column
  std::int16_t attribute = 0;  // its number there
  std::uint32_t type = 0;      // oid
  std::int16_t type_size = 0;  // negative: variable
  std::int32_t type_modifier = -1;
  std::uint16_t format = 0;  // 0 text, 1 binary
  bool operator==(const Column&) const = default;
};
struct RowDescription {
  std::vector<Column> columns;
};
struct CopyResponse {
  std::uint8_t format = 0;  // 0 text, 1 binary
  std::vector<std::uint16_t> columns;
};
struct ParameterDescription {
  std::vector<std::uint32_t> types;
};
struct NotificationResponse {
  std::uint32_t pid = 0;
  std::string_view channel, payload;
};
struct NegotiateProtocolVersion {
  std::uint16_t newest_minor = 0;
  std::vector<std::string_view> options;  // the ones the server doesn't know
};
struct FunctionCallResponse {
  std::optional<std::string_view> value;
};

// A row's values, walked without copying: for (std::optional<std::string_view> v : row).
// read_data_row() has checked every length, so the walk can't fail.
class DataRow {
 public:
  class Iterator {
   public:
    using value_type = std::optional<std::string_view>;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    Iterator(std::string_view left, std::size_t count) : left_(left), count_(count) {}
    value_type operator*() const;
    Iterator& operator++();
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return count_ == other.count_; }

   private:
    std::string_view left_;
    std::size_t count_ = 0;  // values left
  };

  DataRow() = default;
  std::size_t size() const { return count_; }
  Iterator begin() const { return {values_, count_}; }
  Iterator end() const { return {}; }

 private:
  friend Result<DataRow> read_data_row(std::string_view payload);
  DataRow(std::string_view values, std::size_t count) : values_(values), count_(count) {}
  std::string_view values_;
  std::size_t count_ = 0;
};

Result<Authentication> read_authentication(std::string_view payload);
// From Authentication::data: of kAuthSasl, and of kAuthMd5.
Result<std::vector<std::string_view>> sasl_mechanisms(std::string_view data);
Result<std::array<char, 4>> md5_salt(std::string_view data);
Result<ParameterStatus> read_parameter_status(std::string_view payload);
Result<BackendKeyData> read_backend_key_data(std::string_view payload);
Result<ReadyForQuery> read_ready_for_query(std::string_view payload);
Result<ErrorFields> read_error(std::string_view payload);  // and notices
Result<CommandComplete> read_command_complete(std::string_view payload);
Result<RowDescription> read_row_description(std::string_view payload);
Result<DataRow> read_data_row(std::string_view payload);
Result<CopyResponse> read_copy_response(std::string_view payload);  // in, out and both
Result<ParameterDescription> read_parameter_description(std::string_view payload);
Result<NotificationResponse> read_notification(std::string_view payload);
Result<NegotiateProtocolVersion> read_negotiate_version(std::string_view payload);
Result<FunctionCallResponse> read_function_call_response(std::string_view payload);

// The rows a command touched, from its tag: 3 for "INSERT 0 3", nullopt for "BEGIN".
std::optional<std::uint64_t> rows_of(std::string_view tag);

void append_authentication(Buffer& out, std::uint32_t code, std::string_view data = {});
void append_sasl(Buffer& out, std::span<const std::string_view> mechanisms);
void append_parameter_status(Buffer& out, std::string_view name, std::string_view value);
void append_backend_key_data(Buffer& out, std::uint32_t pid, std::string_view secret);
void append_ready_for_query(Buffer& out, char status);
void append_command_complete(Buffer& out, std::string_view tag);
void append_row_description(Buffer& out, std::span<const Column> columns);
void append_data_row(Buffer& out, std::span<const std::optional<std::string_view>> values);
// `type` is one of the three Copy...Response.
void append_copy_response(Buffer& out, char type, const CopyResponse& response);
void append_parameter_description(Buffer& out, std::span<const std::uint32_t> types);
void append_notification(Buffer& out, const NotificationResponse& notification);
void append_function_call_response(Buffer& out, std::optional<std::string_view> value);
void append_parse_complete(Buffer& out);
void append_bind_complete(Buffer& out);
void append_close_complete(Buffer& out);
void append_portal_suspended(Buffer& out);
void append_no_data(Buffer& out);
void append_empty_query_response(Buffer& out);

// An error or notice of our own. Empty fields aren't sent; sqlstate falls back to "XX000".
struct ErrorReport {
  std::string severity = "ERROR";
  std::string sqlstate;
  std::string message;
  std::string detail = {};
  std::string hint = {};
};
void append_error(Buffer& out, const ErrorReport& report);
// Severity "NOTICE" unless the report says another than "ERROR".
void append_notice(Buffer& out, const ErrorReport& report);

}  // namespace sluice::postgres
