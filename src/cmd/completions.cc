#include "cmd/completions.h"

#include <functional>

#include <fmt/format.h>

namespace sluice::cmd {
namespace {

// Calls `visit` for the program and every command below it, with its path: "", " config", " config show".
using Visit = std::function<void(const CommandTree&, const std::string& path)>;
void walk(const CommandTree& command, const std::string& path, const Visit& visit) {
  visit(command, path);
  for (const CommandTree& child : command.commands) walk(child, path + " " + child.name, visit);
}

std::string words_of(const CommandTree& command) {
  std::string out;
  for (const CommandTree& child : command.commands) out += child.name + " ";
  for (const auto& option : command.options) out += option.name + " ";
  if (!out.empty()) out.pop_back();
  return out;
}

// Two `case` bodies that bash and zsh share: which words lead on to a command, and what follows it.
std::string path_cases(const CommandTree& program) {
  std::string out;
  walk(program, "", [&](const CommandTree&, const std::string& path) {
    if (!path.empty()) out += fmt::format("{}'{}'", out.empty() ? "" : "|", path);
  });
  return out;
}

std::string word_cases(const CommandTree& program) {
  std::string out;
  walk(program, "", [&](const CommandTree& command, const std::string& path) {
    out += fmt::format("    '{}') known='{}' ;;\n", path, words_of(command));
  });
  return out;
}

std::string bash(const CommandTree& program) {
  return fmt::format(R"(# bash completion for sluice
_sluice() {{
  local word at= known=
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "$at $word" in {}) at="$at $word" ;; esac
  done
  case "$at" in
{}  esac
  COMPREPLY=($(compgen -W "$known" -- "${{COMP_WORDS[COMP_CWORD]}}"))
}}
complete -o default -F _sluice sluice
)",
                     path_cases(program), word_cases(program));
}

std::string zsh(const CommandTree& program) {
  return fmt::format(R"(#compdef sluice
# zsh completion for sluice
_sluice() {{
  local word at= known=
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "$at $word" in {}) at="$at $word" ;; esac
  done
  case "$at" in
{}  esac
  compadd -- ${{=known}}
  _files
}}
compdef _sluice sluice
)",
                     path_cases(program), word_cases(program));
}

std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish(const CommandTree& program) {
  std::string out = "# fish completion for sluice\n";
  for (const CommandTree& command : program.commands) {
    out += fmt::format("complete -c sluice -n __fish_use_subcommand -a {} -d {}\n", command.name,
                       fish_quoted(command.summary));
    const std::string seen = fmt::format("'__fish_seen_subcommand_from {}'", command.name);
    for (const CommandTree& child : command.commands)
      out += fmt::format("complete -c sluice -n {} -a {} -d {}\n", seen, child.name,
                         fish_quoted(child.summary));
    for (const auto& option : command.options)
      out += fmt::format("complete -c sluice -n {} -l {} -d {}\n", seen, option.name.substr(2),
                         fish_quoted(option.summary));
  }
  return out;
}

}  // namespace

Result<std::string> completions(std::string_view shell, const CommandTree& program) {
  if (shell == "bash") return bash(program);
  if (shell == "zsh") return zsh(program);
  if (shell == "fish") return fish(program);
  return fail(Code::invalid_argument, "completions are there for bash, zsh and fish");
}

}  // namespace sluice::cmd
