// The normaliser: one pass over a text's tokens, each copied once into the buffer that is hashed.
//
// What a token is written like hangs on its kind, on the token before it (a blank between them or
// none, a table) and, for numbers, on what the words before say: a Role that the last token left
// behind, and a frame for each open parenthesis. Both are a byte; nothing is looked up again and
// nothing allocated.
//
// The blanks are chosen so that the written text has the same tokens again when it is read.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "query/blanks.h"
#include "query/lexer_mysql.h"
#include "query/lexer_postgres.h"
#include "query/text_faults.h"
#include "query/words_normalise.h"
#include "sluice/query/fingerprint.h"

namespace sluice::query {
namespace {

using detail::Piece;
using detail::Role;

// What an open parenthesis or bracket is.
enum class Frame : std::uint8_t {
  plain,
  list,       // an ORDER BY or GROUP BY list, or part of one
  modifiers,  // of a type
  convert,    // MySQL's CONVERT(x, type)
};

// Lower case, ASCII. Writes up to 15 bytes more than it was given.
inline void fold(char* out, const char* from, std::size_t size, const char* end) {
  using Block = unsigned char __attribute__((vector_size(16)));
  std::size_t done = 0;
  while (end - from >= static_cast<std::ptrdiff_t>(done + sizeof(Block))) {
    Block block;
    std::memcpy(&block, from + done, sizeof block);
    block |= static_cast<Block>((block - 'A') < 26) & 0x20;
    std::memcpy(out + done, &block, sizeof block);
    done += sizeof block;
    if (done >= size) return;
  }
  for (; done < size; ++done) {
    const char c = from[done];
    out[done] = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  }
}

// Reads one text. `out` holds what kGrowth says.
template <Dialect kDialect, class TextLexer>
class Pass {
 public:
  Pass(std::string_view text, bool backslash_escapes, char* out, std::vector<Literal>& literals)
      : lexer_(text, backslash_escapes),
        text_(text.data()),
        text_end_(text.data() + text.size()),
        begin_(out),
        out_(out),
        literals_(literals) {}

  // The fault, or null. With the lexer inside: called for each token it makes a third more of all
  // time.
  [[gnu::flatten]] const char* run();
  std::string_view written() const { return {begin_, static_cast<std::size_t>(out_ - begin_)}; }
  std::string_view comment() const { return lexer_.last_comment(); }
  unsigned parameters() const { return parameters_; }

 private:
  void blank(Piece piece) {
    *out_ = ' ';
    out_ += detail::kBlanks[static_cast<std::size_t>(before_)][static_cast<std::size_t>(piece)];
    before_ = piece;
  }
  void as_written(const Token& token) {
    std::memcpy(out_, token.start, token.size);
    out_ += token.size;
  }
  void put(std::string_view text) {
    std::memcpy(out_, text.data(), text.size());
    out_ += text.size();
  }
  bool follows(std::string_view word) const {
    return before_ == Piece::word && written().ends_with(word);
  }
  void single(Piece piece, const Token& token) {
    blank(piece);
    *out_++ = *token.start;
  }
  void literal(Literal::Kind kind, const Token& token) {
    literals_.push_back({kind, static_cast<std::uint32_t>(token.start - text_), token.size});
  }

  void word(const Token& token);
  void number(const Token& token);
  void string(const Token& token);
  void parameter(const Token& token);
  void op(const Token& token);
  void bracket(const Token& token);
  void open_paren(const Token& token);
  void comma(const Token& token);
  void semicolon(const Token& token);
  Role role_of(const detail::NormalWord* found) const;
  bool stays();

  Frame frame() const { return depth_ < frames_.size() ? frames_[depth_] : Frame::plain; }
  void set_frame(Frame frame) {
    if (depth_ < frames_.size()) frames_[depth_] = frame;
  }
  void open(Frame frame) {
    ++depth_;
    ++tokens_;
    set_frame(frame);
  }
  void close() {
    if (depth_ != 0) --depth_;
  }

  TextLexer lexer_;
  const char* text_;
  const char* text_end_;
  char* begin_;
  char* out_;
  std::vector<Literal>& literals_;
  Token position_;  // of Role::position
  char* position_out_ = nullptr;
  unsigned parameters_ = 0;
  unsigned depth_ = 0;
  unsigned tokens_ = 0;      // so far, of those that stand between a type's parentheses
  unsigned next_comma_ = 0;  // where a list of modifiers has its next comma
  Piece before_ = Piece::start;
  Role role_ = Role::none;
  bool opening_ = true;        // the statement's first word hasn't come yet
  bool numbers_stay_ = false;  // the statement isn't one whose numbers are data
  std::array<Frame, 64> frames_ = {};
};

// A placeholder of one byte becomes three with its blank; nothing else grows more.
constexpr std::size_t kGrowth = 3;

template <Dialect kDialect, class TextLexer>
const char* Pass<kDialect, TextLexer>::run() {
  for (;;) {
    const Token token = lexer_.next();
    switch (token.kind) {
      case TokenKind::identifier: word(token); break;
      case TokenKind::quoted_identifier:
        blank(Piece::quoted);
        as_written(token);
        role_ = role_ == Role::cast ? Role::type_name : Role::none;
        break;
      case TokenKind::string: string(token); break;
      case TokenKind::number: number(token); break;
      case TokenKind::parameter: parameter(token); break;
      case TokenKind::op: op(token); break;
      case TokenKind::comma: comma(token); continue;
      case TokenKind::dot:
        single(Piece::dot, token);
        role_ = role_ == Role::type_name ? Role::cast : Role::none;
        break;
      case TokenKind::semicolon: semicolon(token); break;
      case TokenKind::bracket: bracket(token); break;
      case TokenKind::colon:
        single(Piece::colon, token);
        role_ = Role::none;
        break;
      case TokenKind::open_paren: open_paren(token); continue;
      case TokenKind::close_paren:
        single(Piece::close_paren, token);
        close();
        role_ = Role::none;
        break;
      case TokenKind::stray: return "invalid character";
      case TokenKind::unterminated:
        return token.size == 0 || token.start[0] == '/' ? "unterminated comment"
                                                        : "unterminated string";
      case TokenKind::end:
        if (before_ == Piece::semicolon) --out_;
        return nullptr;
    }
    ++tokens_;
  }
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::word(const Token& token) {
  const bool member = before_ == Piece::dot;
  blank(Piece::word);
  fold(out_, token.start, token.size, text_end_);
  const detail::NormalWord* found = detail::normal_word(out_, token.size);
  out_ += token.size;
  if (kDialect == Dialect::mysql && *token.start == '@') before_ = Piece::number;  // @a .b
  if (found == nullptr || member) {
    if (opening_) {
      opening_ = false;
      numbers_stay_ = true;
    }
    role_ = role_ == Role::cast || role_ == Role::as ? Role::type_name : Role::none;
    return;
  }
  if (opening_) {
    opening_ = false;
    numbers_stay_ = !found->data;
  }
  if (found->spaced) before_ = Piece::spaced_word;
  role_ = role_of(found);
  if (role_ == Role::item) {
    set_frame(Frame::list);
  } else if (role_ == Role::select && frame() == Frame::list) {
    set_frame(Frame::plain);
  }
}

// What the word says to the next token, given what the token before it said.
template <Dialect kDialect, class TextLexer>
Role Pass<kDialect, TextLexer>::role_of(const detail::NormalWord* found) const {
  switch (found->role) {
    case Role::first: return role_ == Role::fetch ? Role::limit : Role::none;
    case Role::by: return role_ == Role::order ? Role::item : Role::none;
    case Role::type_or_call:
      if (kDialect == Dialect::postgres || role_ == Role::cast || role_ == Role::as) {
        return Role::type_name;
      }
      return Role::none;
    case Role::type: return Role::type_name;
    case Role::second:
      return role_ == Role::string || role_ == Role::to ? Role::type_name : Role::none;
    case Role::convert: return kDialect == Dialect::mysql ? Role::convert : Role::none;
    default: return role_ == Role::cast && !found->spaced ? Role::type_name : found->role;
  }
}

// Whether a number decides what the statement is.
template <Dialect kDialect, class TextLexer>
bool Pass<kDialect, TextLexer>::stays() {
  switch (role_) {
    case Role::limit: role_ = Role::limited; return true;
    case Role::modifier: role_ = Role::none; return true;
    case Role::item: role_ = numbers_stay_ ? Role::none : Role::position; return true;
    default: role_ = Role::none; return numbers_stay_;
  }
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::number(const Token& token) {
  blank(Piece::number);
  if (!stays()) {
    *out_++ = '?';
    literal(Literal::Kind::number, token);
    return;
  }
  if (role_ == Role::position) {
    position_ = token;
    position_out_ = out_;
  }
  as_written(token);
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::string(const Token& token) {
  if (kDialect == Dialect::postgres && follows(" uescape")) {  // it decides what a name says
    blank(Piece::string);
    return as_written(token);
  }
  blank(Piece::string);
  role_ = Role::string;
  if (token.form == StringForm::bits) {
    const char sign = *token.start == '0' ? token.start[1] : *token.start;
    const bool hex = (sign | 0x20) == 'x';
    put(hex ? "x'?'" : "b'?'");
    literal(hex ? Literal::Kind::hex : Literal::Kind::bits, token);
  } else if ((*token.start | 0x20) == 'n') {
    put("n'?'");
    literal(Literal::Kind::national, token);
  } else {
    put("'?'");
    literal(Literal::Kind::string, token);
  }
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::parameter(const Token& token) {
  blank(Piece::parameter);
  role_ = role_ == Role::limit ? Role::limited : Role::none;
  if constexpr (kDialect == Dialect::mysql) {
    put("\\?");
    ++parameters_;
  } else {
    as_written(token);
    constexpr unsigned kMost = 65535;  // of the protocol
    unsigned n = 0;
    for (const char* p = token.start + 1; p != token.end() && n <= kMost; ++p) {
      n = n * 10 + static_cast<unsigned>(*p - '0');
    }
    if (n > parameters_) parameters_ = n < kMost ? n : kMost;
  }
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::op(const Token& token) {
  if (role_ == Role::position) {  // 1 + x is no column's position
    out_ = position_out_;
    *out_++ = '?';
    literal(Literal::Kind::number, position_);
  }
  role_ = Role::none;
  if constexpr (kDialect == Dialect::postgres) {
    if (token.size == 2 && token.start[0] == ':' && token.start[1] == ':') {
      blank(Piece::cast);
      put("::");
      role_ = Role::cast;
      return;
    }
  }
  blank(*token.start == '.' ? Piece::number : Piece::op);  // .. and . must not meet
  if (token.size == 1) {
    if (*token.start == '?') *out_++ = '\\';
    *out_++ = *token.start;
    return;
  }
  as_written(token);
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::bracket(const Token& token) {
  const bool opens = *token.start == '[' || *token.start == '{';
  single(opens ? Piece::open : Piece::close, token);
  if (!opens) {
    close();
    role_ = Role::none;
    return;
  }
  ++depth_;
  set_frame(Frame::plain);
  role_ = role_ == Role::type_name ? Role::modifier : Role::none;  // int[3]
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::open_paren(const Token& token) {
  single(Piece::open_paren, token);
  switch (role_) {
    case Role::type_name:
    case Role::limit:
      open(Frame::modifiers);
      next_comma_ = tokens_ + 1;
      role_ = Role::modifier;
      return;
    case Role::item: open(Frame::list); return;
    case Role::sets:
      if (frame() != Frame::list) break;
      open(Frame::list);
      role_ = Role::item;
      return;
    case Role::convert: open(Frame::convert); break;
    default: open(Frame::plain); break;
  }
  role_ = Role::none;
}

template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::comma(const Token& token) {
  single(Piece::comma, token);
  ++tokens_;
  const bool limited = kDialect == Dialect::mysql && role_ == Role::limited;
  role_ = limited ? Role::limit : Role::none;
  switch (frame()) {
    case Frame::plain: break;
    case Frame::list:
      if (!limited) role_ = Role::item;
      break;
    case Frame::convert: role_ = Role::cast; break;
    case Frame::modifiers:
      if (tokens_ != next_comma_ + 1) break;  // no list of single tokens
      next_comma_ += 2;
      role_ = Role::modifier;
      break;
  }
}

// Empty statements aren't written.
template <Dialect kDialect, class TextLexer>
void Pass<kDialect, TextLexer>::semicolon(const Token& token) {
  if (before_ != Piece::start && before_ != Piece::semicolon) single(Piece::semicolon, token);
  depth_ = 0;
  frames_[0] = Frame::plain;
  role_ = Role::none;
  opening_ = true;
  numbers_stay_ = false;
}

}  // namespace

struct Normaliser::Work {
  template <Dialect kDialect, class TextLexer>
  void run(std::string_view text, bool backslash_escapes) {
    Pass<kDialect, TextLexer> pass(text, backslash_escapes, room_for(text.size()), literals);
    seen.fault = pass.run();
    if (seen.fault != nullptr) return;
    seen.text = pass.written();
    seen.fingerprint = fingerprint_of(seen.text, kDialect);
    seen.literals = literals;
    seen.comment = pass.comment();
    seen.parameters = pass.parameters();
  }

  // What the output of so many bytes of text needs at most.
  char* room_for(std::size_t text) {
    constexpr std::size_t kSlack = 64;  // fold() writes in blocks
    const std::size_t wanted = text * kGrowth + kSlack;
    if (wanted > size) {
      size = std::min(std::bit_ceil(wanted), kMaxText * kGrowth + kSlack);
      buffer = std::make_unique_for_overwrite<char[]>(size);
    }
    return buffer.get();
  }

  std::unique_ptr<char[]> buffer;
  std::size_t size = 0;
  std::vector<Literal> literals;
  Normalised seen;
};

Normaliser::Normaliser() : work_(std::make_unique<Work>()) {}
Normaliser::~Normaliser() = default;

const Normalised& Normaliser::read(std::string_view text, Dialect dialect, bool backslash_escapes) {
  Work& work = *work_;
  work.seen = {};
  work.literals.clear();
  work.seen.fault = text.size() > kMaxText ? "too long" : fault_of_bytes(text);
  if (work.seen.fault != nullptr) return work.seen;
  if (dialect == Dialect::postgres) {
    work.run<Dialect::postgres, Lexer>(text, backslash_escapes);
  } else {
    work.run<Dialect::mysql, MysqlLexer>(text, backslash_escapes);
  }
  return work.seen;
}

}  // namespace sluice::query
