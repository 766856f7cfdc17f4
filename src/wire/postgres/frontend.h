// What a client says, behind the first packet.
//
// read_x() takes a frame's payload and gives views into it; append_x() writes a whole frame. The
// readers are as strict as the server's: a field past the end or a byte left over is a
// protocol_violation (08P01), which the server reports as an ERROR and survives, but not a proxy that
// guessed what was meant.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "sluice/result.h"

namespace sluice::postgres {

// The type bytes a client sends.
namespace frontend {
inline constexpr char kBind = 'B';
inline constexpr char kClose = 'C';
inline constexpr char kCopyData = 'd';
inline constexpr char kCopyDone = 'c';
inline constexpr char kCopyFail = 'f';
inline constexpr char kDescribe = 'D';
inline constexpr char kExecute = 'E';
inline constexpr char kFlush = 'H';
inline constexpr char kFunctionCall = 'F';
inline constexpr char kParse = 'P';
inline constexpr char kPassword = 'p';  // also SASLInitialResponse, SASLResponse, GSSResponse
inline constexpr char kQuery = 'Q';
inline constexpr char kSync = 'S';
inline constexpr char kTerminate = 'X';

// One of the above.
bool known(char type);
}  // namespace frontend

struct Query {
  std::string_view text;
};
struct Parse {
  std::string_view name;  // "" is the unnamed statement
  std::string_view query;
  std::string_view types;  // raw: four bytes for each type oid
};
struct Bind {
  std::string_view portal;
  std::string_view statement;
  std::string_view rest;  // formats, parameters and result formats; see bind_parameters()
};
struct Describe {
  char kind = 'S';  // 'S' statement, 'P' portal
  std::string_view name;
};
struct Close {
  char kind = 'S';
  std::string_view name;
};
struct Execute {
  std::string_view portal;
  std::uint32_t max_rows = 0;  // 0: all
};
struct CopyFail {
  std::string_view reason;
};
struct Password {
  std::string_view bytes;  // without the NUL
};
struct SaslInitial {
  std::string_view mechanism;
  std::optional<std::string_view> data;  // nullopt: the client sent none (length -1)
};
struct SaslResponse {
  std::string_view data;
};

struct BoundValue {
  std::uint16_t format = 0;               // 0 text, 1 binary
  std::optional<std::string_view> value;  // nullopt: NULL
};
struct BindParameters {
  std::vector<BoundValue> values;
  std::vector<std::uint16_t>
      result_formats;  // none: all text; one: for all columns; else each column's
};
struct FunctionCall {
  std::uint32_t function = 0;  // oid
  std::vector<BoundValue> arguments;
  std::uint16_t result_format = 0;
};

Result<Query> read_query(std::string_view payload);
Result<Parse> read_parse(std::string_view payload);
Result<Bind> read_bind(std::string_view payload);
// What is in Bind::rest. Separate, because most of the time nobody needs to look.
Result<BindParameters> bind_parameters(std::string_view rest);
Result<void> read_bind_parameters(std::string_view rest, BindParameters& into);  // with its memory
Result<Describe> read_describe(std::string_view payload);
Result<Close> read_close(std::string_view payload);
Result<Execute> read_execute(std::string_view payload);
Result<FunctionCall> read_function_call(std::string_view payload);
Result<CopyFail> read_copy_fail(std::string_view payload);
Result<Password> read_password(std::string_view payload);
Result<SaslInitial> read_sasl_initial(std::string_view payload);
Result<SaslResponse> read_sasl_response(std::string_view payload);

// Names and texts hold no NUL; what stands behind one is cut off.
void append_query(Buffer& out, std::string_view text);
void append_parse(Buffer& out, std::string_view name, std::string_view query,
                  std::string_view types = {});
void append_bind(Buffer& out, std::string_view portal, std::string_view statement,
                 std::string_view rest);
// Writes what bind_parameters() reads, for append_bind()'s `rest`.
void append_bind_parameters(Buffer& out, const BindParameters& parameters);
void append_describe(Buffer& out, char kind, std::string_view name);
void append_close(Buffer& out, char kind, std::string_view name);
void append_execute(Buffer& out, std::string_view portal, std::uint32_t max_rows = 0);
void append_sync(Buffer& out);
void append_flush(Buffer& out);
void append_terminate(Buffer& out);
void append_password(Buffer& out, std::string_view password);
void append_sasl_initial(Buffer& out, std::string_view mechanism,
                         std::optional<std::string_view> data);
void append_sasl_response(Buffer& out, std::string_view data);
void append_function_call(Buffer& out, const FunctionCall& call);
// CopyData and CopyDone look the same in both directions.
void append_copy_data(Buffer& out, std::string_view data);
void append_copy_done(Buffer& out);
void append_copy_fail(Buffer& out, std::string_view reason);

}  // namespace sluice::postgres
