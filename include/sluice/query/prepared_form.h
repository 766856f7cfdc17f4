// Prepared form: a simple query as a prepared statement, its literals as parameters.
//
//   SELECT abalance FROM accounts WHERE aid = 12345;
//   SELECT abalance FROM accounts WHERE aid = $1        types: int4, values: "12345"
//
// PostgreSQL then plans once for many texts. On a request's way this stands behind the fingerprint; the
// facts of its Template say which literals may be parameters (Slot::replaceable), prepare() reads the
// literals of one text. What is promised: where the form succeeds, the text would have, with the same
// columns (names, types, modifiers) and rows; where the text fails, the form fails. That the form fails
// where the text wouldn't is allowed: whoever runs it then runs the text.
//
// WHY THE MEANING STAYS
// (PostgreSQL 15: manual, chapter 10; src/backend/parser/parse_{expr,oper,coerce,param,collate}.c, scan.l;
// src/backend/utils/cache/plancache.c; src/backend/optimizer/util/clauses.c.)
//
// Only a literal that is compared is replaced: an operand of = <> < > <= >=, an item of IN or BETWEEN, the
// array of = ANY '{...}', in WHERE, ON or HAVING of any SELECT in the text, below nothing but AND, OR, NOT
// and IS. The other operand must have a type of its own: a column, a call, a cast, the result of an
// operator.
//
// 1. The operator is the same. oper() and select_common_type() choose by exprType() of the operands. A
//    number has the type that make_const() gives it: int4, int8 or numeric by its value, and that is
//    declared for its parameter; nothing of what follows asks whether it is a constant or a parameter. A
//    string is of type `unknown`; so is a parameter declared 0 until it is coerced. coerce_type() turns
//    both into the type that the operator (IN: the common type) wants: the string through the type's
//    input function with modifier -1, the parameter by variable_coerce_param_hook(), which gives it that
//    very type, modifier -1, and Bind calls the same input function with -1. So it holds for enums,
//    domains, arrays, polymorphic operators, char, "char", name, citext and operators of users: it is
//    never asked what the type is. Where no type comes out ("any"), Parse refuses a parameter. Collations:
//    both have their type's default, derived alike (parse_collate.c). Whole rows and f(t) written as t.f
//    are columns here like others: they have a type.
//    The server reads a prepared text again when something in it was changed or analysed
//    (RevalidateCachedQuery), and then with the types that came out at first. For operands (T, D) the
//    operator is the one for (T, unknown) that wanted D: one that fits T better would have been taken
//    before. (An exception nobody makes: T a domain, and an operator for that domain and D, its base type.)
//    A literal inside CASE, COALESCE, an array, a row, arithmetic, a call, VALUES or a list of columns
//    can decide a type for others, in a UNION that of the result: it is never replaced.
// 2. A parameter stands in one place. Its first use decides its type, a second one would see it decided.
//    So each literal gets one of its own; and below the left side of BETWEEN, which the server copies
//    before it is read, and in BETWEEN SYMMETRIC, which copies all, nothing is replaced.
// 3. Names and types of the result come from lists of columns, which stay as they are. Expressions that
//    must be equal (GROUP BY, ORDER BY with DISTINCT) are equal or not by equal(): a literal inside,
//    replaced twice, gives two parameters that aren't, and so an error at most.
// 4. What fails must fail. A string that its type can't read fails in Bind, always; as a constant it
//    fails in analysis, always. A number may have to be cast (int8 to oid, numeric to float8); of
//    a constant that is tried in planning, of a parameter in a generic plan only if a row comes by. The
//    casts that PostgreSQL itself does unasked fail for numbers that a float4 can't hold, which stay in
//    the text (kMaxNumber), and for an oid above 2^32-1. Integers above that make another text than those
//    below (a blank more): with an oid each execution of it fails while it is planned, and one that has
//    never been planned gets no generic plan (choose_custom_plan() counts to five), unless
//    plan_cache_mode says so. What text the scanner of some version refuses (a letter behind a number, \'
//    while backslash_quote is off) has no form.
// 5. Text that stays is read once, in Parse, for all executions. Numbers mean the same at any time, but a
//    string of type `unknown` becomes a constant then: 'now', 'today', dates by DateStyle and TimeZone,
//    labels of enums. So a string that isn't replaced may stay only if nothing but itself says what it
//    means: a text (columns of a list, patterns, formats, keys behind -> and ->>), or a literal cast to
//    a type whose input function is immutable, or to interval, date, time or timestamp written so that no
//    setting counts. Where a backslash counts (standard_conforming_strings) none may stay. x = NULL, which
//    transform_null_equals decides in analysis, makes that a text has no form.
// 6. Strings are of the client's encoding in both, converted alike; escapes could make bytes of the
//    server's encoding, so only those for ASCII are undone.
// 7. No locks, no writes, no INTO, one statement, no $n, nothing that shows the running text
//    (current_query(), pg_stat_activity), no name so long that it is cut with a NOTICE each time.
//
// WHAT ISN'T PROMISED, because PostgreSQL doesn't: rows without an ORDER BY, and which of them LIMIT takes,
// come as the plan has it; so does the order in which conditions are evaluated, and so whether an error
// in one of them (1/x) is met. A generic plan may differ there from that of the text. Implicit casts that
// a user made from a number, by an immutable function that raises an error, may not be tried.
//
// WHAT THE CALLER HAS TO SEE TO
// - The same text with other types is another statement: both are its key.
// - Names are looked up in Parse, and again only when the server knows of a change (plancache.c:
//   search_path, what tables and views are, row security). It doesn't when a second temporary table hides
//   another, or a new function or operator would match better: a session that makes such has to run texts.
// - Types of string parameters stay when a text is read again. After ALTER TABLE has changed a column's type,
//   'c7  ' is still compared as the text that it was and not as the char(5) that the column is now; likewise
//   under another search_path. So a form with strings is good for the search_path and role it was parsed
//   under and until tables are altered. declared() tells the forms without strings, which are read again as
//   their texts would be.
// - With plan_cache_mode = force_generic_plan an oid out of range may not be noticed (4).
// - A text with side effects (Facts::volatility) has them twice if its form fails and the text runs; and
//   inside a transaction the error ends that, and the text can't run any more.
// - Literals that stay (numbers with a sign, patterns) make a text of their own each: forms of a template
//   have to be counted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sluice/query/facts.h"
#include "sluice/query/fingerprint.h"

namespace sluice::query {

// May be moved, not copied: `values` are views.
struct PreparedForm {
  // With $1, $2, ...; comments are a blank (but for hints, /*+ */), semicolons and blanks at the end are
  // gone.
  std::string text;
  // As in Parse: 32 bits each, big-endian: 23 (int4), 20 (int8), 1700 (numeric); 0 for strings.
  std::string types;
  std::vector<std::string_view> values;  // in text format; into the original text or `undone`
  std::vector<std::string> undone;       // values that had doubled quotes or escapes

  // Whether no parameter's type is left to the server to find: no strings.
  bool declared() const;

  PreparedForm() = default;
  PreparedForm(PreparedForm&&) = default;
  PreparedForm& operator=(PreparedForm&&) = default;
};

inline constexpr std::size_t kMaxReplaced = 256;  // literals of a text; more: it has no form
inline constexpr std::size_t kMaxNumber =
    36;  // digits of a number that is replaced: float4 has 1e38

// False: the text has to run as it is, and `form` holds nothing of use. `facts`: of the template of `text`;
// `literals`: of this text, as Normalised has them. Linear in the text, reuses the memory of `form`.
// Thread-safe.
bool prepare(std::string_view text, std::span<const Literal> literals, const Facts& facts,
             bool backslash_escapes, PreparedForm& form);

}  // namespace sluice::query
