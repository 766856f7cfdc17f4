// Texts in, prepared forms out: what tests/integration/test_prepared_form.py compares with PostgreSQL.
//
// Reads texts from the standard input, each behind its size (32 bits, little-endian), up to its end. For
// each writes one byte, 1: it has a form; then of that the text, the types, and the number of values and
// each value, sizes and numbers in 32 bits too. The facts come the way they come in the gateway: of the
// template, parsed from the normalised text.
#include "sluice/query/prepared_form.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace query = sluice::query;

namespace {

bool read(void* bytes, std::size_t size) { return std::fread(bytes, 1, size, stdin) == size; }

void write(std::uint32_t number) { std::fwrite(&number, 1, sizeof number, stdout); }
void write(std::string_view bytes) {
  write(static_cast<std::uint32_t>(bytes.size()));
  std::fwrite(bytes.data(), 1, bytes.size(), stdout);
}

void write(bool has_form, const query::PreparedForm& form) {
  std::fputc(has_form ? 1 : 0, stdout);
  if (!has_form) return;
  write(form.text);
  write(form.types);
  write(static_cast<std::uint32_t>(form.values.size()));
  for (const std::string_view value : form.values) write(value);
}

}  // namespace

int main() {
  query::Normaliser normaliser;
  query::Templates templates;
  query::PreparedForm form;
  std::string text;
  for (std::uint32_t size = 0; read(&size, sizeof size);) {
    text.resize(size);
    if (!read(text.data(), size)) return 1;
    const query::Normalised& seen = normaliser.read(text);
    bool has_form = false;
    if (seen.fault == nullptr) {
      const auto known = templates.intern(seen, text, query::Dialect::postgres, false);
      templates.parse_queued();
      has_form = query::prepare(text, seen.literals, *known->facts(), false, form);
    }
    write(has_form, form);
  }
  return 0;
}
